"""Strategies and criteria of other packages, found by their entry points, and those that cannot be used."""

from pathlib import Path

import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from tests.acceptance.with_plugins import rehearse_paused
from tests.plugins import install, install_example
from tests.support import run_to_the_end

OURS = "from redis_rehearsal.migration.strategies.copy import COPY\n"
LIMIT = "from dataclasses import replace\nfrom redis_rehearsal.migration.criteria.counters import LOST\n"
OPTION = """from redis_rehearsal.migration.declaring import Option
MINE = replace(LOST, name="mine", limit=Option("{}", int, 0, ""))
"""


def test_a_strategy_and_a_criterion_of_another_package_are_rehearsed_and_judged_as_ours_are(
    tmp_path: Path, given: dict[str, str], source: RedisServer, fresh_target: RedisServer
) -> None:
    given |= {"PYTHONPATH": str(install_example(tmp_path / "plugin"))}
    rehearse_paused(tmp_path, given, source, fresh_target)


def test_they_are_shown_wherever_ours_are(tmp_path: Path) -> None:
    settings = {"PYTHONPATH": str(install_example(tmp_path / "plugin"))}
    shown = run_to_the_end(tmp_path, "help", "migrate", COLUMNS="200", **settings).stdout
    assert "observe, paused" in shown
    assert "--pause" in shown
    assert "--max-freeze" in shown
    assert run_to_the_end(tmp_path, "init", "mine.toml", **settings).returncode == 0
    written = (tmp_path / "mine.toml").read_text()
    assert "# paused: how long nobody writes before the switch.\n# It must be a duration" in written
    refused = run_to_the_end(tmp_path, "rehearse", "--strategy", "cold", "--pause", "1s", **settings)
    assert (refused.returncode, refused.stderr.strip()) == (
        2,
        "redis-rehearsal: --pause is for the strategy paused, not for cold.",
    )


@pytest.mark.parametrize(
    ("group", "entry", "text", "said"),
    [
        (
            "strategies",
            "mine = broken:NO",
            "import no_such_module\n",
            "mine of redis_rehearsal.strategies cannot be loaded",
        ),
        ("strategies", "mine = broken:NO", "import sys\nsys.exit(0)\n", "cannot be loaded (SystemExit: 0)"),
        (
            "strategies",
            "mine = broken:NO",
            "from redis_rehearsal.migration.context import Context\n",
            "at its top it imports what the command line loads later; let it do so where it runs",
        ),
        (
            "strategies",
            "mine = broken:NO",
            "NO = 7\n",
            "mine of redis_rehearsal.strategies is no Strategy, but of the type int",
        ),
        ("strategies", "copy = broken:COPY", OURS, "takes the name copy, which is that of redis-rehearsal's own"),
        (
            "strategies",
            "mine = broken:MINE",
            f"from dataclasses import replace\n{OURS}MINE = replace(COPY, name='all')\n",
            "'all' of redis_rehearsal.strategies cannot be a name",
        ),
        (
            "strategies",
            "mine = broken:MINE",
            f"from dataclasses import replace\n{OURS}MINE = replace(COPY, name='mine', uses=('speed',))\n",
            "its strategy mine names the option speed, which is not there",
        ),
        (
            "criteria",
            "mine = broken:MINE",
            f"{LIMIT}MINE = replace(LOST, name='mine', limit='max_sorrow')\n",
            "its criterion mine names the limit max_sorrow, which is not there",
        ),
        (
            "criteria",
            "mine = broken:MINE",
            LIMIT + OPTION.format("max_lost"),
            "its option max_lost is there already",
        ),
        (
            "criteria",
            "mine = broken:MINE",
            LIMIT + OPTION.format("workers"),
            "its option workers is there already",
        ),
        ("criteria", "lost = broken:LOST", LIMIT, "takes the name lost, which is that of redis-rehearsal's own"),
    ],
)
def test_a_package_that_cannot_be_used_is_named_before_anything_is_touched(
    group: str, entry: str, text: str, said: str, tmp_path: Path
) -> None:
    site = install(tmp_path / "plugin", "sorry-example", f"redis_rehearsal.{group}", entry, text)
    done = run_to_the_end(tmp_path, "rehearse", "--strategy", "cold", PYTHONPATH=str(site))
    assert done.returncode == 2, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("redis-rehearsal: The package sorry-example cannot be used: ")
    assert said in line
    assert line.endswith(". Mend it, or uninstall it.")
    assert not (tmp_path / "runs").exists()


def test_what_needs_no_package_of_others_goes_on_without_it(tmp_path: Path) -> None:
    site = install(
        tmp_path / "plugin", "sorry-example", "redis_rehearsal.criteria", "mine = broken:NO", "raise OSError\n"
    )
    done = run_to_the_end(tmp_path, "dashboards", "--output", str(tmp_path / "made"), PYTHONPATH=str(site))
    assert done.returncode == 0, done.stderr
