"""URLs of servers, read so that no error can show a part of a password."""

import re
from pathlib import Path
from typing import Final
from urllib.parse import SplitResult, parse_qs, urlsplit

REDIS_SCHEMES: Final = ("redis", "rediss", "unix")
POSTGRES_SCHEMES: Final = ("postgresql", "postgres")
TLS_FILES: Final = ("ssl_ca_certs", "ssl_certfile", "ssl_keyfile")
"""Options of a rediss:// URL that name files."""
_POSTGRES_HOST = re.compile(r"(?:\[[^\[\]]+\]|[^\[\]:]*)(?::([0-9]{0,5}))?")
_PASSWORD = re.compile(r"([A-Za-z]+:/+[^\s/@:]*:)\S+@")
HIGHEST_PORT: Final = 65_535
_OTHER_SCHEMES: Final = ("http", "https", "tcp", "valkey", "valkeys", "mysql", *REDIS_SCHEMES, *POSTGRES_SCHEMES)
"""What can be shown of a URL that is not understood: surely a scheme, and no part of a password."""


def _split_url(url: str, schemes: tuple[str, ...]) -> SplitResult:
    """Split a URL of which every part can be told apart for sure."""
    scheme, separator, rest = url.partition("://")
    scheme = scheme.lower()
    if not separator or scheme not in schemes:
        begins = " or ".join(", ".join(f"{each}://" for each in schemes).rsplit(", ", 1))
        found = f"begins with {scheme}://; it " if separator and scheme in _OTHER_SCHEMES else ""
        raise ValueError(f"{found}must begin with {begins}")
    # An unescaped one of these ends the password too early, so that the rest of it would pass for host, port or path.
    if any(character in "/?#[]@" for character in rest.rpartition("@")[0]):
        raise ValueError(
            "has one of the characters / ? # [ ] @ before its last @; "
            "in user names, passwords and options they must be percent-encoded, as in %2F for / and %40 for @"
        )
    if "#" in rest or any(character.isspace() or not character.isprintable() for character in url):
        raise ValueError("has a #, a space or a control character; they must be percent-encoded, as in %23 for #")
    try:
        return urlsplit(url)
    except ValueError:  # its text may hold the password
        raise ValueError("has a host that cannot be read; an IPv6 address is written as in [::1]") from None


def _url_options(parts: SplitResult) -> dict[str, str]:
    try:
        options = parse_qs(parts.query, keep_blank_values=True, strict_parsing=True) if parts.query else {}
    except ValueError:  # its text may hold the password
        raise ValueError("has options that cannot be read; they are written ?name=value&name=value") from None
    return {name: values[-1] for name, values in options.items()}


def split_redis_url(url: str) -> tuple[SplitResult, dict[str, str]]:
    """The parts of a redis://, rediss:// or unix:// URL, and its options; `db` is always among these.

    Args:
        url: with the password.

    Raises:
        ValueError: what is wrong, to be read after the name of the variable. It shows nothing that could be a part
            of the password.
    """
    parts = _split_url(url, REDIS_SCHEMES)
    options = _url_options(parts)
    is_unix = parts.scheme == "unix"
    known = ("db", *TLS_FILES, "ssl_cert_reqs") if parts.scheme == "rediss" else ("db",)
    if any(name not in known for name in options):
        raise ValueError(f"has an option that a {parts.scheme}:// URL cannot have; it may have {', '.join(known)}")
    if options.get("ssl_cert_reqs", "none") not in ("required", "none"):
        raise ValueError("has an ssl_cert_reqs that is neither required nor none")
    if is_unix and (parts.hostname or not parts.path):
        raise ValueError("must name the path of a socket, as in unix:///run/redis.sock")
    if not is_unix:
        if not parts.hostname:
            raise ValueError(f"must name a host, as in {parts.scheme}://localhost:6379")
        try:
            right = parts.port != 0 and parts.hostname.encode("idna")
        except ValueError:  # its text may hold the password
            right = False
        if not right:
            raise ValueError(f"has a host that cannot be one, or a port that is not a number from 1 to {HIGHEST_PORT}")
    options["db"] = options.get("db") or ("" if is_unix else parts.path.strip("/")) or "0"
    if not re.fullmatch("[0-9]{1,9}", options["db"]):
        raise ValueError("has a database that is not a number, as in redis://localhost:6379/0")
    for name in TLS_FILES:
        if name in options and not Path(options[name]).is_file():
            raise ValueError(f"has the option {name}, which names {options[name]!r}; that is not a file")
    return parts, options


def split_postgres_url(url: str) -> SplitResult:
    """The parts of a postgresql:// URL, of which asyncpg reads the options.

    Args:
        url: with the password.

    Raises:
        ValueError: as of `split_redis_url`.
    """
    parts = _split_url(url, POSTGRES_SCHEMES)
    _url_options(parts)
    for host in parts.netloc.rpartition("@")[2].split(","):
        match = _POSTGRES_HOST.fullmatch(host)
        if match is None or int(match[1] or 1) not in range(1, HIGHEST_PORT + 1):
            raise ValueError(
                f"has a host or a port that cannot be read; it is written host:port, with a port from 1 to "
                f"{HIGHEST_PORT}"
            )
    return parts


def reached_at(host: str) -> str:
    """Where this machine calls what listens at an address: what listens on all of them, at its own."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 # nothing is bound


def without_passwords(sentence: str) -> str:
    """A sentence in which no URL shows its password, also where it was given in the place of a path."""
    return _PASSWORD.sub(r"\1***@", sentence)
