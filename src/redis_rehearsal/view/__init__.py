"""The run's blackboard: what there is to see of it while it lasts."""
