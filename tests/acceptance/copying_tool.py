"""A migration tool as a user might write it: copies what is under the prefix, once or again and again.

With --but PREFIX it forgets what begins with that.
"""

import os
import sys
import time
from typing import Any

import redis


def ask(client: Any, command: str, keys: list[bytes]) -> list[Any]:
    """One command of each key, in one go: a pass must be short."""
    with client.pipeline(transaction=False) as pipeline:
        for key in keys:
            getattr(pipeline, command)(key)
        found: list[Any] = pipeline.execute()
    return found


def main() -> None:
    source, target = (redis.Redis.from_url(os.environ[name], protocol=2) for name in ("SOURCE_URL", "TARGET_URL"))
    prefix = os.environ["KEY_PREFIX"]
    forgotten = sys.argv[sys.argv.index("--but") + 1].encode() if "--but" in sys.argv else None
    seen: dict[bytes, bytes] = {}
    while True:
        keys = [key for key in source.scan_iter(f"{prefix}*", count=1000) if key != f"{prefix}lock".encode()]
        if forgotten is not None:
            keys = [key for key in keys if not key.startswith(forgotten)]
        # Only what it has brought there itself: whatever else is there is the application's.
        gone = seen.keys() - set(keys)
        values, lives = ask(source, "dump", keys), ask(source, "pttl", keys)
        with target.pipeline(transaction=False) as pipeline:
            for key, value, left in zip(keys, values, lives, strict=True):
                # Only what has changed since: the application may write there by now.
                if value is not None and seen.get(key) != value:
                    seen[key] = value
                    pipeline.restore(key, max(0, left), value, replace=True)
            for key in gone:
                del seen[key]
                pipeline.delete(key)
            pipeline.execute()
        print("a pass is done", flush=True)  # noqa: T201 # what tools do
        if "--follow" not in sys.argv:
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main()
