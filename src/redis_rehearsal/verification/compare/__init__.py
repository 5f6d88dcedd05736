"""Comparing two databases key by key, both ways."""
