"""Every setting, with its default, its bounds and its words. docs/configuration.md is made from here.

A value is taken from, in rising order: the default, the preset (`--load`), the TOML file, the environment,
the command's flag.
"""

import platform
import re
import sys
from dataclasses import fields
from pathlib import Path
from typing import Annotated, Any, Final, Literal, Self, TypeVar, cast

from cyclopts import Parameter
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    create_model,
    field_validator,
    model_validator,
)

from redis_rehearsal.groups import DURATION, DURATION_OR_NONE, GENERATOR, LOAD, OUTPUT, PLATFORM, SERVERS, URL
from redis_rehearsal.quantities import PLAIN, SECONDS
from redis_rehearsal.urls import HIGHEST_PORT, split_postgres_url, split_redis_url
from redis_rehearsal.workload.presets import PRESETS, ArrivalKind, LoadName
from redis_rehearsal.workload.queries import DataType

Some = TypeVar("Some")
ServerName = Literal["redis-6.2", "redis-8.2", "valkey-9.1"]

QUEUE_SECONDS: Final = 10.0
"""How many seconds of arrivals wait, unless MAX_QUEUE says otherwise."""

_LONGEST_SHOWN: Final = 60
_TOKEN = re.compile(r"[!-~]{8,}")

_EMPTY_IS_UNSET: Final = ("redis_url", "target_redis_url", "database_url", "data_dir", "run_dir")
_ADDRESS = re.compile(r"(?:\[[0-9A-Fa-f:.]+(?:%\w+)?\]|[A-Za-z0-9._-]+):([0-9]{1,5})")


def _env(name: str) -> Parameter:
    return Parameter(env_var=name)


def default_source_server(*, with_json: bool = False) -> ServerName:
    """Redis 6.2 where its wheel installs and JSON is not asked for, else what the platform has."""
    if not with_json and sys.version_info < (3, 13) and sys.platform == "linux" and platform.machine() == "x86_64":
        return "redis-6.2"
    return "redis-8.2" if sys.version_info < (3, 14) else "valkey-9.1"


class Settings(BaseModel):
    """All settings of a run."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    events_per_second: Annotated[
        float, Field(ge=0, le=1_000_000, allow_inf_nan=False), PLAIN, _env("EVENTS_PER_SECOND"), LOAD
    ] = 1000
    "Events generated per second (Redis INCR operations)."

    queries_per_second: Annotated[
        float, Field(ge=0, le=10_000_000, allow_inf_nan=False), PLAIN, _env("QUERIES_PER_SECOND"), LOAD
    ] = 10_000
    "Analytics queries per second."

    load: Annotated[LoadName | None, _env("LOAD"), LOAD] = None
    "A preset of the event and query rates: ultra 2000 and 8000, high 300 and 700, demo 50 and 150, low 10 and 20."

    organizations: Annotated[int, Field(ge=1, le=100_000), PLAIN, _env("ORGANIZATIONS"), LOAD] = 500
    "Tenant organisations."

    users_per_org: Annotated[int, Field(ge=1, le=1_000_000), PLAIN, _env("USERS_PER_ORG"), LOAD] = 1000
    "Users per organisation."

    tenant_skew: Annotated[float, Field(ge=0, le=3), PLAIN, _env("TENANT_SKEW"), LOAD] = 1.0
    "Exponent of the zipf law by which tenants are unequal; 0 makes them equal."

    history_events: Annotated[int, Field(ge=0, le=100_000_000), PLAIN, _env("HISTORY_EVENTS"), PLATFORM] = 500_000
    "Events of history in PostgreSQL, spread over TIME_BUCKETS, before the load begins."

    cache_hit_target: Annotated[float, Field(ge=0, le=100), PLAIN, _env("CACHE_HIT_TARGET"), PLATFORM] = 95
    "Target hit ratio over cacheable queries, %."

    max_workers: Annotated[int, Field(ge=1, le=1_000_000), PLAIN, _env("MAX_WORKERS"), GENERATOR] = 500
    "Most queries in flight at once (each simulated query worker has one), and most events; what is due beyond waits."

    max_queue: Annotated[int | None, Field(ge=0, le=100_000_000), PLAIN, _env("MAX_QUEUE"), GENERATOR] = None
    "Most queries that wait, and most events; what is due beyond is shed. Default: 10 s of arrivals."

    operation_timeout: Annotated[
        float, Field(gt=0, le=3600), SECONDS, DURATION, _env("OPERATION_TIMEOUT"), GENERATOR
    ] = 5.0
    "Seconds until an operation without a reply is failed (reads) or unknown (writes)."

    redis_pool_size: Annotated[int, Field(ge=2, le=10_000), PLAIN, _env("REDIS_POOL_SIZE"), GENERATOR] = 100
    "Redis connections, of all worker processes together; a fifth of them carries writes."

    database_pool_size: Annotated[int, Field(ge=1, le=1000), PLAIN, _env("DATABASE_POOL_SIZE"), GENERATOR] = 10
    "PostgreSQL connections for queries, of all worker processes together."

    cache_ttl: Annotated[float, Field(ge=1, le=31_536_000), SECONDS, DURATION, _env("CACHE_TTL"), PLATFORM] = 300
    "Default cache TTL, seconds; each report's is up to 10% shorter or longer."

    warmup_interval: Annotated[
        float, Field(ge=0, le=31_536_000), SECONDS, DURATION, _env("WARMUP_INTERVAL"), PLATFORM
    ] = 300
    "Cache warm-up and refresh interval, seconds; 0 warms up once and never refreshes."

    time_buckets: Annotated[int, Field(ge=1, le=24 * 31), PLAIN, _env("TIME_BUCKETS"), PLATFORM] = 24
    "Hourly buckets kept."

    time_bucket_seconds: Annotated[int, Field(ge=5, le=86_400), PLAIN, _env("TIME_BUCKET_SECONDS"), PLATFORM] = 3600
    "Length of a bucket: shorter than an hour to rehearse what happens when one ends."

    redis_url: Annotated[SecretStr | None, _env("REDIS_URL"), URL, SERVERS] = None
    "The source: redis://, rediss:// or unix://. Default: an embedded server."

    target_redis_url: Annotated[SecretStr | None, _env("TARGET_REDIS_URL"), URL, SERVERS] = None
    "The target: redis://, rediss:// or unix://. Default: an embedded server."

    database_url: Annotated[SecretStr | None, _env("DATABASE_URL"), URL, SERVERS] = None
    "The database: postgresql://, version 13 or later. Default: an embedded server."

    source_server: Annotated[ServerName | None, _env("SOURCE_SERVER"), SERVERS] = None
    "The embedded source. Default: redis-6.2 (Python 3.11 or 3.12 on x86-64 Linux), elsewhere redis-8.2 or valkey-9.1."

    target_server: Annotated[ServerName, _env("TARGET_SERVER"), SERVERS] = "valkey-9.1"
    "The embedded target."

    redis_data_type: Annotated[
        DataType, Parameter(name=("--data-type", "--redis-data-type"), env_var="REDIS_DATA_TYPE"), PLATFORM
    ] = "string"
    "How cached reports are stored; mixed is each kind of report in the type that suits it."

    key_prefix: Annotated[str, Field(pattern=r"^[^\s*?\[\]\\{}]{1,64}$"), _env("KEY_PREFIX"), SERVERS] = "rehearsal:"
    "Begins every key that is ever written."

    ballast_bytes: Annotated[int, Field(ge=0, le=1 << 40), PLAIN, _env("BALLAST_BYTES"), PLATFORM] = 0
    "Bytes of values under the prefix that nothing asks for, in strings of 1 KiB."

    big_keys: Annotated[int, Field(ge=0, le=10_000), PLAIN, _env("BIG_KEYS"), PLATFORM] = 0
    "Hashes of 10 MiB under the prefix that nothing asks for."

    reset: Annotated[bool, _env("RESET"), SERVERS] = False
    "Remove what an earlier run left under the prefix and in the schema before this one begins."

    data_dir: Annotated[Path | None, _env("DATA_DIR"), SERVERS] = None
    "Keep the files of embedded servers in this directory. Default: a temporary one that is removed."

    bind_address: Annotated[str, _env("BIND_ADDRESS"), OUTPUT] = "127.0.0.1:3000"
    "Where /health and /metrics are served."

    control_token: Annotated[SecretStr | None, _env("CONTROL_TOKEN"), OUTPUT] = None
    "Bearer token that changing a run needs, and seeing it from another machine. Default: one that is made for the run."

    arrivals: Annotated[ArrivalKind, _env("ARRIVALS"), LOAD] = "poisson"
    "How arrivals are spaced: poisson as independent users would, or constant."

    validation_sample_rate: Annotated[float, Field(ge=0, le=1), PLAIN, _env("VALIDATION_SAMPLE_RATE"), PLATFORM] = 1.0
    "Share of hits whose report is checked."

    single_flight: Annotated[bool, _env("SINGLE_FLIGHT"), PLATFORM] = True
    "Answer all misses of one report that come together from one database query; off shows a stampede."

    query_complexity: Annotated[int, Field(ge=1, le=3), PLAIN, _env("QUERY_COMPLEXITY"), PLATFORM] = 1
    "How much SQL a miss costs: 1 reads roll-ups, 2 also recent event rows, 3 also joins them with users."

    event_buffer_rows: Annotated[int, Field(ge=1000, le=100_000_000), PLAIN, _env("EVENT_BUFFER_ROWS"), PLATFORM] = (
        500_000
    )
    "Most event rows that wait for PostgreSQL, of all worker processes together; what is over is dropped and counted."

    workers: Annotated[int, Field(ge=1, le=64), PLAIN, _env("WORKERS"), GENERATOR] = 1
    "Worker processes, which share the tenants and so the rates."

    seed: Annotated[int, Field(ge=0, le=2**63 - 1), PLAIN, _env("SEED"), LOAD] = 1
    "Of every random choice: the same seed asks the same questions."

    warmup: Annotated[float, Field(ge=0, le=86_400), SECONDS, DURATION, _env("WARMUP"), LOAD] = 0.0
    "Load before the duration that is left out of totals, rates and latency, for example 5s."

    duration: Annotated[float | None, Field(gt=0, le=31_536_000), SECONDS, DURATION_OR_NONE, _env("DURATION"), LOAD] = (
        None
    )
    "End `run` after this long, for example 30s; a rehearsal ends with its verdict. Default: until it is stopped."

    give_up_after: Annotated[float, Field(gt=0, le=86_400), SECONDS, DURATION, _env("GIVE_UP_AFTER"), SERVERS] = 60.0
    "End the run (exit code 4) when a server that is needed was away for this long."

    run_dir: Annotated[Path, _env("RUN_DIR"), OUTPUT] = Path("runs")
    "Each run leaves a directory here, named after its start, with run.json and run.log."

    log_format: Annotated[Literal["console", "json"], _env("LOG_FORMAT"), OUTPUT] = "console"
    "How log lines look on stderr."

    log_level: Annotated[Literal["debug", "info", "warning", "error"], _env("LOG_LEVEL"), OUTPUT] = "info"
    "The least important log lines that are shown."

    @model_validator(mode="before")
    @classmethod
    def _apply_defaults(cls, values: Any) -> Any:
        if isinstance(values, dict):
            values = {name: value for name, value in values.items() if value != "" or name not in _EMPTY_IS_UNSET}
            if isinstance(load := values.get("load"), str) and load in PRESETS:
                return {**PRESETS[load], **values}
        return values

    @field_validator("redis_url", "target_redis_url")
    @classmethod
    def _is_redis_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            split_redis_url(value.get_secret_value())
        return value

    @field_validator("database_url")
    @classmethod
    def _is_postgres_url(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            split_postgres_url(value.get_secret_value())
        return value

    @field_validator("bind_address")
    @classmethod
    def _is_address(cls, value: str) -> str:
        match = _ADDRESS.fullmatch(value)
        if match is None or int(match[1]) > HIGHEST_PORT:
            raise ValueError(value)
        return value

    @field_validator("control_token")
    @classmethod
    def _is_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is None or not value.get_secret_value():
            return None
        if not _TOKEN.fullmatch(value.get_secret_value()):
            raise ValueError("a token that will not do")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        if self.redis_pool_size < 2 * self.workers:
            raise ValueError(
                f"REDIS_POOL_SIZE is {self.redis_pool_size}, but WORKERS is {self.workers}: "
                "each worker needs a connection for reads and one for writes"
            )
        if self.organizations < self.workers:
            raise ValueError(
                f"ORGANIZATIONS is {self.organizations}, but WORKERS is {self.workers}: "
                "each worker needs at least one organisation"
            )
        return self

    @property
    def bind_host(self) -> str:
        """The address part of BIND_ADDRESS, without brackets."""
        return self.bind_address.rpartition(":")[0].strip("[]")

    @property
    def bind_port(self) -> int:
        """The port part of BIND_ADDRESS; 0 takes any free one."""
        return int(self.bind_address.rpartition(":")[2])

    def some(self, kind: type[Some]) -> Some:
        """Some of the settings: a dataclass of a kind whose fields have their names."""
        return kind(**{field.name: getattr(self, field.name) for field in fields(cast("Any", kind))})

    def queue_limit(self, rate_per_second: float) -> int:
        """Most operations that wait at that rate."""
        if self.max_queue is not None:
            return self.max_queue
        return max(1, round(rate_per_second * QUEUE_SECONDS))


DEFAULTS: Final = Settings()
"""What holds where nothing is said."""


def whole(part: BaseModel) -> Settings:
    """All settings, of which a part was given.

    Args:
        part: a model of `part_of_settings`.

    Raises:
        ValidationError: one of them cannot be.
    """
    given = part.model_dump(exclude_unset=True)
    secrets = {name: value.get_secret_value() for name, value in given.items() if isinstance(value, SecretStr)}
    return Settings.model_validate(given | secrets)


def part_of_settings(name: str, *fields: str) -> type[BaseModel]:
    """A model of some of the settings, as a command that has no use for the others takes them.

    Args:
        name: of the model.
        fields: those that it has; `Settings.model_validate` checks them as ever.
    """
    taken = {field: Settings.model_fields[field] for field in fields}
    made: type[BaseModel] = create_model(
        name,
        __config__=ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True),
        **{  # type: ignore[call-overload] # names are those of the fields
            field: (Annotated[(info.annotation, *info.metadata)], Field(info.default, description=info.description))
            for field, info in taken.items()
        },
    )
    return made


def allowed(field: str) -> str:
    """What a field may be, in words, from its type and bounds."""
    if field in ("redis_url", "target_redis_url"):
        return "a URL that begins with redis://, rediss:// or unix://"
    if field == "database_url":
        return "a URL that begins with postgresql://"
    if field == "bind_address":
        return "an address and a port, as in 127.0.0.1:3000 or [::1]:3000"
    if field in ("data_dir", "run_dir"):
        return "a directory"
    if field == "control_token":
        return "at least 8 ASCII characters without spaces"
    if field == "key_prefix":
        return "1 to 64 characters without spaces, braces, brackets, backslashes, * or ?"
    return in_words(
        Settings.model_json_schema()["properties"][field],
        is_duration=SECONDS in Settings.model_fields[field].metadata,
    )


def in_words(schema: dict[str, Any], *, is_duration: bool) -> str:
    """What a value may be, in words.

    Args:
        schema: its JSON schema.
        is_duration: whether it is a number of seconds that can be given with a unit.
    """
    options = schema.get("anyOf", [schema])
    schema = {**schema, **options[0]}
    if "enum" in schema:
        return "one of " + ", ".join(map(str, schema["enum"]))
    if schema.get("type") == "boolean":
        return "true or false"
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum")
    if low is None:
        return "text"
    kind = "a whole number" if schema.get("type") == "integer" else "a number"
    if is_duration:
        kind = "a duration such as 500ms, 30s or 5m, in seconds"
    bound = f"above {low:,}" if "exclusiveMinimum" in schema else f"from {low:,}"
    return f"{kind} {bound}" if high is None else f"{kind} {bound} to {high:,}"


def explain(error: ValidationError) -> str:
    """One sentence on the first thing that is wrong: the variable, the value and what is allowed."""
    first = error.errors(include_url=False)[0]
    field = next((str(part) for part in first["loc"] if part in Settings.model_fields), None)
    if field is None:
        if first["type"] == "extra_forbidden":
            return f"{first['loc'][0]} is not a setting."
        return f"{first['msg'].removeprefix('Value error, ')}."
    # Only our own words: the library's may quote the value.
    reason = first["msg"].removeprefix("Value error, ") if first["type"] == "value_error" else ""
    return refusal(field, first["input"], reason)


def refusal(field: str, value: object, reason: str = "") -> str:
    """One sentence on a value that a setting cannot have; the value of one that may hold a password is not shown.

    Args:
        field: the setting.
        value: that it was given.
        reason: what is wrong with a URL, after the name of its variable; shows nothing that could be a password.
    """
    variable = field.upper()
    if field == "control_token":
        return f"{variable} must be {allowed(field)}."
    if field.endswith("_url"):
        return f"{variable} {reason or f'must be {allowed(field)}'}."
    return f"{variable} is {shown(value)}; it must be {allowed(field)}."


def shown(value: object) -> str:
    """A value as a sentence may show it: cut where it is long, not at all where it may be a URL in the wrong place."""
    text = str(value)
    if "@" in text or "://" in text:
        return "a value that may hold a password"
    return repr(value) if len(text) <= _LONGEST_SHOWN else f"{text[:_LONGEST_SHOWN]!r} and more"
