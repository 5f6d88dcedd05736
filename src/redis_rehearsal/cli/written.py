"""What somebody wrote, who is told that it will not do: the value as it stands there, and where."""

import os
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from redis_rehearsal.settings import shown

_REFUSED = re.compile(r"(?P<name>--[a-z0-9-]+|[A-Z][A-Z0-9_]+) (?P<shown>is (?!missing).+?; it must be )?")
_ALIASES: Final = {"data_type": "redis_data_type"}
"""Fields that a flag names otherwise."""


@dataclass(frozen=True, slots=True)
class Written:
    """A command line and the scenario that it names.

    Attributes:
        tokens: of the command line, without `--config FILE`.
        path: of the scenario; None where none was named.
        content: of the scenario, by key.
    """

    tokens: Sequence[str] = ()
    path: Path | None = None
    content: Mapping[str, Any] = field(default_factory=dict)

    def put_right(self, sentence: str) -> str:
        """A sentence on a value that will not do, with the value as it was written, and the file that has it.

        Args:
            sentence: begins with the flag or the variable, and the value as it was understood, where it may be shown.
        """
        refused = _REFUSED.match(sentence)
        if refused is None:
            return sentence
        name = refused["name"].removeprefix("--").replace("-", "_").lower()
        name = _ALIASES.get(name, name)
        if sum(token.partition("=")[0] in _flags(name) for token in self.tokens) > 1:
            return sentence  # which of them is meant is not known
        rest = sentence[refused.end() :]
        flag = self.value_of(name)
        if flag is not None:
            return f"{_flags(name)[0]} is {shown(flag)}; it must be {rest}" if refused["shown"] else sentence
        # The environment overrides the file.
        if name.upper() in os.environ or self.path is None:
            return sentence
        for key, value in self.content.items():
            if key.replace("-", "_") == name:
                what = f"gives {key} {shown(value)}; it must be {rest}" if refused["shown"] else f"{key} {rest}"
                return f"The file {self.path}{' ' if refused['shown'] else ': '}{what}"
        return sentence

    def value_of(self, name: str) -> str | None:
        """The value that a flag was given, as it was typed; None where it was not given.

        Args:
            name: of its field.
        """
        flags = _flags(name)
        for place, token in enumerate(self.tokens):
            if token in flags:
                return self.tokens[place + 1] if place + 1 < len(self.tokens) else ""
            if token.partition("=")[0] in flags:
                return token.partition("=")[2]
        return None


def _flags(name: str) -> list[str]:
    """The flags of a field, the usual one first."""
    names = [other for other, field_of in _ALIASES.items() if field_of == name] + [name]
    return [f"--{each.replace('_', '-')}" for each in names]
