"""How a report is stored: one file for each Redis data type."""
