import pytest

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.errors import ConfigurationError


def test_every_part_of_a_url_is_read() -> None:
    endpoint = Endpoint.parse("redis://us%40er:p%3Ass%2F@db.example:6380/3")
    assert (endpoint.host, endpoint.port, endpoint.database) == ("db.example", 6380, 3)
    assert (endpoint.username, endpoint.password, endpoint.tls) == ("us@er", "p:ss/", False)


def test_defaults() -> None:
    endpoint = Endpoint.parse("redis://localhost")
    assert (endpoint.port, endpoint.database, endpoint.username, endpoint.password) == (6379, 0, "", "")


def test_a_unix_socket() -> None:
    endpoint = Endpoint.parse("unix:///run/redis.sock?db=2")
    assert (endpoint.path, endpoint.database) == ("/run/redis.sock", 2)


def test_tls_verifies_unless_told_not_to() -> None:
    verifying = Endpoint.parse("rediss://localhost").ssl_context()
    trusting = Endpoint.parse("rediss://localhost?ssl_cert_reqs=none").ssl_context()
    assert verifying is not None
    assert trusting is not None
    assert verifying.check_hostname
    assert not trusting.check_hostname


@pytest.mark.parametrize(
    "url",
    [
        "redis://",
        "redis://localhost:notaport",
        "redis://localhost/x",
        "redis://localhost?ssl_cert_reqs=none",
        "rediss://localhost?ssl_cert_reqs=maybe",
        "rediss://localhost?ssl_ca_certs=/not/there.pem",
        "redis://localhost?retry=1",
        "unix://",
        "unix://run/redis.sock",
        "redis://localhost:0",
        "redis://localhost:99999",
        "redis://[::1",
        f"redis://{'x' * 64}",
        "redis://localhost/²",
        "redis://localhost?db",
    ],
)
def test_what_is_wrong_is_said_in_one_sentence(url: str) -> None:
    with pytest.raises(ConfigurationError) as error:
        Endpoint.parse(url)
    assert str(error.value).endswith(".")


def test_the_password_is_never_shown() -> None:
    endpoint = Endpoint.parse("redis://someone:geheim@localhost/1")
    assert "geheim" not in f"{endpoint} {endpoint!r}"
    assert "someone" not in str(endpoint)
