from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.conftest import MakeServer
from tests.integration.migration.pair import Pair


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def pair(make_server: MakeServer, stack: ExitStack) -> Pair:
    return Pair(make_server(name="valkey-9.1"), make_server(name="valkey-9.1"), stack)
