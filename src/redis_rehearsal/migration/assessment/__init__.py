"""From what was recorded to phases, downtime, recovery and the verdict. Pure."""
