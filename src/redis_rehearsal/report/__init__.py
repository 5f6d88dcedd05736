"""What a run shows: its document, its terminal."""
