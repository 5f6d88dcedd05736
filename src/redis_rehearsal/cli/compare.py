"""`redis-rehearsal compare`: two databases, key by key, both ways."""

import asyncio
import sys
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from signal import SIGHUP, SIGINT, SIGTERM
from typing import Annotated, Any, BinaryIO, Final, Self

import orjson
import uvloop
from cyclopts import Parameter
from pydantic import SecretStr
from rich.status import Status
from rich.text import Text

from redis_rehearsal.cache.endpoint import Endpoint
from redis_rehearsal.cli.instance import DEFAULT_ADDRESS, Address
from redis_rehearsal.cli.people import People
from redis_rehearsal.cli.runtime_file import resolved
from redis_rehearsal.clock import monotonic
from redis_rehearsal.errors import CannotTellError, ConfigurationError
from redis_rehearsal.report.encoding import encode
from redis_rehearsal.verification.compare.classify import Difference, Kind, Summary
from redis_rehearsal.verification.compare.drift import Drift
from redis_rehearsal.verification.compare.options import CompareOptions
from redis_rehearsal.verification.compare.result import Comparison, Outcome, Progress
from redis_rehearsal.verification.compare.rounds import compare as compare_databases

_EXIT_CODES: Final = {Outcome.EQUAL: 0, Outcome.DIFFERENT: 1, Outcome.UNKNOWN: 3}
_LINE_SECONDS: Final = 5.0
_LIVE_SECONDS: Final = 0.1
_DIGEST_DIGITS: Final = 8
_LONGEST_KEY: Final = 60
_DEFAULTS: Final = CompareOptions()
_WORDS: Final = {
    Kind.MISSING: "missing on the target",
    Kind.EXTRA: "only on the target",
    Kind.TYPE: "of another type",
    Kind.VALUE: "with another value",
    Kind.TTL: "with another time to live",
}
_UNSETTLED: Final = (
    "kept changing on both servers, or took too long to read: compare again while nobody writes to one of them, "
    "or with more --rounds"
)
_EVICTED: Final = (
    "had another value or time to live, and may have been evicted since: give the server more memory, and compare again"
)


def compare(
    source: Annotated[SecretStr | None, Parameter(name=("--source", "--redis-url"), env_var="REDIS_URL")] = None,
    target: Annotated[
        SecretStr | None, Parameter(name=("--target", "--target-redis-url"), env_var="TARGET_REDIS_URL")
    ] = None,
    *,
    options: Annotated[CompareOptions, Parameter(name="*")] = _DEFAULTS,
    output: Path | None = None,
    values: Annotated[bool, Parameter(negative="")] = False,
    json: Annotated[bool, Parameter(negative="")] = False,
    bind_address: Address = DEFAULT_ADDRESS,
) -> int:
    """Compare two databases key by key, both ways: keys, types, values, times to live. Nothing is written to them.

    Exit codes: 0 equal, 1 different, 2 wrong usage or a server that cannot be used, 3 it could not be told (a server
    went away, something is not permitted, values are of a type that cannot be read or kept changing on both servers,
    or there was no key to compare).

    Args:
        source: URL of the Redis being left, or `source` for that of a run of yours; a password is better kept in the
            environment.
        target: URL of the Redis being moved to, or `target`.
        options: What is compared, and how often.
        output: Write the keys that differ to this file, one JSON document a line.
        values: Write whole values to it, too.
        json: Print the document to stdout instead of words.
        bind_address: Where the run serves HTTP whose servers are meant.
    """
    if values and output is None:
        raise ConfigurationError("--values writes to the file of --output FILE, which is missing.")
    endpoints = (
        _endpoint("SOURCE", "REDIS_URL", resolved(source, bind_address)),
        _endpoint("TARGET", "TARGET_REDIS_URL", resolved(target, bind_address)),
    )
    with _lines(output) as lines, _Display() as display:

        def record(difference: Difference, source_value: Any, target_value: Any) -> None:
            if lines is not None:
                lines.write(_line(difference, source_value, target_value, values=values))

        comparison = uvloop.run(
            _until_interrupted(
                compare_databases(
                    *endpoints, options, display.show, record=None if lines is None else record, values=values
                )
            )
        )
    if json:
        document = {"source": str(endpoints[0]), "target": str(endpoints[1]), **comparison.document()}
        sys.stdout.write(encode(document).decode())
    else:
        sys.stdout.write(render(comparison))
    return _EXIT_CODES[comparison.outcome]


def _endpoint(role: str, variable: str, url: SecretStr | None) -> Endpoint:
    if url is None:
        raise ConfigurationError(f"{role} is missing; give its URL as an argument, or in {variable}.")
    try:
        return Endpoint.parse(url.get_secret_value())
    except ConfigurationError as error:
        raise ConfigurationError(f"{role} cannot be used: {error}") from None


async def _until_interrupted(work: Any) -> Comparison:
    """Await it; Ctrl-C is no answer to whether they are equal, and must not look like one."""
    task: asyncio.Task[Comparison] = asyncio.ensure_future(work)
    loop = asyncio.get_running_loop()
    for number in (SIGINT, SIGTERM, SIGHUP):
        loop.add_signal_handler(number, task.cancel)
    try:
        return await task
    except asyncio.CancelledError:
        raise CannotTellError("Interrupted before all keys were compared, so nothing can be said.") from None


@contextmanager
def _lines(path: Path | None) -> Iterator[BinaryIO | None]:
    if path is None:
        yield None
        return
    try:
        file = path.open("wb")
    except OSError as error:
        raise ConfigurationError(f"The file {path} of --output cannot be written: {error.strerror}.") from None
    try:
        with file:
            yield file
    except OSError as error:
        raise CannotTellError(f"The file {path} of --output could not be written: {error.strerror}.") from None


def _line(difference: Difference, source_value: Any, target_value: Any, *, values: bool) -> bytes:
    row: dict[str, Any] = {}
    try:
        row["key"] = difference.key.decode()
    except UnicodeDecodeError:
        row["key_base64"] = b64encode(difference.key).decode()
    row["kind"] = difference.kind.value
    if difference.benign:
        row["benign"] = difference.benign
    elif difference.unsettled:
        row["unsettled"] = True
    for role, summary, value in (
        ("source", difference.source, source_value),
        ("target", difference.target, target_value),
    ):
        row[role] = None if summary is None else summary.document() | ({"value": value} if values else {})
    return encode(row, orjson.OPT_APPEND_NEWLINE)


class _Display:
    """How far it is, on stderr: a line that changes on a terminal, else a line every few seconds."""

    def __init__(self) -> None:
        self._console = People(stderr=True)
        self._status: Status | None = None
        self._next_seconds = 0.0
        self._round = 0

    def __enter__(self) -> Self:
        if self._console.is_terminal:
            self._status = self._console.status("connecting")
            self._status.start()
        self._next_seconds = monotonic() + (_LIVE_SECONDS if self._status else _LINE_SECONDS)
        return self

    def __exit__(self, *_: object) -> None:
        if self._status is not None:
            self._status.stop()

    def show(self, progress: Progress) -> None:
        """Show it, unless the last was shown just now."""
        now = monotonic()
        if now < self._next_seconds:
            return
        self._next_seconds = now + (_LIVE_SECONDS if self._status else _LINE_SECONDS)
        text = progress_text(progress)
        if self._status is not None:
            self._status.update(Text(text))
        else:
            self._console.print(Text(text), soft_wrap=True)


def progress_text(progress: Progress) -> str:
    """How far it is, as one line."""
    total = f" of about {progress.total:,}" if progress.total is not None else ""
    rate = progress.keys / progress.seconds if progress.seconds > 0 else 0.0
    return (
        f"round {progress.round}: {progress.keys:,}{total} keys, {rate:,.0f} keys/s, "
        f"{progress.differences:,} {'differs' if progress.differences == 1 else 'differ'}"
    )


def render(comparison: Comparison) -> str:
    """What it came to, in words."""
    keys, rounds = comparison.keys_compared, len(comparison.rounds)
    heading = {
        Outcome.EQUAL: "Equal",
        Outcome.DIFFERENT: f"Different: {_keys(comparison.unexplained)}",
        Outcome.UNKNOWN: "It cannot be told whether they are equal",
    }[comparison.outcome]
    sampled = " of a sample" if comparison.sampled else ""
    took = f"{comparison.seconds:.1f} s, {rounds} {'round' if rounds == 1 else 'rounds'}"
    lines = [f"{heading}. {_keys(keys)}{sampled} compared in {took}."]
    lines += [f"  {count:>12,}  {_WORDS[kind]}" for kind in Kind if (count := comparison.counts[kind.value])]
    lines += [f"  {count:>12,}  benign: {reason}" for reason, count in sorted(comparison.benign.items())]
    if comparison.drift.count:
        lines.append(f"  {comparison.drift.count:>12,}  {drift_text(comparison.drift)}")
    if not keys:
        lines.append(
            "  Neither server has a key to compare: see the pattern, and the number of the database in both URLs."
        )
    if comparison.unsettled:
        lines.append(f"  {comparison.unsettled:>12,}  {_UNSETTLED}")
    if comparison.evicted:
        lines.append(f"  {comparison.evicted:>12,}  {_EVICTED}")
    if comparison.unreadable:
        kinds = ", ".join(sorted(comparison.unreadable_types))
        lines.append(f"  {comparison.unreadable:>12,}  of a type whose values cannot be read here: {kinds}")
    if comparison.not_carried.things:
        named = ", ".join(_printable(key) for key in comparison.not_carried.keys)
        what = f"that the target cannot hold (TTLs of fields, counts of streams): {named}"
        lines.append(f"  {comparison.not_carried.things:>12,}  {what}")
    lines += [f"  {'note':>12}  {note}" for note in sorted(comparison.notes)]
    if comparison.examples:
        more = comparison.unexplained > len(comparison.examples)
        lines.append("The first of them:" if more else "They are:")
        lines += [f"  {_example(difference)}" for difference in comparison.examples]
    return "\n".join(lines) + "\n"


def drift_text(drift: Drift) -> str:
    """By how much times to live are apart, in words."""
    return f"with times to live that are apart: median {drift.median_seconds:.3g} s, largest {drift.max_seconds:.3g} s"


def _keys(count: int) -> str:
    return f"{count:,} {'key' if count == 1 else 'keys'}"


def _printable(name: str) -> str:
    # A key may hold what a terminal takes for commands.
    name = "".join(letter if letter.isprintable() else repr(letter)[1:-1] for letter in name)
    return f"{name[:_LONGEST_KEY]}…" if len(name) > _LONGEST_KEY else name


def _example(difference: Difference) -> str:
    name = _printable(difference.key.decode(errors="backslashreplace"))
    source, target = difference.source, difference.target
    shown = f"{name}: {difference.kind.value}; source {_held(source)}, target {_held(target)}"
    if difference.kind is Kind.VALUE and source and target and source.digest and target.digest:
        # Values are never shown, and may be alike in all else.
        _, comma, how = target.digest.partition(", ")
        shown += f"; digests {source.digest[:_DIGEST_DIGITS]} and {target.digest[:_DIGEST_DIGITS]}{comma}{how}"
    return shown


def _held(summary: Summary | None) -> str:
    if summary is None:
        return "has none"
    unit = "byte" if summary.type == "string" else "element"
    length = "" if summary.length is None else f" of {summary.length:,} {unit}{'' if summary.length == 1 else 's'}"
    ttl = "" if summary.ttl_ms is None else f" for {summary.ttl_ms / 1000:,.1f} s"
    return f"{summary.type}{length}{ttl}"
