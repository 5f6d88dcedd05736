"""The documentation as a site: `make site` writes it to site/, with the report of a rehearsal."""
