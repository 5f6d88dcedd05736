"""Measuring this machine with the tool, and others beside it."""
