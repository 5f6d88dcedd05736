from hypothesis import given
from hypothesis import strategies as st

from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.keys import Keys

PREFIXES = st.sampled_from(["rehearsal:", "a", "a:count:", "1:2:", "report:"])
NUMBERS = st.integers(1, 10**6)


@given(PREFIXES, NUMBERS, st.integers(0, len(EVENT_TYPES) - 1), NUMBERS)
def test_what_is_written_into_a_counters_name_is_read_from_it(
    prefix: str, organization: int, kind: int, at: int
) -> None:
    parsed = Keys(prefix).parse(Keys(prefix).counter(organization, kind, at).encode())
    assert parsed is not None
    assert (parsed.kind, parsed.organization, parsed.bucket_start_seconds) == ("count", organization, at)
    assert parsed.name == EVENT_TYPES[kind].name.encode()


@given(PREFIXES, NUMBERS, st.sampled_from(["recent", "users"]), st.sampled_from(["", "12345678"]), NUMBERS)
def test_so_it_is_of_a_live_structure(prefix: str, organization: int, name: str, run: str, at: int) -> None:
    keys = Keys(prefix, run)
    parsed = keys.parse(keys.live(name, organization, at).encode())
    assert parsed is not None
    assert (parsed.kind, parsed.organization, parsed.bucket_start_seconds) == ("live", organization, at)
    assert parsed.name == name.encode()


@given(PREFIXES, NUMBERS, st.sampled_from(["revenue", "7"]), st.integers(0, 2**32))
def test_and_of_a_report_which_has_no_bucket(prefix: str, organization: int, kind: str, filter_number: int) -> None:
    keys = Keys(prefix)
    identity = keys.report_identity(organization, kind, filter_number)
    parsed = keys.parse(keys.report(identity).encode())
    assert parsed is not None
    assert (parsed.kind, parsed.organization, parsed.bucket_start_seconds) == ("report", organization, None)
    assert parsed.name == kind.encode()
    assert keys.identity_in(keys.report(identity)) == identity


@given(PREFIXES)
def test_what_belongs_to_no_organisation_is_not_parsed(prefix: str) -> None:
    keys = Keys(prefix, "run")
    for key in (keys.lock, keys.changed, keys.marker, keys.ballast(3), keys.big(4), f"{keys.copying}count:1:view:0"):
        assert keys.parse(key.encode()) is None
    for rest in (b"", b"count:1", b"count:one:view:0", b"counts:1:view:0", b"count:" + b"9" * 5000 + b":view:0"):
        assert keys.parse(prefix.encode() + rest) is None
    assert keys.parse(b"other:" + keys.counter(1, 0, 0).encode()) is None
    assert keys.is_dead_weight(keys.ballast(1).encode())
    assert keys.is_dead_weight(keys.big(1).encode())
    assert not keys.is_dead_weight(keys.lock.encode())


@given(PREFIXES)
def test_the_keys_of_the_run_itself_are_told_from_the_applications(prefix: str) -> None:
    keys = Keys(prefix, "run")
    for key in (keys.lock, keys.changed, keys.marker, keys.spare("1:revenue")):
        assert keys.is_own(key.encode())
    counter, live, report = (
        key.encode() for key in (keys.counter(1, 0, 0), keys.live("recent", 1, 0), keys.report("1"))
    )
    assert not any(map(keys.is_own, (counter, live, report, keys.ballast(1).encode())))
    assert keys.of_kinds((counter, live, report), "count", "live") == [counter, live]


@given(PREFIXES, st.binary(max_size=30))
def test_any_key_may_be_parsed(prefix: str, key: bytes) -> None:
    Keys(prefix).parse(key)
    Keys(prefix).parse(prefix.encode() + key)
