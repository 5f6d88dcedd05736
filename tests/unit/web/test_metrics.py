from prometheus_client.parser import text_string_to_metric_families

from redis_rehearsal.web.metrics import render
from tests.unit.report.made import view


def test_the_exposition_holds_the_same_figures_as_the_totals() -> None:
    families = {family.name: family for family in text_string_to_metric_families(render(view()).decode())}
    by_outcome = {s.labels["outcome"]: s.value for s in families["rehearsal_queries"].samples}
    assert by_outcome == {"ok": 1100.0, "failed": 4.0, "unknown": 0.0, "shed": 0.0}
    response = families["rehearsal_queries_response_seconds"]
    buckets = [s.value for s in response.samples if s.name.endswith("_bucket")]
    assert buckets == sorted(buckets)
    assert buckets[-1] == next(s.value for s in response.samples if s.name.endswith("_count")) == 1100.0
    at = {s.labels["le"]: s.value for s in response.samples if s.name.endswith("_bucket")}
    assert (at["0.001"], at["0.002"]) == (0.0, 1100.0)
    assert families["rehearsal_events_by_type"].samples[0].value == 12.0


def test_every_metric_has_help_and_our_prefix() -> None:
    for family in text_string_to_metric_families(render(view()).decode()):
        assert family.name.startswith("rehearsal_")
        assert family.documentation.endswith(".")
