"""What a strategy declares of itself. Cheap to load: models of options read it as the command line starts."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from redis_rehearsal.errors import MigrationError, RehearsalError
from redis_rehearsal.migration.declaring import Declared, Option

if TYPE_CHECKING:
    # At the top it would load all that a migration needs.
    from redis_rehearsal.migration.context import Context


class Carries(StrEnum):
    """What a strategy brings from the source to the target, by which the preflight knows what must fit, and be read."""

    NOTHING = "nothing"
    """It copies nothing."""
    KEYS = "keys"
    """Our keys, which it reads from the source and writes to the target one by one."""
    SERVER = "server"
    """All that the source holds, others' keys, databases and functions included: the target follows it."""
    ELSEWHERE = "elsewhere"
    """Something else does, and what it can carry is not known here."""


class Running(Protocol):
    """What a strategy does: a module, or an object, with two functions."""

    async def check(self, context: "Context", /) -> None:
        """See, before anything is touched, that it can be done.

        Raises:
            MigrationError: it cannot.
        """

    async def run(self, context: "Context", /) -> None:
        """Do it, phases included; returns when the application is on the target.

        Raises:
            MigrationError: it failed; says where the application is.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy(Declared):
    """A way of migrating.

    Attributes:
        summary: how it goes, in one sentence.
        goes_wrong: what is expected to go wrong with it, in one sentence.
        carries: what it brings to the target.
        running: loads what it does.
        switches: whether it is the tool that moves the application; else something else moves the endpoint.
        suggested: whether it is the one that who does not know yet is offered.
        in_all: whether `--strategy all` has it, once what it requires is given.
        no_return: why `--then rollback` cannot be asked of it; empty where it can.
        whole_by_freeze: whether it loses writes where nobody holds them back in the cutover. It does not where it loses
            them all the same, or holds them in a way of its own.
        uses: the options that are for strategies of its kind and not for all.
        requires: the options that it cannot do without, each with what it is, as in `the tool that copies`.
        refuses: the options that it has no use for, each with why not, as in `which switches all at once`.
        defaults: of options that are for all, where it has others; each as the option has it, seconds as a number.
        options: those that it brings along.
        needs: commands that it needs of a server, by the server's role, beside what follows from `carries`; each is one
            that the preflight asks for (`preflight/needs.py`).
        acts_on: the roles of servers on which it acts as a whole, which has to be allowed.
        advice: what to do where a criterion failed, by its name, where that is not the same with every strategy.
    """

    summary: str
    goes_wrong: str
    carries: Carries
    running: Callable[[], Running]
    switches: bool = True
    suggested: bool = False
    in_all: bool = True
    no_return: str = ""
    whole_by_freeze: bool = True
    uses: tuple[str, ...] = ()
    requires: Mapping[str, str] = field(default_factory=dict)
    refuses: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)
    options: tuple[Option, ...] = ()
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    acts_on: tuple[str, ...] = ()
    advice: Mapping[str, str] = field(default_factory=dict)

    @property
    def options_used(self) -> tuple[str, ...]:
        """The names of all options that are not for every strategy and that it has a use for."""
        return (*self.uses, *(option.name for option in self.options))

    async def check(self, context: "Context") -> None:
        """See `Running`."""
        with self._of_others():
            await self.running().check(context)

    async def run(self, context: "Context") -> None:
        """See `Running`."""
        with self._of_others():
            await self.running().run(context)

    @contextlib.contextmanager
    def _of_others(self) -> Iterator[None]:
        """Have what fails in a package of others fail the migration, and not the run."""
        try:
            yield
        except RehearsalError:
            raise
        except Exception as error:
            if not self.package:
                raise
            what = f"The strategy {self.name} of the package {self.package}"
            raise MigrationError(f"{what} failed ({type(error).__name__}: {error}).") from error
