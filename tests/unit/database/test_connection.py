import asyncio

import pytest

from redis_rehearsal.database.connection import first_connect, safe_address
from redis_rehearsal.errors import ServerRefusedError


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("postgresql://me:geheim@h:5433/x?sslmode=require", "postgresql://h:5433/x"),
        ("postgres://me:geheim@h1:1,h2:2/x?password=geheim", "postgresql://h1:1,h2:2/x"),
        ("postgresql://me:se/geheim@h/x", "postgresql://…"),
        ("postgresql://me:geheim@[::1", "postgresql://…"),
    ],
)
def test_an_address_shows_no_password(url: str, address: str) -> None:
    assert safe_address(url) == address


@pytest.mark.parametrize(
    "url",
    [
        "postgresql://me:SEC/geheim@h/x",
        "postgresql://me:a@h/x?port=geheim",
        "postgresql://me:a@h/x?sslmode=geheim",
        "postgresql://me:a@h/x?target_session_attrs=geheim",
    ],
)
def test_what_the_library_says_about_a_url_is_not_shown(url: str) -> None:
    with pytest.raises(ServerRefusedError) as error:
        asyncio.run(first_connect(url, 5, "test"))
    assert "geheim" not in str(error.value)
    assert "DATABASE_URL" in str(error.value)
