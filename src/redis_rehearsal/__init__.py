"""Rehearse moving a live Redis to another one, and prove what happened."""

__version__ = "0.1.0"
