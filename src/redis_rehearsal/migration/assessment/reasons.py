"""Why a figure proves nothing, in the words that people read and that advice goes by."""

from typing import Final

SATURATED: Final = "the generator itself was the bottleneck"
NO_CUTOVER: Final = "there was no cutover"
WORKER_LOST: Final = "a worker of the load ended by itself, and what it saw in its last second is not known"
