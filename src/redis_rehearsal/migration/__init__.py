"""Moving the application from source to target: phases, steps, strategies."""
