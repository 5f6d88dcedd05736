"""The ways of migrating: one file each. The command line, the API and the docs read this registry."""

from typing import Final

from redis_rehearsal.migration.strategies.base import Strategy
from redis_rehearsal.migration.strategies.cold import COLD
from redis_rehearsal.migration.strategies.copy import COPY
from redis_rehearsal.migration.strategies.dual_write import DUAL_WRITE
from redis_rehearsal.migration.strategies.external import EXTERNAL
from redis_rehearsal.migration.strategies.fallback import FALLBACK
from redis_rehearsal.migration.strategies.observe import OBSERVE
from redis_rehearsal.migration.strategies.replicate import REPLICATE

_ALL: Final = (COLD, REPLICATE, COPY, DUAL_WRITE, FALLBACK, EXTERNAL, OBSERVE)

STRATEGIES: Final[dict[str, Strategy]] = {strategy.name: strategy for strategy in _ALL}
