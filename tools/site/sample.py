"""A rehearsal for the site: short, real, and made anew each time, so that the report is what the tool writes today."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

SAMPLE: Final = "sample"
"""The page about it, and beside it the directory with its documents."""

DOCUMENTS: Final = {
    "report.html": "the file to attach to a ticket, with charts",
    "report.md": "the same for a pull request; it stands below",
    "run.json": "all of it, for programs; [field by field](docs/report.md)",
}
_COMMAND: Final = (
    "redis-rehearsal rehearse --strategy replicate --load high",
    "--organizations 50 --users-per-org 100 --history-events 20000",
    "--warmup 3s --baseline 8s --observe 10s",
)
_JUDGED: Final = (0, 1, 3)
_UNKNOWN: Final = 3
_TRIES: Final = 3


def rehearse(place: Path) -> Path:
    """Rehearse on embedded servers.

    Args:
        place: a directory for it.

    Returns:
        The directory of the run.

    Raises:
        SystemExit: no verdict came of it.
    """
    # What the user has set may name servers that this must not touch, and that nobody should read of.
    names = ("PATH", "HOME", "TMPDIR", "XDG_RUNTIME_DIR")
    environment = {name: os.environ[name] for name in names if name in os.environ}
    environment |= {"BIND_ADDRESS": "127.0.0.1:0", "RUN_DIR": "runs"}
    # A machine that was busy for a moment makes a report of nothing but that.
    arguments = " ".join(_COMMAND).split()[1:]
    for _ in range(_TRIES):
        done = subprocess.run(
            [sys.executable, "-m", "redis_rehearsal", *arguments],
            cwd=place,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode not in _JUDGED:
            sys.stderr.write(done.stderr)
            raise SystemExit(f"The rehearsal for the sample report ended with exit code {done.returncode}.")
        if done.returncode != _UNKNOWN:
            break
    return max((place / "runs").iterdir())


def page(run: Path) -> str:
    """The page about a run, in Markdown.

    Args:
        run: the directory of the run.
    """
    verdict = json.loads((run / "run.json").read_text(encoding="utf-8"))["verdict"]["status"]
    command = " \\\n    ".join(_COMMAND)
    # Links in HTML: they lead to what is no page and no source of one.
    files = "".join(
        f'- <a href="{SAMPLE}/{name}"><code>{name}</code></a>: {meaning}\n' for name, meaning in DOCUMENTS.items()
    )
    return f"""# A sample report

This rehearsal was made when this site was. It is a short one, at a small load, on embedded servers:

```
{command}
```

Its verdict is **{verdict}**. [Reading the verdict](docs/reading-the-verdict.md) says what each criterion means.

{files}
```{{include}} {SAMPLE}/report.md
```
"""
