from redis_rehearsal.document.migration import Step
from redis_rehearsal.document.reading import read
from redis_rehearsal.migration.options import MigrationOptions
from redis_rehearsal.report.narration import Narrator


def step(name: str, status: str, seconds: float | None = None, detail: str = "") -> Step:
    return read(Step, {"name": name, "status": status, "duration_seconds": seconds, "detail": detail})


def told(narrator: Narrator, *steps: Step) -> list[str]:
    return [line for _, line in narrator.steps(steps)]


def test_each_step_is_told_once_for_each_thing_that_becomes_of_it() -> None:
    narrator = Narrator()
    assert told(narrator, step("copy", "running")) == ["copy: running"]
    assert told(narrator, step("copy", "running")) == []
    assert told(narrator, step("copy", "done", 0.0123, "7 keys"), step("freeze", "running")) == [
        "copy: done after 12.3 ms; 7 keys",
        "freeze: running",
    ]


def test_where_it_is_wanted_so_only_what_has_ended_is_told() -> None:
    narrator = Narrator(begun=False)
    assert told(narrator, step("copy", "running")) == []
    assert told(narrator, step("copy", "failed", 61.5, "refused")) == ["copy: failed after 61.5 s; refused"]


def test_each_phase_is_told_with_how_long_the_one_before_took() -> None:
    narrator = Narrator()
    options = MigrationOptions(strategy="cold", baseline=15, observe=30)
    assert narrator.phases([("baseline", 2.0)], options) == [(2.0, "phase baseline: 15 s of load as it is")]
    phases = [("baseline", 2.0), ("sync", 17.0), ("recovery", 18.5), ("recovery", 23.5), ("done", 48.5)]
    assert [line for _, line in narrator.phases(phases, options)] == [
        "phase sync (baseline took 15 s)",
        "phase recovery: watched for 30 s at least (sync took 1.5 s)",
        "phase done (recovery took 30 s)",
    ]
    assert narrator.phases(phases, options) == []
