"""Whether two servers will do for a migration, seen before anything is touched."""
