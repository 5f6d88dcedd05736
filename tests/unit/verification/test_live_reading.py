from typing import Any

import numpy as np
import orjson
import pytest

from redis_rehearsal.verification.live_reading import _count


def counted(document: Any) -> tuple[list[int], int]:
    row = np.zeros(5, dtype=np.int64)
    foreign = _count("document", orjson.dumps(document), row)
    return row.tolist(), foreign


def test_a_document_holds_whole_numbers() -> None:
    assert counted({"page_view": 12, "click": 3.0})[1] == 0
    assert counted({"page_view": 12})[0][0] == 12


@pytest.mark.parametrize("damaged", ["12", True, None, 12.5, {"of": 1}, [1], 2**60])
def test_what_is_none_does_not_belong_there(damaged: Any) -> None:
    assert counted({"page_view": damaged}) == ([0, 0, 0, 0, 0], 1)


@pytest.mark.parametrize("document", [[], [1], "text", 7, None])
def test_nor_does_a_document_that_is_no_object(document: Any) -> None:
    assert counted(document) == ([0, 0, 0, 0, 0], 1)
