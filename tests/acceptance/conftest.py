from collections.abc import Iterator

import pytest

from redis_rehearsal.embedded.postgres import PostgresServer
from redis_rehearsal.embedded.redis_server import RedisServer
from tests.conftest import MakeServer
from tests.support import SMALL


@pytest.fixture(scope="session")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RedisServer]:
    server = RedisServer("valkey-9.1", tmp_path_factory.mktemp("target"))
    server.start()
    yield server
    server.kill()


@pytest.fixture
def given(source: RedisServer, target: RedisServer, postgres: PostgresServer) -> dict[str, str]:
    """Settings of a small run on servers that the test holds, and can break."""
    return {
        **SMALL,
        "REDIS_URL": source.url,
        "TARGET_REDIS_URL": target.url,
        "DATABASE_URL": postgres.url,
        "RESET": "true",
        # Of a day, so that no hour ends meanwhile: with the next bucket other counters and structures begin.
        "TIME_BUCKET_SECONDS": "86400",
        "EVENTS_PER_SECOND": "120",
        "QUERIES_PER_SECOND": "150",
    }


@pytest.fixture
def fresh_target(make_server: MakeServer, given: dict[str, str]) -> RedisServer:
    """A target of the test's own, which it may break."""
    server = make_server(name="valkey-9.1")
    given["TARGET_REDIS_URL"] = server.url
    return server
