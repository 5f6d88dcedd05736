"""Proving what happened: the ledger against the servers."""
