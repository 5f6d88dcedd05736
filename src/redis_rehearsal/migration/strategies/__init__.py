"""The ways of migrating: one file each."""
