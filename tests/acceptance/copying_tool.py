"""A migration tool as a user might write it: copies what is under the prefix, once or again and again."""

import os
import sys
import time

import redis


def main() -> None:
    source, target = (redis.Redis.from_url(os.environ[name], protocol=2) for name in ("SOURCE_URL", "TARGET_URL"))
    prefix = os.environ["KEY_PREFIX"]
    while True:
        for key in target.scan_iter(f"{prefix}*", count=1000):
            if not source.exists(key):
                target.delete(key)
        for key in source.scan_iter(f"{prefix}*", count=1000):
            value = source.dump(key)
            if value is not None and key != f"{prefix}lock".encode():
                target.restore(key, max(0, source.pttl(key)), value, replace=True)
        print("a pass is done", flush=True)  # noqa: T201 # what tools do
        if "--follow" not in sys.argv:
            return
        time.sleep(0.05)


if __name__ == "__main__":
    main()
