from redis_rehearsal.migration.criteria import CRITERIA
from redis_rehearsal.report.document import make_document
from redis_rehearsal.report.migration_markdown import render_markdown, render_markdown_side_by_side
from tests.unit.report.made import view, whole
from tests.unit.report.made_migration import document


def test_it_holds_the_verdict_and_its_tables() -> None:
    text = render_markdown(whole(document("fail", query_downtime="failed")))
    for shown in (
        "## FAIL: rehearsal of replicate: redis 6.2.14 to valkey 9.1.2\n\n1 of 12 criteria failed: query_downtime",
        "- **strategy**: replicate\n",
        (
            "| phase | s | queries/s | p50 ms | p99 | p99.9 | hit % | failed | db q/s |\n"
            "| :--- | ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |\n"
            "| baseline | 15.0 | 9,988 | 0.46 | 2.16 | 12.34 | 95.10 | 17 | 438.2 |\n"
        ),
        "Increments: 75,012 acknowledged, 21 unknown, 33 redirected, 0 (at most 21) lost, 2 duplicated, ",
        "Worst counters: `rehearsal:events:12:page_view:1795000` (lost 6, duplicated 7, stranded 8)",
        "| query_downtime | 250 ms | 12.3 ms | failed |\n",
        "; recovery (3 s, limit 60 s).\n",
        "- **target**: valkey 9.1.2 at 127.0.0.1:41002\n",
        "- **query_downtime failed**: Measured 12.3 ms, the limit is 250 ms. To do: ",
    ):
        assert shown in text, shown


def test_it_has_less_than_eighty_lines_whatever_went_wrong() -> None:
    made = document("fail", **dict.fromkeys(CRITERIA, "failed"))
    migration = made["migration"]
    migration["steps"] = [dict(migration["steps"][0], name=f"step {number}") for number in range(40)]
    migration["warnings"] = [f"warning {number}" for number in range(40)]
    made["ledger"]["worst"] *= 20
    made["phases"] *= 4
    made["annotations"] = [{"started_at": "2026-11-23T10:00:00.000Z", "server": "source", "detail": "restarted"}] * 40
    text = render_markdown(whole(made))
    assert "- And 37 more." in text
    assert "And 4 more that did not pass." in text
    assert text.count("\n") < 80
    assert render_markdown(whole(document())).count("\n") < 60
    # What is folded is folded.
    assert (
        text.index("| criterion |") < text.index("<details>") < text.index("Steps: step 0") < text.index("</details>")
    )
    several = render_markdown_side_by_side([whole(each) for each in [made] * 20])
    assert several.count("\n") < 80
    assert "And 12 more." in several


def test_words_of_the_document_are_no_markup() -> None:
    made = document()
    made["migration"]["steps"][0]["status"] = "failed"
    made["migration"]["steps"][0]["detail"] = "a|b <img src=x> *bold* [link](http://x) _em_ `code`\n| x |"
    made["ledger"]["worst"][0]["key"] = "p|q`:smile:"
    text = ""
    for warnings in (["- a", "# b", "12. c"], ["1 d", "=="]):
        made["migration"]["warnings"] = warnings
        text = render_markdown(whole(made))
        for shown in {"- a": "- \\- a", "# b": "- \\# b", "12. c": "- 12\\. c", "1 d": "- 1 d", "==": "- \\=="}.items():
            assert (f"\n{shown[1]}\n" in text) == (shown[0] in warnings)
    assert r"a\|b \<img src=x\> \*bold\* \[link\](http://x) \_em\_ \`code\`" in text
    assert r"`p\|q':smile:` (" in text


def test_every_row_has_the_cells_of_its_headings() -> None:
    made = document("fail", lost="failed")
    made["phases"][0] = None
    columns = 0
    for line in render_markdown(whole(made)).splitlines():
        cells = line.count(" | ") + 1 if line.startswith("| ") else 0
        assert not cells or not columns or cells == columns, line
        columns = cells


def test_a_run_without_a_migration_is_a_list() -> None:
    assert render_markdown(make_document(view())).startswith("## Run\n\n- queries: 100.0/s ok;")


def test_several_begin_with_the_table_of_them() -> None:
    text = render_markdown_side_by_side([whole(each) for each in [document(), document("fail", lost="failed")]])
    assert text.startswith("## Rehearsals side by side\n\n### Side by side\n\n| strategy | verdict | lost |")
    assert text.index("Recommended: replicate") < text.index("### PASS: ") < text.index("### FAIL: ")
