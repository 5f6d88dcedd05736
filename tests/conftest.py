from hypothesis import settings

# Timings are never asserted: machines are shared.
settings.register_profile("shared-machine", deadline=None, max_examples=60)
settings.load_profile("shared-machine")
