from redis_rehearsal.cli.compare import progress_text, render
from redis_rehearsal.verification.compare.classify import Difference, Kind, Summary
from redis_rehearsal.verification.compare.result import Comparison, Progress, Round


def test_progress_is_one_line() -> None:
    assert progress_text(Progress(1, 50_000, 100_000, 1, 0.5)) == (
        "round 1: 50,000 of about 100,000 keys, 100,000 keys/s, 1 differs"
    )
    assert progress_text(Progress(2, 0, None, 0, 0.0)) == "round 2: 0 keys, 0 keys/s, 0 differ"


def test_what_differs_is_shown_without_what_a_terminal_takes_for_commands() -> None:
    comparison = Comparison(keys_compared=10, seconds=1.25, rounds=[Round(10, {}, 1.0)])
    comparison.counts["missing"] = 1
    comparison.benign["expired"] = 2
    comparison.examples.append(Difference(b"a\x1b[31m\xff\n", Kind.MISSING, Summary("string", 3, 2500), None))
    text = render(comparison)
    assert text.startswith("Different: 1 key. 10 keys compared in 1.2 s, 1 round.\n")
    assert "\x1b" not in text
    assert r"a\x1b[31m\xff\n: missing; source string of 3 bytes for 2.5 s, target has none" in text
    assert "2  benign: expired" in text
    held, other = Summary("string", 1, None, "0123456789abcdef"), Summary("string", 1, None, "fedcba9876543210")
    comparison.examples.append(Difference(b"same in all else", Kind.VALUE, held, other))
    assert "string of 1 byte, target string of 1 byte; digests 01234567 and fedcba98" in render(comparison)


def test_nothing_compared_and_what_kept_changing_are_no_equality() -> None:
    text = render(Comparison(rounds=[Round(0, {}, 1.0)]))
    assert text.startswith("It cannot be told whether they are equal. 0 keys compared")
    assert "Neither server has a key to compare" in text
    text = render(Comparison(keys_compared=10, unsettled=2))
    assert text.startswith("It cannot be told whether they are equal. ")
    assert "2  kept changing on both servers" in text


def test_what_cannot_be_read_is_no_equality() -> None:
    comparison = Comparison(keys_compared=10, unreadable=3, unreadable_types={"vectorset"})
    text = render(comparison)
    assert text.startswith("It cannot be told whether they are equal. ")
    assert "3  of a type whose values cannot be read here: vectorset" in text
