"""What can be asked of a migration, a switch and the load: one model each for the command line, the API and TOML."""

from typing import Annotated, Final, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from redis_rehearsal.groups import CUTOVER, DURATION, DURATION_OR_NONE, LIMITS, MANY, STRATEGY
from redis_rehearsal.migration.abort import parse_condition
from redis_rehearsal.quantities import PLAIN, SECONDS, Count, Ratio, Seconds, is_plain
from redis_rehearsal.urls import REDIS_SCHEMES
from redis_rehearsal.workload.events import EVENT_TYPES

FreezeKind = Literal["client", "server", "none"]
CopyMethod = Literal["auto", "dump", "types"]
StrategyName = Literal["cold", "replicate", "copy", "dual-write", "fallback", "external", "observe"]
"""The names in `migration.strategies.STRATEGIES`; a test keeps the two the same."""

ALL: Final = "all"
_LEAST_BOUND_SECONDS: Final = 1.5
_OF_ONE: Final = {
    "command": "external",
    "ready_command": "external",
    "ready_after": "external",
    "settle": "external",
    "final_pass": "copy",
    "naive": "dual-write",
}
"""Options of which one strategy alone has a use; with others they would be ignored in silence."""
_MIX: Final = {"query_mix": 3, "event_mix": len(EVENT_TYPES)}


MAY_HOLD_SECRETS: Final = frozenset({"command", "ready_command"})
"""Options whose values are shown and kept nowhere."""


def _flag(field: str) -> str:
    return "--no-final-pass" if field == "final_pass" else f"--{field.replace('_', '-')}"


class Limits(BaseModel):
    """What a migration may cost; more is a failed criterion."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    max_lost: Annotated[Count, LIMITS] = 0
    "Most acknowledged increments that may be missing."

    max_duplicated: Annotated[Count, LIMITS] = 0
    "Most increments that may be counted more often than they were sent."

    max_stranded: Annotated[Count, LIMITS] = 0
    "Most increments that the old server may have acknowledged after it had stopped being the truth."

    max_wrong_elements: Annotated[Count, LIMITS] = 0
    "Most elements of live structures (with --data-type) that may be lost, duplicated or stranded."

    max_wrong_reports: Annotated[Count, LIMITS] = 0
    "Most reports that may be wrong, stale or back from the dead."

    max_counter_regressions: Annotated[Count, LIMITS] = 0
    "Most counters that may be read lower than what was acknowledged."

    max_unexplained: Annotated[Count, LIMITS] = 0
    "Most keys that may differ between the two servers after a rehearsal, for no reason that is known."

    max_ttl_drift: Annotated[Seconds, LIMITS] = 2.0
    "By so much times to live may be apart on the two servers; more is a difference, too."
    max_not_carried: Annotated[Count, LIMITS] = 0
    "Most things that the source has and the target cannot hold: times to live of fields, counts of streams."

    max_failed_queries: Annotated[Ratio, LIMITS] = 0.0001
    "Largest share of queries that may fail, as 0.001 or 0.1%."

    max_failed_events: Annotated[Ratio, LIMITS] = 0.0001
    "Largest share of events that may fail, as 0.001 or 0.1%."

    max_query_downtime: Annotated[Seconds, LIMITS] = 0.25
    "Longest downtime of queries, for example 250ms."

    max_event_downtime: Annotated[Seconds, LIMITS] = 0.25
    "Longest downtime of events, for example 250ms."

    max_cutover_p99: Annotated[Seconds | None, DURATION_OR_NONE, LIMITS] = None
    "Highest p99 of queries in the cutover. Default: the larger of 50 ms and 5 times that of the baseline."

    max_event_cutover_p99: Annotated[Seconds | None, DURATION_OR_NONE, LIMITS] = None
    "Highest p99 of events in the cutover, those that were held left out. Default: as for queries."

    max_sync_p99: Annotated[Seconds | None, DURATION_OR_NONE, LIMITS] = None
    "Highest p99 of queries, and of events, before the cutover. Default: as for the cutover."

    max_sync_downtime: Annotated[Seconds, LIMITS] = 0.25
    "Longest downtime of queries, and of events, before the cutover, for example 250ms."

    max_recovery: Annotated[Seconds, LIMITS] = 60.0
    "Longest time from the cutover until all is as in the baseline again, for good."


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

    command: Annotated[str | None, STRATEGY] = None
    "external: the tool that does the copying, run by a shell that has SOURCE_URL, TARGET_URL and their parts."

    ready_command: Annotated[str | None, STRATEGY] = None
    "external: run again and again; exit code 0 says that the cutover may begin, while `command` goes on."

    ready_after: Annotated[Seconds | None, DURATION_OR_NONE, STRATEGY] = None
    "external: the cutover may begin this long after `command` was started, while it goes on."

    settle: Annotated[Seconds, STRATEGY] = 0.0
    "external: how long writes stay frozen so that the tool can carry the last of them."

    copy_method: Annotated[CopyMethod, STRATEGY] = "auto"
    "copy, dual-write, fallback: how keys are carried: DUMP and RESTORE, type by type, or what the target accepts."

    copy_rate: Annotated[Annotated[float, Field(gt=0, le=10_000_000), PLAIN] | None, STRATEGY] = None
    "copy, dual-write, fallback: most keys a second. Default: as fast as it goes."

    final_pass: Annotated[bool, STRATEGY] = True
    "copy: copy again, while writes are frozen, what may have changed; --no-final-pass shows what the naive way loses."

    naive: Annotated[bool, STRATEGY] = False
    "dual-write: fill the target up without holding writes, which counts increments twice."

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
        if self.strategy == "fallback" and self.rollout:
            raise ValueError("--rollout is of no use with the strategy fallback, which switches all tenants at once")
        if self.strategy == "external" and not self.command:
            raise ValueError("the strategy external needs --command, the tool that does the copying")
        if self.strategy == "observe" and self.then == "rollback":
            raise ValueError("the strategy observe goes with --then stay: something else moves the endpoint, and back")
        for field, strategy in _OF_ONE.items():
            if self.strategy != strategy and getattr(self, field) != type(self).model_fields[field].default:
                raise ValueError(f"{_flag(field)} is for the strategy {strategy}, not for {self.strategy}")
        if self.settle and self.settle > self.freeze_bound - _LEAST_BOUND_SECONDS:
            raise ValueError(
                f"--settle must leave {_LEAST_BOUND_SECONDS} s of the freeze's bound ({self.freeze_bound:g} s)"
            )
        return self


class RehearsalOptions(MigrationOptions):
    """One or several migrations, each rehearsed from the same fresh state."""

    strategy: Annotated[str, STRATEGY]  # type: ignore[assignment]  # a list of what it is in one migration
    "How to migrate: one strategy, several as in replicate,copy, or all."

    @field_validator("strategy")
    @classmethod
    def _are_strategies(cls, value: str) -> str:
        known = get_args(StrategyName)
        names = value.split(",")
        if value != ALL and (not all(name in known for name in names) or len(set(names)) < len(names)):
            raise ValueError(value)
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.strategy == "fallback" and self.rollout:
            raise ValueError("--rollout is of no use with the strategy fallback, which switches all tenants at once")
        each = self.each()
        for options in each:
            if options.strategy == "external" and not options.command:
                raise ValueError("the strategy external needs --command, the tool that does the copying")
        names = {options.strategy for options in each}
        for field, strategy in _OF_ONE.items():
            if strategy not in names and getattr(self, field) != type(self).model_fields[field].default:
                raise ValueError(f"{_flag(field)} is for the strategy {strategy}, which is not rehearsed")
        return self

    def each(self) -> list[MigrationOptions]:
        """The options of each migration, in the order in which they are rehearsed."""
        names = list(get_args(StrategyName)) if self.strategy == ALL else self.strategy.split(",")
        if self.strategy == ALL:
            # Nothing moves by itself here, and a tool must have been named.
            names.remove("observe")
            if not self.command:
                names.remove("external")
        given = {name: getattr(self, name) for name in self.model_fields_set}
        several = len(names) > 1
        found = []
        for name in names:
            fields = {**given, "strategy": name}
            for field, strategy in _OF_ONE.items():
                # Of several strategies each takes what it has a use for.
                if several and name != strategy:
                    fields.pop(field, None)
            found.append(MigrationOptions(**fields))
        return found


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


class ControlChange(BaseModel):
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
