from redis_rehearsal.migration.strategies import STRATEGIES, SUGGESTED
from redis_rehearsal.web.page.shown import strategies


def test_the_page_offers_what_this_tool_moves_with_what_each_has_a_use_for() -> None:
    offered = strategies()
    assert [each["name"] for each in offered] == [name for name, each in STRATEGIES.items() if each.switches]
    assert [each["name"] for each in offered if each["suggested"]] == [SUGGESTED]
    assert [each["name"] for each in offered if "command" in each["uses"]] == ["external"]
    assert [each["options"] for each in offered] == [[]] * len(offered)
