"""Servers and their keys, as copying, comparing and preflight ask for them."""
