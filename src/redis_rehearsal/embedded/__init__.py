"""The servers that a bare machine gets: real ones, as child processes."""
