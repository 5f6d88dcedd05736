from pathlib import Path

import pytest

from redis_rehearsal.embedded import postgres, redis_server
from redis_rehearsal.errors import ConfigurationError


def test_a_missing_postgresql_is_named_with_the_url_to_give(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"not installed here.*DATABASE_URL"):
        postgres.PostgresServer(tmp_path).prepare()


def test_a_missing_server_is_named_with_the_urls_to_give(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(ConfigurationError, match=r"valkey-9\.1 is not installed here.*REDIS_URL and TARGET_REDIS_URL"):
        redis_server.server_binary("valkey-9.1")
