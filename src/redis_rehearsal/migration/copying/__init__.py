"""Copying keys from one live server to another."""

from redis_rehearsal.migration.copying.capabilities import Capabilities, Method
from redis_rehearsal.migration.copying.copier import Copier
from redis_rehearsal.migration.copying.pace import Progress
from redis_rehearsal.migration.copying.result import CopyResult

__all__ = ["Capabilities", "Copier", "CopyResult", "Method", "Progress"]
