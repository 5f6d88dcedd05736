"""The ways of migrating: one file each. The command line, the API and the docs read this registry."""

from typing import Final

from redis_rehearsal.migration.strategies.base import Strategy
from redis_rehearsal.migration.strategies.cold import COLD
from redis_rehearsal.migration.strategies.external import EXTERNAL
from redis_rehearsal.migration.strategies.observe import OBSERVE
from redis_rehearsal.migration.strategies.replicate import REPLICATE

STRATEGIES: Final[dict[str, Strategy]] = {strategy.name: strategy for strategy in (COLD, REPLICATE, EXTERNAL, OBSERVE)}
