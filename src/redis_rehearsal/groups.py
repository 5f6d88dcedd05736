"""Under which heading of a command's help a flag stands, and how its value is shown there."""

from typing import Final

from cyclopts import Group, Parameter

ORDER: Final = ("Strategy", "Cutover", "Limits", "Load", "Servers", "Platform", "Generator", "Output")
"""The headings in the order in which they stand."""


def _under(heading: str) -> Parameter:
    return Parameter(group=Group(heading, sort_key=ORDER.index(heading)))


STRATEGY: Final = _under("Strategy")
CUTOVER: Final = _under("Cutover")
LIMITS: Final = _under("Limits")
LOAD: Final = _under("Load")
SERVERS: Final = _under("Servers")
PLATFORM: Final = _under("Platform")
GENERATOR: Final = _under("Generator")
OUTPUT: Final = _under("Output")


def shown_duration(value: object) -> str:
    """A default of a duration as people would give it: 15s, 250ms."""
    seconds = float(value)  # type: ignore[arg-type] # it is the default of a number
    return f"{seconds * 1000:g}ms" if 0 < seconds < 1 else f"{seconds:g}s"


DURATION: Final = Parameter(metavar="DURATION", show_default=shown_duration)
URL: Final = Parameter(metavar="URL")
MANY: Final = Parameter(negative="", show_default=False)
"""What can be given more than once."""
DURATION_OR_NONE: Final = Parameter(metavar="DURATION", show_default=False)
