from collections.abc import Iterator

import pytest

from tests.conftest import MakeServer
from tests.integration.coordinator.pair import Pair


@pytest.fixture
def pair(make_server: MakeServer) -> Iterator[Pair]:
    pair = Pair(make_server(), make_server(name="valkey-9.1"))
    yield pair
    pair.old.close()
    pair.new.close()
