"""The coordinator: owns everything but the load itself."""
