"""What other packages declare, found by their entry points."""

import re
from collections.abc import Iterable
from dataclasses import replace
from importlib.metadata import EntryPoint, entry_points
from typing import Final, TypeVar

from redis_rehearsal.errors import ConfigurationError
from redis_rehearsal.migration.declaring import Declared

D = TypeVar("D", bound=Declared)

_PACKAGE: Final = "redis-rehearsal"
_broken: list[str] = []


def with_others(own: Iterable[D], kind: type[D], group: str, named: str, *reserved: str) -> dict[str, D]:
    """What is declared here, and then what other packages declare, by name.

    What is wrong with those is kept for `refuse_broken`, since a command that has no use for them can do without.

    Args:
        own: what is declared here.
        kind: of what is looked for.
        group: of the entry points.
        named: how a name must be, a regular expression.
        reserved: names that are none.
    """
    known = {each.name: each for each in own}
    for entry in sorted(entry_points(group=group), key=lambda each: (_package(each), each.name)):
        package = _package(entry)
        try:
            declared = entry.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 # whatever code of others raises as it is loaded
            refuse(package, f"{entry.name} of {group} cannot be loaded ({_said(error)})")
            continue
        if not isinstance(declared, kind):
            refuse(package, f"{entry.name} of {group} is no {kind.__name__}, but of the type {type(declared).__name__}")
        elif not re.fullmatch(named, declared.name) or declared.name in reserved:
            refuse(package, f"{declared.name!r} of {group} cannot be a name; it must be as {named}")
        elif declared.name in known:
            taken = known[declared.name].package or _PACKAGE
            refuse(package, f"{entry.name} of {group} takes the name {declared.name}, which is that of {taken}'s own")
        else:
            known[declared.name] = replace(declared, package=package)
    return known


def refuse(package: str, what: str) -> None:
    """Keep what is wrong with a package."""
    _broken.append(f"The package {package} cannot be used: {what}. Mend it, or uninstall it.")


def refuse_broken() -> None:
    """See that all that other packages declare can be used.

    Raises:
        ConfigurationError: something cannot; names the package, and what is wrong.
    """
    if _broken:
        raise ConfigurationError(_broken[0])


def _package(entry: EntryPoint) -> str:
    return entry.dist.name if entry.dist else "of an unknown name"


def _said(error: BaseException) -> str:
    if isinstance(error, ImportError) and "partially initialized module" in str(error):
        # It is one of ours, which was asked for while it was being loaded.
        return "at its top it imports what the command line loads later; let it do so where it runs"
    return f"{type(error).__name__}: {error}"
