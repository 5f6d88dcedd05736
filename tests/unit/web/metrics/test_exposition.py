import shutil
import subprocess
from pathlib import Path

import pytest
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families
from tools.metrics_page import metrics_page

from redis_rehearsal.fleet.row import Label, Segment
from redis_rehearsal.verification.audit import Audit
from redis_rehearsal.verification.reasons import Cause
from redis_rehearsal.verification.reconcile import Reconciliation
from redis_rehearsal.view.run_view import RunView
from redis_rehearsal.view.scrapes import scrapes_to_wait_for
from redis_rehearsal.web.metrics import render
from redis_rehearsal.web.metrics.catalogue import CATALOGUE, ENTRIES, Group
from redis_rehearsal.web.metrics.catalogue.performance import CACHE_WRITES, ERROR_CODES
from tests.support import label_sets_of, samples_of
from tests.unit.report.made import view
from tests.unit.web.metrics.filled import filled, redis_resources


def families_of(made: RunView) -> dict[str, Metric]:
    return {family.name: family for family in text_string_to_metric_families(render(made).decode())}


def values_of(made: RunView, name: str) -> dict[tuple[str, ...], float]:
    found = families_of(made).get(name)
    return {tuple(sample.labels.values()): sample.value for sample in found.samples} if found else {}


def test_the_exposition_holds_the_same_figures_as_the_totals() -> None:
    families = families_of(view())
    by_outcome = {s.labels["outcome"]: s.value for s in families["rehearsal_queries"].samples}
    assert by_outcome == {"ok": 1100.0, "failed": 4.0, "unknown": 0.0, "shed": 0.0}
    response = families["rehearsal_queries_response_seconds"]
    buckets = [s.value for s in response.samples if s.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == next(s.value for s in response.samples if s.name.endswith("_count")) == 1100.0
    at = {s.labels["le"]: s.value for s in response.samples if s.name.endswith("_bucket")}
    assert (at["0.001"], at["0.002"]) == (0.0, 1100.0)
    assert families["rehearsal_events_by_type"].samples[0].value == 12.0


def test_every_metric_is_in_the_catalogue_with_its_help_type_and_labels() -> None:
    for family in families_of(filled()).values():
        name = family.name.removesuffix("_info")
        entry = CATALOGUE[name]
        assert (family.documentation, family.type) == (entry.help, "gauge" if entry.kind == "info" else entry.kind)
        for sample in family.samples:
            assert sample.labels.keys() - {"le"} == entry.labels.keys()
            for label in sample.labels.keys() - {"le", "criterion", "process", "version"}:
                assert sample.labels[label] in entry.labels[label]


def test_what_the_catalogue_says_is_good_to_read() -> None:
    for entry in ENTRIES:
        assert entry.name.startswith("rehearsal_")
        assert entry.help.endswith(".")
        assert entry.unit != "seconds" or entry.full_name.removesuffix("_total").endswith("_seconds")
        assert entry.unit != "bytes" or entry.name.endswith("_bytes")
        assert (entry.unit == "ratio") == entry.name.endswith("_ratio")
    assert len(CATALOGUE) == len(ENTRIES)


def test_the_page_says_what_the_catalogue_says() -> None:
    page = Path(__file__).parents[4] / "docs" / "metrics.md"
    assert page.read_text(encoding="utf-8") == metrics_page(), "run `make docs`"


def test_the_exposition_stays_small_however_large_the_fleet_and_whatever_the_servers_say() -> None:
    made = filled(workers=64)
    made.totals.counts.queries.failures.update(dict.fromkeys((*ERROR_CODES, *(f"CODE{n}" for n in range(1000))), 1))
    made.totals.counts.cache_writes.update(dict.fromkeys(CACHE_WRITES, 1))
    text = render(made).decode()
    # Of what a migration adds there is not all in this view.
    of_migration = [name for name, entry in CATALOGUE.items() if entry.group == Group.MIGRATION]
    others = "\n".join(line for line in text.splitlines() if not line.startswith(tuple(of_migration)))
    migration = sum(map(_most_label_sets, of_migration))
    assert label_sets_of(others) + migration <= 300
    assert samples_of(others) + migration <= 1500
    assert values_of(made, "rehearsal_failures")["others",] == 1000


def _most_label_sets(name: str) -> int:
    if name == "rehearsal_criterion":
        return 20  # one for each criterion
    product = 1
    for values in CATALOGUE[name].labels.values():
        product *= len(values)
    return product


def test_a_server_that_is_away_has_no_samples_rather_than_zeros() -> None:
    made = filled()
    del made.resources.redis["target"]
    made.resources.database = made.resources.database_process = None
    assert set(values_of(made, "rehearsal_server_memory_bytes")) == {("source",)}
    assert values_of(made, "rehearsal_database_transactions") == {}
    assert values_of(made, "rehearsal_redis_keys") == {("source",): 350.0}


def test_a_remote_database_has_connections_but_no_memory() -> None:
    made = filled()
    made.resources.database_process = None
    assert ("database",) in values_of(made, "rehearsal_server_connections")
    assert ("database",) not in values_of(made, "rehearsal_server_memory_bytes")


def test_the_lag_is_known_only_of_a_server_that_follows_the_other() -> None:
    made = filled()
    assert values_of(made, "rehearsal_replication_lag_bytes") == {("target",): 100.0}
    made.resources.redis["target"] = redis_resources(is_replica=True, offset=900, replication_id="b")
    assert values_of(made, "rehearsal_replication_lag_bytes") == {}
    made.resources.redis["target"] = redis_resources(offset=900)
    assert values_of(made, "rehearsal_replication_lag_bytes") == {}


def test_business_ratios_are_of_the_last_seconds() -> None:
    made = filled()
    assert values_of(made, "rehearsal_conversion_ratio") == {(): pytest.approx(2 / 12)}
    assert values_of(made, "rehearsal_engagement_ratio") == {(): pytest.approx(6 / 12)}
    assert values_of(made, "rehearsal_active_organizations") == {(): 8.0}
    assert values_of(made, "rehearsal_organization_event_rate") == {(): pytest.approx(20 / 8)}
    made.totals.recent.clear()
    assert values_of(made, "rehearsal_conversion_ratio") == {}


def test_the_ledger_is_shown_once_it_was_compared_and_its_upper_bounds_only_where_all_could_be() -> None:
    made = filled()
    made.audit = None
    assert values_of(made, "rehearsal_ledger_findings") == {}
    made.audit = Audit(Reconciliation(counters=5, acknowledged=90, lost=3, lost_at_most=4))
    made.audit.structures["list"] = Reconciliation(counters=1, duplicated=2, duplicated_at_most=2)
    found = values_of(made, "rehearsal_ledger_findings")
    assert found["least", "lost", "counters"] == 3.0
    assert found["at_most", "lost", "counters"] == 4.0
    assert found["least", "duplicated", "structures"] == 2.0
    made.audit.result.unverified_counters = 1
    assert ("at_most", "lost", "counters") not in values_of(made, "rehearsal_ledger_findings")
    made.audit.error = Cause.COUNTERS_UNREAD.because(error="away")
    # What was found stands, whatever could not be read.
    assert values_of(made, "rehearsal_ledger_findings") == {
        ("least", "lost", "counters"): 3.0,
        ("least", "duplicated", "structures"): 2.0,
    }
    made.audit = Audit(error=made.audit.error)
    assert values_of(made, "rehearsal_ledger_findings") == {}


def test_writes_to_both_servers_show_as_such() -> None:
    made = filled()
    made.label = lambda: Label("cutover", "target", "both", frozen=True)
    route = values_of(made, "rehearsal_route")
    assert [route["reads", "source"], route["reads", "target"]] == [0.0, 1.0]
    assert [route["writes", "source"], route["writes", "target"]] == [1.0, 1.0]
    assert values_of(made, "rehearsal_frozen") == {(): 1.0}
    phases = values_of(made, "rehearsal_phase")
    assert {name for (name,), value in phases.items() if value} == {"cutover"}


def test_a_phase_begins_with_the_first_of_its_segments_and_not_before_its_time() -> None:
    made = filled()
    made.label = lambda: Label("recovery")
    made.segments = lambda: [
        Segment("baseline", 0, 0.5),
        Segment("recovery", 1, 1.0),
        Segment("recovery", 2, 2.0),
        Segment("done", 3, 1e12),
    ]
    starts = values_of(made, "rehearsal_phase_start_timestamp_seconds")
    assert starts == {("baseline",): made.clock.at(0.5), ("recovery",): made.clock.at(1.0)}


@pytest.mark.parametrize(
    ("times", "now", "count", "wait"),
    [
        ([], 10.0, 0, 0.0),
        ([8.0, 9.0], 9.5, 0, 0.0),  # twice may be a person
        ([8.0, 9.0, 10.0], 10.5, 2, 3.0),
        ([8.0, 9.0, 10.0], 19.0, 2, 3.0),  # nobody could answer meanwhile
        ([8.0, 9.0, 10.0], 21.0, 0, 0.0),  # nobody asks any more
        ([2.0, 9.0, 10.0], 10.5, 0, 0.0),  # unevenly
        ([7.0, 8.0, 9.0, 9.3], 9.5, 2, 3.0),  # a person looked in too
        ([7.0, 8.0, 9.0, 10.4], 10.5, 2, 3.0),  # one is late
        ([0.0, 15.0, 30.0], 31.0, 1, 29.0),
        ([0.0, 30.0, 60.0], 61.0, 0, 0.0),  # too seldom to be waited for
    ],
)
def test_only_who_asks_regularly_is_waited_for(times: list[float], now: float, count: int, wait: float) -> None:
    found, seconds = scrapes_to_wait_for(times, now)
    assert found == count
    assert seconds == pytest.approx(wait)


@pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (Debian's package prometheus)")
def test_promtool_finds_nothing_wrong() -> None:
    promtool = shutil.which("promtool")
    assert promtool
    result = subprocess.run(
        [promtool, "check", "metrics"], input=render(filled()), capture_output=True, check=False, timeout=30
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, b"")
