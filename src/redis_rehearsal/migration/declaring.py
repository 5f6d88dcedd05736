"""What strategies and criteria have in common: they declare themselves, and what they declare is found."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from importlib import import_module
from pkgutil import iter_modules
from typing import Annotated, Any, Final, TypeVar

from cyclopts import Parameter
from pydantic import BaseModel, Field, create_model

from redis_rehearsal.settings import Settings

LAST: Final = 1_000
"""Where something stands that does not say it."""
_TAKEN: Final = frozenset({*Settings.model_fields, "json", "details", "report", "junit", "config"})
"""Flags of the commands to which options belong."""


@dataclass(frozen=True, slots=True)
class Option:
    """An option that a declaration brings along: a flag, a key of scenarios and a field of the API, as all others are.

    Attributes:
        name: of the field, in lower case with underscores.
        kind: its type, as pydantic knows it; those of `quantities.py` are read as people type them.
        default: without it being given.
        meaning: what it means, a sentence.
        secret: whether its value may hold a password, so that it is shown and kept nowhere.
    """

    name: str
    kind: Any
    default: Any
    meaning: str
    secret: bool = False

    def of(self, options: BaseModel) -> Any:
        """Its value."""
        return getattr(options, self.name)


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """Something that declares itself.

    Attributes:
        name: as people ask for it, and as it stands in documents.
        place: where it stands among the others, from low to high.
        package: that brings it along; empty where it is this one.
    """

    name: str
    place: int = LAST
    package: str = ""


D = TypeVar("D", bound=Declared)
M = TypeVar("M", bound=BaseModel)


def declared_in(package: str, path: Iterable[str], kind: type[D]) -> list[D]:
    """All that is declared in the files of a folder, in the order of their places.

    Args:
        package: whose folder it is.
        path: of the package.
        kind: of what is looked for.

    Raises:
        ValueError: two have one name.
    """
    found: dict[str, D] = {}
    for module in iter_modules(path):
        if module.ispkg:
            continue
        for declared in vars(import_module(f"{package}.{module.name}")).values():
            if isinstance(declared, kind) and found.setdefault(declared.name, declared) is not declared:
                raise ValueError(f"{declared.name} is declared twice in {package}")
    return sorted(found.values(), key=lambda each: (each.place, each.name))


def with_options(
    options: Iterable[tuple[str, Option]], heading: Parameter, refuse: Callable[[str, str], None]
) -> Callable[[type[M]], type[M]]:
    """Extend a model by options that were declared.

    Args:
        options: each with the package that brings it along; empty where it is this one.
        heading: under which they stand in the help.
        refuse: is told a package, and what is wrong with its option, which is left out then.
    """

    def extend(model: type[M]) -> type[M]:
        for package, option in options:
            if option.name in model.model_fields or option.name in _TAKEN:
                refuse(package, f"its option {option.name} is there already")
                continue
            field: Any = (Annotated[option.kind, heading, Field(description=option.meaning)], option.default)
            named: dict[str, Any] = {option.name: field}
            try:
                model = create_model(
                    model.__name__, __base__=model, __module__=model.__module__, __doc__=model.__doc__, **named
                )
            except Exception as error:  # noqa: BLE001 # whatever a type of others' raises
                refuse(package, f"its option {option.name} cannot be one ({type(error).__name__}: {error})")
        return model

    return extend
