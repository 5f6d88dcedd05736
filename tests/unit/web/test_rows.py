""""""

import asyncio
import json
from dataclasses import replace
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st
from starlette.responses import StreamingResponse

from redis_rehearsal.fleet.row import Label, Row, Second
from redis_rehearsal.fleet.rows import PackedRows
from redis_rehearsal.web.rows import PIECE_ROWS, answer_rows, figure, plain, thinned
from tests.unit.web.made_rows import row


@example([(None, 0), (1.0, 0), *[(None, 0)] * 10, (None, 1), (None, 0)], 5)
@given(st.lists(st.tuples(st.floats(0, 10) | st.none(), st.integers(0, 1000)), max_size=300), st.integers(2, 50))
def test_what_is_thinned_are_true_seconds_and_the_slowest_and_the_worst_of_all_are_there(
    seconds: list[tuple[float | None, int]], most: int
) -> None:
    rows = [row(number, p99, ok) for number, (p99, ok) in enumerate(seconds)]
    kept = [rows[place] for place in thinned(rows, most)]
    packed = PackedRows(replace(Row.of(Second(0), 1.5, Label("load")), **each) for each in rows)
    assert list(thinned(packed, most)) == list(thinned(rows, most))
    numbers = [each["second"] for each in kept]
    assert numbers == sorted(set(numbers))
    assert all(each in rows for each in kept)
    assert len(kept) <= most
    for name, extreme in (("query_response_p99", max), ("queries_ok", min)):
        if rows:
            assert extreme(each[name] or 0 for each in kept) == extreme(each[name] or 0 for each in rows)


async def sent(rows: Any) -> list[bytes]:
    response = answer_rows(rows)
    assert isinstance(response, StreamingResponse)
    return [bytes(piece) async for piece in response.body_iterator]  # type: ignore[arg-type]


def test_rows_are_handed_on_in_pieces_which_together_are_json() -> None:
    for seconds in (0, 1, PIECE_ROWS, PIECE_ROWS + 1, 3 * PIECE_ROWS):
        packed = PackedRows(Row.of(Second(number), 1.5, Label("load")) for number in range(seconds))
        for rows in (packed, list(packed), [plain(each) for each in packed]):
            pieces = asyncio.run(sent(rows))
            assert len(pieces) == -(-seconds // PIECE_ROWS) + 1
            assert json.loads(b"".join(pieces)) == [plain(each) for each in packed]
            assert {figure(each, "phase") for each in rows} <= {"load"}
    assert figure({"second": 1}, "phase") is None
