"""HOW the load is driven: an open loop in a process of its own."""
