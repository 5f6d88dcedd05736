"""What a run shows over HTTP."""
