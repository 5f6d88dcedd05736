"""A second of a timeline."""

from typing import Any


def row(second: int, p99: float | None = 0.002, ok: int = 100) -> dict[str, Any]:
    return {"second": second, "query_response_p99": p99, "queries_ok": ok}
