"""WHAT is simulated: tenants, events, queries, arrivals. Pure and seeded; no I/O."""
