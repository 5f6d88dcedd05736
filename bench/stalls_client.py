"""Asks a run for something, from a process of its own; `python -m bench.stalls_client HOST PORT PATH TIMES SECONDS`.

The page's events are listened to for so many seconds, or until the first state where these are none.
"""

import asyncio
import contextlib
import sys


async def _ask(host: str, port: str, path: str, seconds: int) -> None:
    reader, writer = await asyncio.open_connection(host, int(port), limit=2**26)
    writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    if b" 200 " not in await reader.readline():
        sys.exit(1)
    if path != "/api/events":
        await reader.read()
        # The rest of a long answer.
        while await reader.read(2**20):
            pass
    else:
        # All rows were told when the first state is.
        while not (await reader.readuntil(b"\n")).startswith(b"event: state"):
            pass
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while await reader.read(2**20):
                    pass
    writer.close()


async def _main(host: str, port: str, path: str, times: int, seconds: int) -> None:
    await asyncio.gather(*(_ask(host, port, path, seconds) for _ in range(times)))


if __name__ == "__main__":
    _host, _port, _path, _times, _seconds = sys.argv[1:]
    asyncio.run(_main(_host, _port, _path, int(_times), int(_seconds)))
