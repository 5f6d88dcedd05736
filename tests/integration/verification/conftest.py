from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from redis_rehearsal.embedded.redis_server import RedisServer, server_binary
from redis_rehearsal.errors import ConfigurationError

GetServer = Callable[[str], RedisServer]

ALL = ("redis-6.2", "redis-8.2", "valkey-9.1")


def outside(server: RedisServer) -> Any:
    """Another client, not ours: what it writes is what is there."""
    return redis.Redis(port=server.port, protocol=2, single_connection_client=True)


@pytest.fixture(scope="module")
def get_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[GetServer]:
    """Servers by name, and a second of a name with a mark behind it; they are started once and not emptied."""
    servers: dict[str, RedisServer] = {}

    def get(name: str) -> RedisServer:
        if name not in servers:
            product = name.rstrip("'")
            try:
                server_binary(product)
            except ConfigurationError as error:
                pytest.skip(str(error))
            servers[name] = RedisServer(product, tmp_path_factory.mktemp("server"))
            servers[name].start()
        return servers[name]

    yield get
    for server in servers.values():
        server.kill()
