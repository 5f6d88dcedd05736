from typing import Any

import pytest

from redis_rehearsal.report.document import make_document
from redis_rehearsal.report.migration_markdown import render_markdown, render_markdown_side_by_side
from tests.unit.report.made import view
from tests.unit.report.made_migration import document


def test_it_holds_the_verdict_and_its_tables() -> None:
    text = render_markdown(document("fail", query_downtime="failed"))
    for shown in (
        "## Rehearsal of replicate: redis 6.2.14 to valkey 9.1.2\n",
        "### Verdict: FAIL\n\n1 of 12 criteria failed: query_downtime (12.3 ms, limit 250 ms).\n",
        "- **strategy**: replicate\n",
        (
            "| phase | s | queries/s | p50 ms | p99 | p99.9 | hit % | failed | db q/s |\n"
            "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            "| baseline | 15.0 | 9,988 | 0.46 | 2.16 | 12.34 | 95.10 | 17 | 438.2 |\n"
        ),
        "| lost | 0 (at most 21) |\n",
        "| `rehearsal:events:12:page_view:1795000` | 6 | 7 | 8 |\n",
        "| recovery | 60 s | 3 s | passed |\n",
        "### Comparison of the two servers\n\nThe servers were not compared",
        "- **target**: valkey 9.1.2 at 127.0.0.1:41002\n",
        "| `queries_per_second` | 10000 |\n",
        "- **query_downtime failed**: Measured 12.3 ms, the limit is 250 ms. To do: ",
    ):
        assert shown in text, shown


@pytest.mark.parametrize(
    ("migration", "ledger", "why"),
    [
        ({"options": {"compare": False}}, {}, "it was not wanted (--no-compare)."),
        ({"strategy": "observe"}, {}, "with observe something else moves the data"),
        ({"status": "rolled-back"}, {}, "the migration did not come to its end, but rolled-back."),
        ({"status": "running"}, {}, "the run ended before the migration did."),
        ({"status": None}, {}, "the migration did not come to its end, but to none that is known."),
        ({}, {"error": "The source is away."}, "the ledger could not be held against the servers"),
        ({}, {}, "the document does not say why."),
    ],
)
def test_why_servers_were_not_compared_is_what_happened(
    migration: dict[str, Any], ledger: dict[str, Any], why: str
) -> None:
    made = document() | {"comparison": None}
    made["migration"] |= {"strategy": "replicate", "status": "done"} | migration
    made["ledger"] |= ledger
    assert f"The servers were not compared: {why}" in render_markdown(made)


def test_servers_of_a_migration_that_goes_on_were_not_compared_yet() -> None:
    made = document() | {"comparison": None, "stage": "running"}
    made["migration"]["status"] = "running"
    assert "The servers were not compared: the migration is under way." in render_markdown(made)


def test_words_of_the_document_are_no_markup() -> None:
    made = document()
    made["migration"]["steps"][0]["detail"] = "a|b <img src=x> *bold* [link](http://x) _em_ `code`\n| x |"
    made["ledger"]["worst"][0]["key"] = "p|q`:smile:"
    made["migration"]["warnings"] = ["- a", "# b", "12. c", "1 d", "=="]
    text = render_markdown(made)
    assert "\n\n\\- a\n\n\\# b\n\n12\\. c\n\n1 d\n\n\\==\n\n" in text
    assert r"a\|b \<img src=x\> \*bold\* \[link\](http://x) \_em\_ \`code\` \| x \| |" in text
    assert r"| `p\|q':smile:` |" in text


def test_every_row_has_the_cells_of_its_headings() -> None:
    made = document("fail", lost="failed")
    made["phases"][0] = None
    columns = 0
    for line in render_markdown(made).splitlines():
        cells = line.count(" | ") + 1 if line.startswith("| ") else 0
        assert not cells or not columns or cells == columns, line
        columns = cells


def test_a_run_without_a_migration_is_a_list() -> None:
    assert render_markdown(make_document(view())).startswith("## Run\n\n- queries: 100.0/s ok;")


def test_several_begin_with_the_table_of_them() -> None:
    text = render_markdown_side_by_side([document(), document("fail", lost="failed")])
    assert text.startswith("## Rehearsals side by side\n\n### Side by side\n\n| strategy | verdict | lost |")
    assert text.index("Recommended: replicate") < text.index("### Verdict: PASS") < text.index("### Verdict: FAIL")
