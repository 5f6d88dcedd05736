import hiredis
import pytest

from redis_rehearsal.keyspace.replies import (
    in_words,
    is_denial,
    is_unknown,
    named,
    printable,
    refusal_in_words,
    text,
    unix_milliseconds,
    unix_seconds,
)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (hiredis.ReplyError("NOPERM this user has no permissions to run the 'config|get' command"), "is not permitted"),
        (hiredis.ReplyError("ERR unknown command 'CONFIG', with args beginning with: 'GET'"), "does not know CONFIG"),
        (hiredis.ReplyError("unknown command"), "does not know CONFIG"),
        (hiredis.ReplyError("ERR not\r\nnow."), r"CONFIG was refused (ERR not now)"),
        (b"something", "CONFIG was answered with something else"),
        (None, "CONFIG was answered with something else"),
    ],
)
def test_why_a_command_was_not_answered_is_said_in_words(reply: object, words: str) -> None:
    assert refusal_in_words("CONFIG", reply).endswith(words)


@pytest.mark.parametrize(
    ("error", "denied", "unknown"),
    [
        ("NOPERM No permissions to access a key", True, False),
        ("ERR unknown command 'HPTTL'", True, True),
        ("ERR Unknown subcommand or wrong number of arguments", True, True),
        ("ERR syntax error", False, False),
        ("READONLY You can't write against a read only replica.", False, False),
    ],
)
def test_a_command_may_be_denied_or_unknown(error: str, denied: bool, unknown: bool) -> None:
    assert (is_denial(error), is_unknown(error)) == (denied, unknown)


def test_what_a_server_says_cannot_upset_a_terminal() -> None:
    assert text(b"big\x1b[31m") == "big?[31m"
    assert printable("x" * 100, 10) == "x" * 9 + "…"
    assert in_words(b"\xff") == "\N{REPLACEMENT CHARACTER}"
    assert in_words(3) == "3"


def test_shapes_of_replies() -> None:
    assert named([b"a", 1, b"b", [2]]) == {b"a": 1, b"b": [2]}
    assert unix_milliseconds([b"12", b"345678"]) == 12_345
    assert unix_seconds([b"12", b"345678"]) == 12.345678
