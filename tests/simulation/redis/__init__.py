"""A Redis in memory, in virtual time: what our own code asks of one, answered as Redis does."""

from tests.simulation.redis.accounts import Increment
from tests.simulation.redis.server import SimulatedRedis

__all__ = ["Increment", "SimulatedRedis"]
