"""A run's controls in memory: what was asked is kept, and a migration moves on each time it is looked at."""

from collections.abc import Sequence

from msgspec.structs import replace

from redis_rehearsal.document.migration import ApplicationOn, Migration, Progress, Step
from redis_rehearsal.document.run import Server
from redis_rehearsal.document.status import LastRates, Load, MigrationSoFar, Route, RunStatus
from redis_rehearsal.document.verdict import Verdict
from redis_rehearsal.errors import ConfigurationError, ConflictError
from redis_rehearsal.fleet.row import Label, Row, Second
from redis_rehearsal.migration.options import LoadChange, MigrationOptions, SwitchOptions
from redis_rehearsal.report.migration_document import verdict_document
from redis_rehearsal.verification.reasons import NO_REASON, Cause
from redis_rehearsal.verification.verdict import at_most, bounded, judge

STEPS = ("baseline", "copy", "cutover", "recovery")
LOAD = Load(
    queries_per_second=10_000.0,
    events_per_second=1_000.0,
    query_mix="70/20/10",
    event_mix="60/28/10/1.5/0.5",
)


class MemoryRunControls:
    """RunControls without a run.

    Args:
        verdict: of each migration that ends.
        lasting: whether migrations go on until they are rolled back.
    """

    def __init__(self, verdict: str = "pass", *, lasting: bool = False) -> None:
        self.verdict = verdict
        self.lasting = lasting
        self.running = True
        self.asked = LOAD
        self.place = "source"
        self.switches: list[SwitchOptions] = []
        self.documents: list[MigrationSoFar] = []
        self.looks = 0
        self.resets = 0

    def status(self) -> RunStatus:
        return RunStatus(
            stage="running",
            phase=None,
            route=Route(reads=self.place, writes=self.place, truth=self.place, moving=False, confirmed=True),
            frozen=False,
            servers={"source": Server(product="redis", version="6.2.14", address="127.0.0.1:6379")},
            rates=LastRates(queries_per_second=9_998, events_per_second=1_001),
            migration=self.documents[-1] if self.documents else None,
        )

    def load(self) -> Load:
        return self.asked

    async def change(self, change: LoadChange) -> Load:
        self._needs_load()
        self.asked = replace(self.asked, **change.model_dump(exclude_none=True))
        return self.load()

    async def switch(self, options: SwitchOptions) -> RunStatus:
        self._needs_load()
        if self._going_on:
            raise ConflictError("A migration is going on; end it first.")
        self.switches.append(options)
        if options.to.startswith("rediss://"):
            raise ConfigurationError(f"The server {options.to} does not answer.")
        if options.to.startswith("unix://"):
            raise ZeroDivisionError(options.to)
        self.place = "target" if "://" in options.to else options.to
        return self.status()

    async def start_migration(self, options: MigrationOptions) -> Migration:
        self._needs_load()
        if self._going_on:
            raise ConflictError("A migration is going on already.")
        document = MigrationSoFar(
            strategy=options.strategy,
            freeze=options.freeze,
            rollout_seconds=options.rollout,
            options=options.model_dump(mode="json"),
            status="running",
            phase=STEPS[0],
            reason=None,
            application_on=ApplicationOn(reads="source", writes="source", confirmed=True),
            freeze_seconds=None,
            return_freeze_seconds=None,
            progress=Progress(text="0 of 15 s"),
            warnings=[],
            steps=[],
            verdict=None,
            phases=[],
        )
        self.documents.append(document)
        return document

    def migrations(self) -> list[MigrationSoFar]:
        self.looks += 1
        if self._going_on:
            self._move_on(self.documents[-1])
        return self.documents

    async def rollback(self) -> Migration:
        if not self._going_on:
            raise ConflictError("No migration is going on.")
        self._end("rolled-back", "unknown")
        return self.documents[-1]

    def go_back(self) -> Migration:
        if not self._going_on:
            raise ConflictError("No migration is going on.")
        return self.documents[-1]

    async def verdict_so_far(self, *, read_counters: bool = True) -> Verdict | None:
        return None

    def reset(self) -> RunStatus:
        self._needs_load()
        self.resets += 1
        return self.status()

    def timeline(self) -> Sequence[Row]:
        return [Row.of(Second(number), float(number), Label("load")) for number in (1, 2)]

    @property
    def _going_on(self) -> bool:
        return bool(self.documents) and self.documents[-1].status == "running"

    def _needs_load(self) -> None:
        if not self.running:
            raise ConflictError("The load is not running.")

    def _move_on(self, document: MigrationSoFar) -> None:
        steps = list(document.steps)
        if steps and steps[-1].status == "running":
            if self.lasting:
                return
            failed = self.verdict == "fail" and steps[-1].name == "cutover"
            ended = {"status": "failed" if failed else "done", "duration_seconds": 1.25}
            steps[-1] = replace(steps[-1], **ended, detail="the target refused a write" if failed else "")
            self.documents[-1] = replace(document, steps=steps)
            if failed:
                self._end("failed", self.verdict)
        elif len(steps) < len(STEPS):
            name = STEPS[len(steps)]
            steps.append(
                Step(name=name, started_at="2026-01-01T00:00:00Z", duration_seconds=None, status="running", detail="")
            )
            self.documents[-1] = replace(document, steps=steps, phase=name)
        else:
            self._end("done", self.verdict)

    def _end(self, status: str, verdict: str) -> None:
        slow = None if verdict == "unknown" else 0.021
        made = judge(
            [
                bounded(
                    "lost",
                    0,
                    3 if verdict == "fail" else 0,
                    0 if verdict == "pass" else 3,
                    reason=NO_REASON,
                    failed="3 increments are missing",
                ),
                at_most("query_downtime", 0.25, slow, "seconds", unmeasured=Cause.TOO_RARE.because(), failed=""),
            ]
        )
        self.documents[-1] = replace(self.documents[-1], status=status, verdict=verdict_document(made))
