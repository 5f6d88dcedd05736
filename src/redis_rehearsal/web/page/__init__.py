"""The live page: what a browser is served, and what it is told while a run lasts."""
