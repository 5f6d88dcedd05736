"""WHERE workers run."""
