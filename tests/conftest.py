import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import redis
from hypothesis import settings

from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.settings import default_source_server

# Timings are never asserted: machines are shared.
settings.register_profile("shared-machine", deadline=None, max_examples=60)
settings.load_profile("shared-machine")

MakeServer = Callable[..., RedisServer]


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[MakeServer]:
    """Starts servers that end with the test; without a name, the default source."""
    servers: list[RedisServer] = []

    def make(*options: str, name: str | None = None, password: str = "") -> RedisServer:
        place = tmp_path / f"server-{len(servers)}"
        server = RedisServer(name or default_source_server(), place, options=options, password=password)
        servers.append(server)
        server.start()
        return server

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def source(make_server: MakeServer) -> RedisServer:
    return make_server()


@pytest.fixture
def client(source: RedisServer) -> Iterator[Any]:
    """Another client, not ours: evidence from outside."""
    with redis.Redis(port=source.port, protocol=2) as outside:
        yield outside


@pytest.fixture
def open_place() -> Iterator[Path]:
    """A directory that every user reaches, as a temporary one is; pytest's own are closed."""
    with tempfile.TemporaryDirectory(dir="/tmp", prefix="rehearsal-test-") as place:  # where others are
        Path(place).chmod(0o755)
        yield Path(place)


@pytest.fixture(scope="session")
def postgres() -> Iterator[PostgresServer]:
    with tempfile.TemporaryDirectory(prefix="rehearsal-postgres-") as place:
        server = PostgresServer(Path(place))
        server.start()
        yield server
        server.stop()
