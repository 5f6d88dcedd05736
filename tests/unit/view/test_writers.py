"""Who writes what on the run's blackboard is what its docstring says."""

import re
from dataclasses import fields
from pathlib import Path

import redis_rehearsal
from redis_rehearsal.view.run_view import RunView

PACKAGE = Path(redis_rehearsal.__file__).parent
RUN = "coordinator/run.py"
OTHERS = {
    "trouble": {"coordinator/workers.py"},
    "workers_lost": {"coordinator/workers.py"},
    "records": {"coordinator/migrations.py"},
    "rates": {RUN, "coordinator/run_controls.py"},
    "least_rates": {RUN, "coordinator/run_controls.py"},
    "mixes_changed": {"coordinator/run_controls.py"},
    "scraped": {"web/metrics/exposition.py"},
}


def test_what_is_written_is_written_by_whom_the_docstring_names() -> None:
    names = "|".join(field.name for field in fields(RunView))
    places = rf"\b_?view\.(?:{names})(?:, (?:self\._)?view\.(?:{names}))*"
    written = re.compile(rf"({places}) [+]?= |\b_?view\.({names})\.append\(")
    found: dict[str, set[str]] = {}
    for path in PACKAGE.rglob("*.py"):
        for one, other in written.findall(path.read_text(encoding="utf-8")):
            for name in re.findall(rf"view\.({names})\b", one) or [other]:
                found.setdefault(name, set()).add(path.relative_to(PACKAGE).as_posix())
    assert found.pop("timeline") == {RUN}
    for name, writers in found.items():
        assert writers == OTHERS.get(name, {RUN}), name
    assert found.keys() > OTHERS.keys()
