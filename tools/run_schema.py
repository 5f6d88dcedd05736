"""Writes docs/run.schema.json from the types of the run's document."""

import json
from pathlib import Path

from redis_rehearsal.document.run import RunDocument
from redis_rehearsal.document.schema import schema


def schema_text() -> str:
    """The text of docs/run.schema.json."""
    return json.dumps(schema(RunDocument), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the file."""
    path = Path(__file__).parents[1] / "docs" / "run.schema.json"
    path.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
