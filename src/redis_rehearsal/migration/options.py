"""What can be asked of a migration, a switch and the load: one model each for the command line, the API and TOML."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from redis_rehearsal.groups import CUTOVER, DURATION, DURATION_OR_NONE, MANY, STRATEGY
from redis_rehearsal.migration.abort import parse_condition
from redis_rehearsal.migration.declaring import Option, with_options
from redis_rehearsal.migration.limits import Limits
from redis_rehearsal.migration.plugins import refuse
from redis_rehearsal.migration.strategies import ALL, STRATEGIES, using
from redis_rehearsal.migration.strategy import Strategy
from redis_rehearsal.quantities import PLAIN, SECONDS, Seconds, is_plain
from redis_rehearsal.urls import REDIS_SCHEMES
from redis_rehearsal.workload.events import EVENT_TYPES

FreezeKind = Literal["client", "server", "none"]
CopyMethod = Literal["auto", "dump", "types"]
if TYPE_CHECKING:
    StrategyName = str
else:
    # Those that there are, so that help, completion and schemas name them.
    StrategyName = Literal[tuple(STRATEGIES)]

_LEAST_BOUND_SECONDS: Final = 1.5
_FOR_ANY: Final = frozenset({"copy_method", "copy_rate"})
"""Options that do no harm where a strategy has no use for them."""
_OF_SOME: Final = frozenset(name for each in STRATEGIES.values() for name in each.options_used) - _FOR_ANY
"""Options that only some strategies have a use for; with others they would be ignored in silence."""
_MIX: Final = {"query_mix": 3, "event_mix": len(EVENT_TYPES)}


MAY_HOLD_SECRETS: Final = frozenset(
    {"command", "ready_command"} | {each.name for of in STRATEGIES.values() for each in of.options if each.secret}
)
"""Options whose values are shown and kept nowhere."""


def _flag(field: str) -> str:
    return "--no-final-pass" if field == "final_pass" else f"--{field.replace('_', '-')}"


def _for_some(option: str, meaning: str) -> Any:
    """What an option means that only some strategies have a use for, after their names."""
    return Field(description=f"{', '.join(using(option))}: {meaning}")


def _for_its_own(option: Option) -> Option:
    return replace(option, meaning=f"{', '.join(using(option.name))}: {option.meaning}")


@with_options(
    ((each.package, _for_its_own(option)) for each in STRATEGIES.values() for option in each.options), STRATEGY, refuse
)
class MigrationOptions(Limits):
    """How a migration is to be done, and what it may cost."""

    strategy: Annotated[StrategyName, STRATEGY]
    "How to migrate."

    freeze: Annotated[FreezeKind, CUTOVER] = "client"
    "Who holds writes back in the cutover: the application, the source, or nobody."

    freeze_bound: Annotated[float, Field(ge=_LEAST_BOUND_SECONDS, le=60), SECONDS, DURATION, CUTOVER] = 5.0
    "Longest freeze; a cutover that takes longer is given up, or ends on the target."

    rollout: Annotated[Seconds, CUTOVER] = 0.0
    "Move tenants over within this time, as a fleet of application servers does, instead of at once."

    baseline: Annotated[Seconds, STRATEGY] = 15.0
    "Load before the migration, with which what follows is compared."

    observe: Annotated[Seconds, STRATEGY] = 30.0
    "Load after the cutover, in which the recovery is watched."

    command: Annotated[
        str | None,
        STRATEGY,
        _for_some(
            "command",
            "the tool that does the copying, run by a shell that has SOURCE_URL, TARGET_URL and their parts.",
        ),
    ] = None

    ready_command: Annotated[
        str | None,
        STRATEGY,
        _for_some(
            "ready_command",
            "run again and again; exit code 0 says that the cutover may begin, while `command` goes on.",
        ),
    ] = None

    ready_after: Annotated[
        Seconds | None,
        DURATION_OR_NONE,
        STRATEGY,
        _for_some("ready_after", "the cutover may begin this long after `command` was started, while it goes on."),
    ] = None

    settle: Annotated[
        Seconds,
        STRATEGY,
        _for_some("settle", "how long writes stay frozen so that the tool can carry the last of them."),
    ] = 0.0

    copy_method: Annotated[
        CopyMethod,
        STRATEGY,
        _for_some("copy_method", "how keys are carried: DUMP and RESTORE, type by type, or what the target accepts."),
    ] = "auto"

    copy_rate: Annotated[
        Annotated[float, Field(gt=0, le=10_000_000), PLAIN] | None,
        STRATEGY,
        _for_some("copy_rate", "most keys a second. Default: as fast as it goes."),
    ] = None

    final_pass: Annotated[
        bool,
        STRATEGY,
        _for_some(
            "final_pass",
            "copy again, while writes are frozen, what may have changed; --no-final-pass shows what the naive way "
            "loses.",
        ),
    ] = True

    naive: Annotated[
        bool,
        STRATEGY,
        _for_some("naive", "fill the target up without holding writes, which counts increments twice."),
    ] = False

    then: Annotated[Literal["stay", "rollback"], STRATEGY] = "stay"
    "After the observation: stay on the target, or rehearse the way back, with what was written meanwhile."

    compare: Annotated[bool, STRATEGY] = True
    "Compare the two servers key by key once the recovery is over; --no-compare leaves the criterion out."

    force: Annotated[bool, STRATEGY] = False
    "Go on although the preflight found something that stands in the way."

    clear_target: Annotated[bool, STRATEGY] = False
    "Delete what the target holds under our prefix, and nothing else, before the migration."

    allow_server_wide: Annotated[bool, STRATEGY] = False
    "Allow what acts on a whole server of yours (REPLICAOF, CLIENT PAUSE, CONFIG); it is put back afterwards."

    rollback_on_fail: Annotated[bool, CUTOVER] = False
    "Return to the source where the migration fails after the cutover."

    abort_if: Annotated[tuple[str, ...], MANY, CUTOVER] = ()
    "End the migration and return to the source once this holds for a second: p99=500ms, failed=1%."

    @field_validator("abort_if")
    @classmethod
    def _are_conditions(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for text in value:
            parse_condition(text)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        strategy = STRATEGIES[self.strategy]
        # For all others it is frozen; a model that is made anew would not be this one.
        self.__dict__.update(
            {name: value for name, value in strategy.defaults.items() if name not in self.model_fields_set}
        )
        self._see_that_nothing_is_refused(strategy)
        for option, what in strategy.requires.items():
            if not getattr(self, option):
                raise ValueError(f"the strategy {strategy.name} needs {_flag(option)}, {what}")
        if strategy.no_return and self.then == "rollback":
            raise ValueError(f"the strategy {strategy.name} goes with --then stay: {strategy.no_return}")
        for option in self._given_for_some():
            if option not in strategy.options_used:
                users = " or ".join(using(option))
                raise ValueError(f"{_flag(option)} is for the strategy {users}, not for {strategy.name}")
        if self.settle and self.settle > self.freeze_bound - _LEAST_BOUND_SECONDS:
            raise ValueError(
                f"--settle must leave {_LEAST_BOUND_SECONDS} s of the freeze's bound ({self.freeze_bound:g} s)"
            )
        return self

    def _see_that_nothing_is_refused(self, strategy: Strategy) -> None:
        for option, why in strategy.refuses.items():
            if getattr(self, option) != type(self).model_fields[option].default:
                raise ValueError(f"{_flag(option)} is of no use with the strategy {strategy.name}, {why}")

    def _given_for_some(self) -> list[str]:
        """The options that only some strategies have a use for, and that have another value than by themselves."""
        fields = type(self).model_fields
        return [name for name in fields if name in _OF_SOME and getattr(self, name) != fields[name].default]


class RehearsalOptions(MigrationOptions):
    """One or several migrations, each rehearsed from the same fresh state."""

    strategy: Annotated[str, STRATEGY]
    "How to migrate: one strategy, several as in replicate,copy, or all."

    @field_validator("strategy")
    @classmethod
    def _are_strategies(cls, value: str) -> str:
        names = value.split(",")
        if value != ALL and (not all(name in STRATEGIES for name in names) or len(set(names)) < len(names)):
            raise ValueError(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.strategy in STRATEGIES:
            self._see_that_nothing_is_refused(STRATEGIES[self.strategy])
        rehearsed = {options.strategy for options in self.each()}
        for option in self._given_for_some():
            users = using(option)
            if rehearsed.isdisjoint(users):
                raise ValueError(f"{_flag(option)} is for the strategy {' or '.join(users)}, which is not rehearsed")
        return self

    def each(self) -> list[MigrationOptions]:
        """The options of each migration, in the order in which they are rehearsed."""
        names = self.strategy.split(",")
        if self.strategy == ALL:
            names = [
                name
                for name, strategy in STRATEGIES.items()
                if strategy.in_all and all(getattr(self, option) for option in strategy.requires)
            ]
        given = {name: getattr(self, name) for name in self.model_fields_set}
        several = len(names) > 1
        found = []
        for name in names:
            of_others = _OF_SOME.difference(STRATEGIES[name].options_used) if several else ()
            # Of several strategies each takes what it has a use for.
            fields = {option: value for option, value in given.items() if option not in of_others}
            found.append(MigrationOptions(**{**fields, "strategy": name}))
        return found


def _see_that_options_are_there() -> None:
    for strategy in STRATEGIES.values():
        for option in (*strategy.uses, *strategy.requires, *strategy.refuses, *strategy.defaults):
            if option not in MigrationOptions.model_fields:
                refuse(strategy.package, f"its strategy {strategy.name} names the option {option}, which is not there")


_see_that_options_are_there()


class SwitchOptions(BaseModel):
    """Where the application is to be pointed, and how."""

    # A URL may hold a password, which must not get into a log by way of an error's text.
    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, hide_input_in_errors=True)

    to: Annotated[str, Field(repr=False)]
    "source, target, or the URL of a server that becomes the target."

    reads: bool = False
    "Switch reads only."

    writes: bool = False
    "Switch writes only. With neither, or both, reads and writes are switched."

    freeze: Literal["client", "none"] = "client"
    "Who holds writes back meanwhile: the application, or nobody."

    freeze_bound: Annotated[float, Field(ge=_LEAST_BOUND_SECONDS, le=60), SECONDS] = 5.0
    "Longest freeze."

    rollout: Seconds = 0.0
    "Move tenants over within this time instead of at once."

    @field_validator("to")
    @classmethod
    def _is_a_server(cls, value: str) -> str:
        scheme, separator, _ = value.partition("://")
        if value not in ("source", "target") and not (separator and scheme.lower() in REDIS_SCHEMES):
            raise ValueError("no server")
        return value


class LoadChange(BaseModel):
    """What is to be changed of the load; what is not given stays."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    queries_per_second: Annotated[float, Field(ge=0, le=10_000_000, allow_inf_nan=False), PLAIN] | None = None
    "Analytics queries per second."

    events_per_second: Annotated[float, Field(ge=0, le=1_000_000, allow_inf_nan=False), PLAIN] | None = None
    "Events per second."

    query_mix: str | None = None
    "Shares of dashboard, filtered and real-time queries, as in 70/20/10; any scale."

    event_mix: str | None = None
    "Shares of page views, clicks, conversions, sign-ups and purchases, as in 60/28/10/1.5/0.5; any scale."

    @field_validator("query_mix", "event_mix")
    @classmethod
    def _is_mix(cls, value: str | None, info: object) -> str | None:
        if value is not None:
            parse_mix(value, _MIX[info.field_name])  # type: ignore[attr-defined]
        return value


def parse_mix(text: str, parts: int) -> list[float]:
    """The shares in a mix such as 70/20/10, summing to 1.

    Raises:
        ValueError: it has not that many parts, or one is negative, or all are zero.
    """
    if not all(map(is_plain, text.split("/"))):
        raise ValueError(text)
    shares = [float(part) for part in text.split("/")]
    total = sum(shares)
    if len(shares) != parts or min(shares) < 0 or not 0 < total < float("inf"):
        raise ValueError(text)
    return [share / total for share in shares]
