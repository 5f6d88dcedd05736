"""PostgreSQL: schema, seeding, one query a report, the event writer."""
