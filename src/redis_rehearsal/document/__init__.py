"""What run.json holds, as types: written whole, and read however damaged."""
