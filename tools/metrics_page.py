"""Writes docs/metrics.md from the catalogue of metrics."""

from itertools import groupby
from pathlib import Path
from typing import Final

from redis_rehearsal.web.metrics.catalogue import ENTRIES, Entry, Group
from redis_rehearsal.web.metrics.families import BUCKETS_SECONDS

_HEAD: Final = """# Metrics

<!-- Written by `make docs` from src/redis_rehearsal/web/metrics/catalogue/; a test compares the two. -->

`GET /metrics` at BIND_ADDRESS has all of these, for Prometheus. Names follow Prometheus' rules: base units, `_total`
for what only grows, `_ratio` from 0 to 1. At most 300 label sets (a histogram counts once) and 1,500 lines of samples,
whatever the load, the number of tenants and the workers. Everything covers the whole load, `--warmup` too.

What is not known has no sample, rather than 0: a server that is away, a ledger that was not compared yet, a ratio of
nothing. A run waits at its end for one more request, two intervals at most, if /metrics was asked for regularly (three
times, evenly, at most 20 s apart): the verdict of a rehearsal is there only then.

Servers are asked once a second by the coordinator while the load lasts, by other connections than its. Memory and
processor time of source and target are what INFO says; of PostgreSQL, which does not say it, they are known only where
it is embedded. Where an ACL forbids INFO they are not known either, and the log says so once. `redis_command` counts
what all clients of a server sent, `redis_operation` what the load sent and how long that took, there and back.

From these follow, over the last 10 s (rules.yml of deploy/prometheus records most of them):

- queries a second: `sum(rate(rehearsal_queries_total[10s]))`
- p99 of queries: `histogram_quantile(0.99, sum by (le) (rate(rehearsal_queries_response_seconds_bucket[10s])))`, known
  to a bucket's width
- hit ratio: `rehearsal:cache_hit:ratio`; share of operations that were not ok: `rehearsal:not_ok:ratio`

`deploy/grafana` has dashboards of them, `deploy/prometheus` alerts.
"""
_TITLES: Final = {
    Group.PERFORMANCE: "Performance",
    Group.BUSINESS: "Business",
    Group.INFRASTRUCTURE: "Infrastructure",
    Group.MIGRATION: "Migration",
}


def metrics_page() -> str:
    """The text of docs/metrics.md."""
    parts = [_HEAD]
    for group, entries in groupby(ENTRIES, lambda entry: entry.group):
        parts.append(f"\n## {_TITLES[group]}\n\n| metric | type | unit | labels | meaning |\n|---|---|---|---|---|\n")
        parts += [_row(entry) for entry in entries]
    bounds = ", ".join(f"{bound:g}" for bound in BUCKETS_SECONDS)
    parts.append(f"\nThe buckets of all histograms end at {bounds} and +Inf seconds.\n")
    return "".join(parts)


def _row(entry: Entry) -> str:
    labels = "; ".join(f"`{name}`: {', '.join(values)}" for name, values in entry.labels.items())
    meaning = f"{entry.help} There {entry.when}." if entry.when else entry.help
    return f"| `{entry.full_name}` | {entry.kind} | {entry.unit} | {labels} | {meaning} |\n"


def main() -> None:
    """Write the page."""
    page = Path(__file__).parents[1] / "docs" / "metrics.md"
    page.write_text(metrics_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
