"""A strategy and a criterion of another package."""
