"""Writes docs/configuration.md from the settings."""

from pathlib import Path
from typing import Final

from redis_rehearsal.settings import Settings, allowed

_HEAD: Final = """# Configuration

<!-- Written by `make docs` from src/redis_rehearsal/settings.py; a test compares the two. -->

Every setting can be given in four ways. Each overrides the ones before it:

1. the default, or the preset that `--load` names (which sets the two rates),
2. a TOML file: `redis-rehearsal run --config my.toml`, keys in lower case (`queries_per_second = 500`);
   `redis-rehearsal init` writes one with every key and what it means, also of `rehearse` and `migrate` (strategy,
   cutover, limits): a scenario, all that a rehearsal is. [Its schema](scenario.schema.json) helps editors, and every
   command takes what is its own,
3. an environment variable: `QUERIES_PER_SECOND=500`,
4. a flag: `--queries-per-second 500`.

Numbers are decimal, without separators: `1000`, `0.5`, `1e6`. Durations are seconds, or have a unit: `250ms`, `30s`,
`5m`, `1h`. An empty URL or directory is the default. A wrong value is named in one sentence, with
what is allowed, and the exit code is 2.

| variable | default | allowed | meaning |
|---|---|---|---|
"""

_TAIL: Final = """
## Addresses of servers

`REDIS_URL` and `TARGET_REDIS_URL`:

- `redis://[user:password@]host[:port][/database]`; user, password and path are percent-decoded. In a password,
  `/ ? # [ ] @` and spaces must be percent-encoded (`%2F %3F %23 %5B %5D %40 %20`); so in `DATABASE_URL`.
- `rediss://…` is the same over TLS. The certificate and the name are verified against the system's authorities.
  Options in the query, under redis-py's names: `ssl_ca_certs=FILE` trusts these authorities instead,
  `ssl_certfile=FILE` and `ssl_keyfile=FILE` are the client's certificate, `ssl_cert_reqs=none` turns verification off.
- `unix:///path/to/socket[?db=2]`, with user and password as above.

The server's user needs: `+ping +client|setname +select +info +get +set +mget +incr +expireat +unlink +del +ttl
+expire +watch +multi +exec +discard +scan +hset` on the keys `KEY_PREFIX*`; with `REDIS_DATA_TYPE` other than `string`
also `+pexpire +pttl +renamenx` and what reads and writes the type (see data-types.md). A run sees at its start whether
it has.

`DATABASE_URL`: `postgresql://[user:password@]host[:port]/database[?sslmode=…]`, as asyncpg reads it. The user must be
allowed to create a schema in the database.

Cluster and Sentinel endpoints are refused for now.
"""


def configuration_page() -> str:
    """The text of docs/configuration.md."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        if name == "bind_address":
            shown = default
        elif name == "source_server":
            shown = "by platform"
        elif default is None:
            shown = ""
        elif isinstance(default, bool):
            shown = str(default).lower()
        else:
            shown = str(default).removesuffix(".0")
        rows.append(f"| `{name.upper()}` | {shown} | {allowed(name)} | {field.description} |\n")
    return _HEAD + "".join(rows) + _TAIL


def main() -> None:
    """Write the page."""
    page = Path(__file__).parents[1] / "docs" / "configuration.md"
    page.write_text(configuration_page(), encoding="utf-8")


if __name__ == "__main__":
    main()
