"""Writes docs/scenario.schema.json from the settings and the options of a rehearsal."""

import json
from pathlib import Path

from redis_rehearsal.cli.scenario import scenario_schema


def schema_text() -> str:
    """The text of docs/scenario.schema.json."""
    return json.dumps(scenario_schema(), indent=2, ensure_ascii=False) + "\n"


def main() -> None:
    """Write the schema."""
    path = Path(__file__).parents[1] / "docs" / "scenario.schema.json"
    path.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
