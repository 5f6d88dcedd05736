"""`external`: the user's own tool does the copying."""

from typing import Final

from redis_rehearsal.migration.remedies import LONG_CUTOVER
from redis_rehearsal.migration.strategy import Carries, Running, Strategy


def _running() -> Running:
    from redis_rehearsal.migration.strategies.running import external

    return external


EXTERNAL: Final = Strategy(
    name="external",
    place=60,
    summary="your command does the copying, this tool switches",
    goes_wrong="whatever that tool gets wrong; what is written after it has copied is lost unless it goes on following",
    carries=Carries.ELSEWHERE,
    running=_running,
    uses=("command", "ready_command", "ready_after", "settle"),
    requires={"command": "the tool that does the copying"},
    advice={
        "migration": "run the command by itself against these servers first; nothing else counts before it succeeds.",
        "lost": "give the tool time to carry the last writes while they are held: --settle.",
        "duplicated": "the tool applies increments twice: let it copy values, not commands.",
        "stranded": "fence the old server before the switch, or hold writes until the switch is done.",
        "comparison": "let the tool carry what is written while it runs, or hold writes until it has.",
        "ttl_drift": "let the tool carry until when a key lives (PEXPIREAT), not for how long, or allow it "
        "(--max-ttl-drift).",
        "event_downtime": f"{LONG_CUTOVER} A shorter --settle helps, if nothing is then lost.",
    },
)
