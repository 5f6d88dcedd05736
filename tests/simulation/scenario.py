"""What happens in a world: drawn from a number, so that the number is all that is needed to see it again."""

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Final

Draw = Callable[[random.Random], Any]

BEHIND_KEY: Final = b"rehearsal:of-somebody-else"
"""Written by somebody else under our prefix."""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that goes wrong.

    Attributes:
        kind: what, see `faults.py`.
        at: what it follows: the name of a phase or of a command to the workers; empty for the begin of the load.
        after_seconds: so long after that.
        lasts_seconds: how long it lasts, where it ends.
        on: the server or the worker that it happens to.
        amount: how much of it, where it has a size.
    """

    kind: str
    at: str
    after_seconds: float
    lasts_seconds: float = 0.0
    on: str = "source"
    amount: int = 1

    def __str__(self) -> str:
        when = f"{self.after_seconds:.4f} s after {self.at or 'the load began'}"
        lasts = f", for {self.lasts_seconds:.3f} s" if self.lasts_seconds else ""
        return f"{self.kind} of {self.on} ({self.amount}), {when}{lasts}"


@dataclass(frozen=True, slots=True)
class Scenario:
    """A world before it begins.

    Attributes:
        seed: of all that is random in it.
        strategy: that is rehearsed.
        options: of the migration.
        settings: of the run.
        servers: how the simulated servers differ from the usual: attributes of `SimulatedRedis` by role.
        faults: what goes wrong.
        jitter_seconds: by up to so much longer a piece takes over the network now and then.
        failover: how the endpoint moves, with `observe`: seamless, abrupt (connections are reset, and what was not
            replicated is gone), or lingering (connections go on to the old server for a while).
    """

    seed: int
    strategy: str
    options: dict[str, Any] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    servers: dict[str, dict[str, float]] = field(default_factory=dict)
    faults: tuple[Fault, ...] = ()
    failover: str = "seamless"
    jitter_seconds: float = 0.0

    def lines(self) -> list[str]:
        """For people."""
        return [
            f"seed {self.seed}, strategy {self.strategy}"
            + (f", {self.failover}" if self.strategy == "observe" else ""),
            *(f"  {name} = {value}" for name, value in sorted({**self.options, **self.settings}.items())),
            *([f"  pieces take up to {self.jitter_seconds} s longer"] if self.jitter_seconds else []),
            *(f"  {role}: {values}" for role, values in sorted(self.servers.items())),
            *(f"  fault: {fault}" for fault in self.faults),
        ]


STRATEGIES: Final = ("replicate", "copy", "dual-write", "fallback", "cold", "observe", "external")
_FAULTLESS: Final = ("replicate", "copy", "dual-write", "fallback", "observe", "external")
_PHASES: Final = ("baseline", "prepare", "sync", "cutover", "recovery")
_COMMANDS: Final = ("Freeze", "SetTruth", "SetRoute", "Thaw", "Hold", "Release")

_FAULTS: Final[dict[str, tuple[str, ...]]] = {
    "cut": ("source", "target"),
    "deaf": ("source", "target"),
    "dumb": ("source", "target"),
    "slow": ("source", "target"),
    "frozen": ("source", "target"),
    "restarted": ("source", "target"),
    "killed": ("source", "target"),
    "emptied": ("source", "target"),
    "full": ("source", "target"),
    "loading": ("source", "target"),
    "errs": ("source", "target"),
    "refuses-reads": ("source", "target"),
    "promoted": ("target",),
    "demoted": ("source",),
    "loses-counters": ("target",),
    "doubles-counters": ("target",),
    "evicts": ("source", "target"),
    "writes-behind": ("source", "target"),
    "worker-killed": ("worker",),
    "worker-stopped": ("worker",),
    "coordinator-stopped": ("coordinator",),
    "database-away": ("database",),
    "clock-steps": ("clock",),
    "tool-forgets": ("tool",),
}
"""Kinds of faults, and what each may happen to."""


def _delay(rng: random.Random) -> float:
    """From a tenth of a millisecond to ten seconds, each order of magnitude as often."""
    return float(10 ** rng.uniform(-4, 1))


def _fault(rng: random.Random) -> Fault:
    kind = rng.choice(sorted(_FAULTS))
    at = rng.choice(("", *_PHASES, *_PHASES, *_COMMANDS))
    return Fault(
        kind,
        at,
        rng.uniform(0.0, 20.0) if not at else _delay(rng),
        float(10 ** rng.uniform(-2, 0.8)),
        rng.choice(_FAULTS[kind]),
        rng.choice((1, 1, 2, 5, 20)),
    )


def _options(rng: random.Random, strategy: str) -> dict[str, Any]:
    options: dict[str, Any] = {
        "baseline": 4.0,
        "observe": rng.choice((7.0, 9.0)),
        "freeze_bound": rng.choice((1.5, 2.0, 5.0)),
    }
    if strategy in ("replicate", "copy", "external"):
        options["freeze"] = rng.choice(("client", "client", "client", "none"))
        if rng.random() < 0.2:
            options["rollout"] = rng.choice((0.1, 1.0))
    if strategy == "replicate" and rng.random() < 0.25:
        options["freeze"] = "server"
    if strategy in ("copy", "dual-write", "fallback") and rng.random() < 0.3:
        options["copy_rate"] = 40.0
    if strategy == "copy" and rng.random() < 0.15:
        options["final_pass"] = False
    if strategy == "dual-write" and rng.random() < 0.15:
        options["naive"] = True
    if strategy in ("replicate", "copy", "dual-write") and rng.random() < 0.15:
        options["then"] = "rollback"
    if strategy == "external":
        bound = options["freeze_bound"]
        options |= {"command": "simulated", "settle": 0.3 if bound > 2.0 else 0.0}
        if rng.random() < 0.7:
            options["ready_after"] = 1.0
    return options


def drawn(seed: int) -> Scenario:
    """The scenario of a number: any strategy, and up to three faults."""
    rng = random.Random(seed)
    strategy = rng.choice(STRATEGIES)
    options = _options(rng, strategy)
    settings = {
        "workers": rng.choice((1, 1, 2)),
        "operation_timeout": rng.choice((1.0, 2.0)),
        "arrivals": rng.choice(("poisson", "poisson", "constant")),
        "time_bucket_seconds": rng.choice((3600, 3600, 10, 5)),
    }
    servers = {
        "source": {
            "full_sync_seconds": rng.choice((0.05, 1.0)),
            "stream_lag_seconds": rng.choice((0.0, 0.0, 0.02, 0.4)),
        }
    }
    faults = [_fault(rng) for _ in range(rng.choice((0, 1, 1, 1, 2, 3)))]
    if len(faults) > 1 and rng.random() < 0.5:
        # What comes while something else goes wrong.
        first = faults[0]
        faults[1] = replace(faults[1], at=first.at, after_seconds=first.after_seconds + rng.uniform(0.0, 1.0))
    failover = rng.choice(("seamless", "abrupt", "lingering"))
    jitter = rng.choice((0.0, 0.001, 0.004))
    return Scenario(seed, strategy, options, settings, servers, tuple(faults), failover, jitter)


def faultless(seed: int) -> Scenario:
    """A scenario in which nothing goes wrong and the way is the right one: it is to pass."""
    return right(seed, _FAULTLESS[seed % len(_FAULTLESS)])


def right(seed: int, strategy: str) -> Scenario:
    """The right way of a strategy, in which nothing goes wrong."""
    rng = random.Random(seed)
    options = {
        name: value
        for name, value in _options(rng, strategy).items()
        if name not in ("final_pass", "naive") and (name, value) != ("freeze", "none")
    }
    if strategy == "external":
        options |= {"freeze_bound": 5.0, "ready_after": 1.0, "settle": 0.1}
    if options.get("rollout"):
        # Tenants are held until they have moved.
        options |= {"freeze_bound": 5.0, "rollout": 0.1}
    scenario = drawn(seed)
    # So few are due that one which waited for a few slow pieces would be the p99.
    jitter = min(scenario.jitter_seconds, 0.001)
    return replace(
        scenario,
        strategy=strategy,
        options=options,
        faults=(),
        servers={},
        failover="seamless",
        jitter_seconds=jitter,
    )


@dataclass(frozen=True, slots=True)
class Aim:
    """Where something is looked for.

    Attributes:
        strategies: one of these.
        kinds: of faults, one of which happens; empty for none.
        at: what these follow.
        on: what they happen to.
        options: that differ from the right way.
    """

    strategies: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    at: tuple[str, ...] = _PHASES
    on: tuple[str, ...] = ("source", "target")
    options: dict[str, Any] = field(default_factory=dict)


def aimed(seed: int, aim: Aim) -> Scenario:
    """A scenario of a number, of those in which something is looked for."""
    rng = random.Random(seed)
    scenario = right(seed, rng.choice(aim.strategies))
    options = {**scenario.options, **aim.options}
    if not aim.kinds:
        return replace(scenario, options=options)
    kind = rng.choice(aim.kinds)
    fault = Fault(kind, rng.choice(aim.at), _delay(rng), rng.uniform(0.05, 1.0), rng.choice(aim.on), 1)
    return replace(scenario, options=options, faults=(fault,))
