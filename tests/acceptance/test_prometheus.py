"""What a real Prometheus sees of a rehearsal, and what dashboards and rules make of it."""

import contextlib
import json
import re
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import product
from pathlib import Path
from typing import Any

import psutil
import pytest
import redis
from ruamel.yaml import YAML
from tools.dashboards import PLACE

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.web.metrics.catalogue import ENTRIES
from redis_rehearsal.web.metrics.families import BUCKETS_SECONDS
from tests.acceptance.prometheus import JOB, RULES, Prometheus, scraping
from tests.support import (
    SMALL,
    Command,
    command,
    expressions_of,
    label_sets_of,
    run_to_the_end,
    samples_of,
    urls_of,
    wait_for,
)

pytestmark = pytest.mark.skipif(
    shutil.which("prometheus") is None or shutil.which("promtool") is None,
    reason="prometheus and promtool are not installed (Debian's package prometheus)",
)


@dataclass
class Seen:
    """A rehearsal that has ended, and who watched it.

    Attributes:
        prometheus: that scraped it.
        document: its run.json.
        start: Unix time before it.
        end: Unix time after it.
        exposition: a page of its metrics during the load.
    """

    prometheus: Prometheus
    document: dict[str, Any]
    start: float
    end: float
    exposition: str

    def last(self, selector: str) -> dict[tuple[str, ...], float]:
        return self.prometheus.last(selector, self.end)

    def one(self, expression: str) -> float:
        return self.prometheus.one(expression, self.end)


def follow_for_a_moment(run: Command, addresses: dict[str, Endpoint], prometheus: Prometheus) -> str:
    """Have the target follow the source by other means than ours, until that was seen; leaves it empty.

    Returns:
        The page of metrics on which it was.
    """
    source, target = addresses["source"], addresses["target"]

    def follows() -> str:
        page = run.get("/metrics")[1]
        return page if 'rehearsal_replication_lag_bytes{server="target"}' in page else ""

    with redis.Redis.from_url(target.url, protocol=2) as outside:
        outside.config_set("masterauth", source.password)
        outside.replicaof(source.host, source.port)
        page: str = wait_for(follows, "a lag")
        lag = 'rehearsal_replication_lag_bytes{server="target"}'
        wait_for(lambda: prometheus.ask("query", query=lag)["result"], "a scrape that sees it too")
        outside.replicaof("NO", "ONE")
        outside.flushall()
        outside.config_set("masterauth", "")
    return page


@contextlib.contextmanager
def rehearsal(place: Path) -> Iterator[Seen]:
    """A rehearsal, watched from its beginning."""
    start = time.time()
    arguments = ("rehearse", "--strategy", "replicate", "--load", "demo", "--baseline", "15s", "--observe", "5s")
    with (
        command(place, *arguments, "--max-recovery", "15s", **SMALL, TMPDIR=str(place)) as run,
        scraping(run.address, place / "prometheus") as prometheus,
    ):
        run.until_running()
        addresses = {role: Endpoint.parse(url) for role, url in urls_of(place, run).items()}
        exposition = follow_for_a_moment(run, addresses, prometheus)
        assert run.wait() in (0, 1, 3), run.stderr
        document = run.stats_left()
        yield Seen(prometheus, document, start, time.time(), exposition)


def test_what_prometheus_sees_of_a_rehearsal_is_complete_and_agrees_with_its_document() -> None:
    # One test, since there is one rehearsal.
    with tempfile.TemporaryDirectory(prefix="rehearsal-prometheus-") as name:
        Path(name).chmod(0o755)
        with rehearsal(Path(name)) as seen:
            see_that_every_panel_and_annotation_has_data(seen)
            see_that_every_rule_has_data(seen)
            see_that_all_of_the_catalogue_is_there_and_nothing_else(seen)
            see_that_the_exposition_stays_small_and_clean(seen)
            see_that_operations_and_cache_agree_with_the_document(seen)
            see_that_quantiles_agree_within_a_bucket(seen)
            see_that_the_migration_agrees_with_the_document(seen)
            see_what_all_servers_use(seen)


def in_windows(expression: str) -> str:
    """With Grafana's variables filled in."""
    return expression.replace("$__rate_interval", "10s").replace("$__range", "10m")


def see_that_every_panel_and_annotation_has_data(seen: Seen) -> None:
    unknown = {"rehearsal_recovery_seconds"} if seen.document["recovery"]["at_most_seconds"] is None else set()
    expressions = [
        expression for path in PLACE.glob("*.json") for expression in expressions_of(json.loads(path.read_text()))
    ]
    assert len(expressions) > 80
    empty = [
        expression
        for expression in expressions
        if not seen.prometheus.values(in_windows(expression), seen.start, seen.end)
        and not any(name in expression for name in unknown)
    ]
    assert empty == []


def see_that_every_rule_has_data(seen: Seen) -> None:
    groups = YAML(typ="safe").load(RULES)["groups"]
    rules = [rule for group in groups for rule in group["rules"]]
    # What an alert compares is there although it does not fire.
    compared = [re.split(" [<>] ", rule["expr"])[0] for rule in rules if "alert" in rule]
    recorded = [
        f'{rule["record"]}{{kind="{rule["labels"]["kind"]}"}}'
        for rule in rules
        if "labels" in rule and "record" in rule
    ]
    expressions = [*compared, *recorded, "rehearsal:cache_hit:ratio"]
    assert [e for e in expressions if not seen.prometheus.values(e, seen.start, seen.end)] == []
    health = {rule["health"] for group in seen.prometheus.ask("rules")["groups"] for rule in group["rules"]}
    assert health == {"ok"}


def see_that_all_of_the_catalogue_is_there_and_nothing_else(seen: Seen) -> None:
    names = set(seen.prometheus.ask("label/__name__/values"))
    exposed = {name for name in names if name.startswith("rehearsal_")}
    histograms = {entry.name for entry in ENTRIES if entry.kind == "histogram"}
    expected = {entry.full_name for entry in ENTRIES if entry.kind != "histogram"}
    expected |= {f"{name}_{part}" for name in histograms for part in ("bucket", "sum", "count")}
    if seen.document["recovery"]["at_most_seconds"] is None:
        expected.discard("rehearsal_recovery_seconds")
    assert exposed == expected


def see_that_the_exposition_stays_small_and_clean(seen: Seen) -> None:
    promtool = shutil.which("promtool")
    assert promtool
    result = subprocess.run(
        [promtool, "check", "metrics"], input=seen.exposition, capture_output=True, text=True, check=False, timeout=30
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")
    series = seen.prometheus.ask("series", **{"match[]": f'{{job="{JOB}",__name__=~"rehearsal_.*"}}'})
    lines = [
        f"{labels.pop('__name__')}{{{','.join(f'{name}={value}' for name, value in sorted(labels.items()))}}} 1"
        for labels in series
    ]
    # All that there ever was, which is more than on any one page.
    assert label_sets_of("\n".join(lines)) <= 300
    assert samples_of("\n".join(lines)) <= 1500
    assert 300 < max(seen.prometheus.values(f'scrape_samples_scraped{{job="{JOB}"}}', seen.start, seen.end)) <= 1500


def see_that_operations_and_cache_agree_with_the_document(seen: Seen) -> None:
    document = seen.document
    for kind in ("queries", "events"):
        counts = seen.last(f"rehearsal_{kind}_total")
        totals = document["totals"][kind]
        assert {outcome: counts[outcome,] for outcome in ("ok", "failed", "unknown", "shed")} == {
            outcome: totals[outcome] for outcome in ("ok", "failed", "unknown", "shed")
        }
        assert seen.one(f"last_over_time(rehearsal_{kind}_offered_total[10m])") == totals["offered"]
    hits, misses = (seen.one(f"last_over_time(rehearsal_cache_{name}_total[10m])") for name in ("hits", "misses"))
    assert (hits, misses) == (document["cache"]["hits"], document["cache"]["misses"])
    assert hits / (hits + misses) == pytest.approx(document["cache"]["hit_ratio"])
    database = document["database"]
    for name, value in (("queries", "queries"), ("query_failures", "failed"), ("rows_written", "rows_written")):
        assert seen.one(f"last_over_time(rehearsal_database_{name}_total[10m])") == database[value]
    assert {name: count for (name,), count in seen.last("rehearsal_events_by_type_total").items()} == (
        document["events_by_type"]
    )


def see_that_quantiles_agree_within_a_bucket(seen: Seen) -> None:
    bounds = (0.0, *BUCKETS_SECONDS)
    ratios = (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))
    for kind, clock, (name, ratio) in product(("queries", "events"), ("response", "service", "lag"), ratios):
        exact = seen.document["latency"][kind][f"{clock}_seconds"][name]
        expression = f"histogram_quantile({ratio}, last_over_time(rehearsal_{kind}_{clock}_seconds_bucket[10m]))"
        place = next(at for at, bound in enumerate(bounds) if exact <= bound)
        # Interpolated within the bucket of the rank, next to which the exact one may be.
        assert bounds[max(0, place - 2)] <= seen.one(expression) <= bounds[min(place + 1, len(bounds) - 1)]


def see_that_the_migration_agrees_with_the_document(seen: Seen) -> None:
    document = seen.document
    ledger = document["ledger"]
    findings = seen.last('rehearsal_ledger_findings{kind="counters"}')
    for finding in ("lost", "duplicated", "stranded"):
        assert findings["least", finding, "counters"] == ledger[finding]
        assert findings.get(("at_most", finding, "counters")) == ledger[f"{finding}_at_most"]
    assert seen.last("rehearsal_ledger_writes")["acknowledged",] == ledger["acknowledged"]
    comparison = {name: count for (name,), count in seen.last("rehearsal_comparison_keys").items()}
    assert comparison.pop("compared") == document["comparison"]["keys_compared"]
    assert comparison == {name: document["comparison"][name] for name in comparison}
    statuses = {status for (status,), value in seen.last("rehearsal_verdict").items() if value}
    assert statuses == {document["verdict"]["status"]}
    criteria = {labels[0]: labels[1] for labels in seen.last("rehearsal_criterion")}
    assert criteria == {each["name"]: each["status"] for each in document["verdict"]["criteria"]}
    assert seen.last("rehearsal_freeze_seconds")["there",] == document["migration"]["freeze_seconds"]
    began = {name: at for (name,), at in seen.last("rehearsal_phase_start_timestamp_seconds").items()}
    assert set(began) == {phase["name"] for phase in document["phases"]}
    for phase in document["phases"]:
        assert began[phase["name"]] == pytest.approx(datetime.fromisoformat(phase["started_at"]).timestamp(), abs=0.002)
    assert set(seen.prometheus.values('rehearsal_route{operation="reads",server="target"}', seen.start, seen.end)) == {
        0,
        1,
    }
    assert max(seen.prometheus.values("rehearsal_migration_progress_ratio", seen.start, seen.end)) == 1


def see_what_all_servers_use(seen: Seen) -> None:
    for name in ("memory_bytes", "cpu_seconds_total", "connections"):
        values = seen.last(f"rehearsal_server_{name}")
        assert set(values) == {("source",), ("target",), ("database",)}
        assert min(values.values()) > 0
    calls = seen.last("rehearsal_redis_command_calls_total")
    increments = seen.document["ledger"]["acknowledged"]
    # The last look at the servers may have been a second before the end.
    assert calls["incr", "source"] + calls["incr", "target"] >= 0.8 * increments
    processes = {process for (process,) in seen.last("rehearsal_generator_cpu_ratio")}
    assert processes == {"coordinator", "worker-0"}


@pytest.mark.matrix
def test_a_run_has_its_own_prometheus_where_that_is_wanted(tmp_path: Path, given: dict[str, str]) -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", 9090))
        except OSError:
            pytest.skip("something else is at 127.0.0.1:9090 here")
    with command(tmp_path, "run", "--prometheus", **given, TMPDIR=str(tmp_path)) as run:
        run.until_running(100)
        prometheus = Prometheus("http://127.0.0.1:9090")
        wait_for(prometheus.is_ready, "Prometheus")
        up = f'up{{job="{JOB}"}} == 1'
        wait_for(lambda: prometheus.ask("query", query=up)["result"], "a scrape")
        # Its rules are the tool's.
        groups = prometheus.ask("rules")["groups"]
        assert {rule["name"] for group in groups for rule in group["rules"]} == {
            rule.get("record", rule.get("alert"))
            for group in YAML(typ="safe").load(RULES)["groups"]
            for rule in group["rules"]
        }
        assert [each for each in psutil.net_connections("inet") if each.laddr and each.laddr.port == 9090]
        (tmp_path / "second").mkdir()
        again = run_to_the_end(tmp_path / "second", "run", "--prometheus", **given)
        assert again.returncode == 2
        assert "--prometheus cannot use 127.0.0.1:9090" in again.stderr
        run.interrupt()
        assert run.wait() == 0, run.stderr
    assert not prometheus.is_ready()
    # Nothing of it is left.
    assert list(tmp_path.glob("redis-rehearsal-*/*/owner.lock")) == []


def test_without_the_program_it_is_said_before_anything_begins(tmp_path: Path, given: dict[str, str]) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    result = run_to_the_end(tmp_path, "run", "--prometheus", **given, PATH=str(empty))
    assert result.returncode == 2
    assert "needs the program prometheus on the path" in result.stderr
    assert not (tmp_path / "runs").exists()
