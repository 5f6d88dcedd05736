"""Blocks of queries: what is asked, with its command and its answer's identity prepared."""

from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from redis_rehearsal.cache.commands import pack
from redis_rehearsal.cache.encodings import Encoding
from redis_rehearsal.cache.encodings.base import expected_identity
from redis_rehearsal.clock import WallClock
from redis_rehearsal.workload.events import EVENT_TYPES
from redis_rehearsal.workload.keys import Keys
from redis_rehearsal.workload.queries import FIRST_NOVEL_FILTER, REAL_TIME_SLOT, SLOTS
from redis_rehearsal.workload.questions import QuestionStream

Novel = tuple[int, int, int]
"""A question that nobody asked before: tenant, slot, number of the filter."""

_SLOTS: Final = len(SLOTS)


class QueryBlock:
    """Queries in the order in which they are due; lists of one length.

    Attributes:
        intended: intended starts on the monotonic clock.
        questions: a standing question's number, tenant times `len(SLOTS)` plus slot; or a new question.
        commands: packed, ready to be written.
        real_time: positions of the real-time queries, ascending.
        buckets: number of the time bucket that each real-time query reads, as long as `real_time`.
        encodings: how the report of each is stored, None for real-time queries; None where all are strings.
    """

    __slots__ = ("buckets", "commands", "encodings", "intended", "questions", "real_time")

    def __init__(
        self,
        intended: list[float],
        questions: list[int | Novel],
        commands: list[bytes],
        real_time: list[int],
        buckets: list[int],
        encodings: list[Encoding | None] | None,
    ) -> None:
        self.intended = intended
        self.questions = questions
        self.commands = commands
        self.real_time = real_time
        self.buckets = buckets
        self.encodings = encodings

    def chosen(self, positions: list[int]) -> "QueryBlock":
        """A block of the queries at some positions, ascending."""
        wanted = set(positions)
        real_time = [(p, b) for p, b in zip(self.real_time, self.buckets, strict=True) if p in wanted]
        place = {position: index for index, position in enumerate(positions)}
        return QueryBlock(
            [self.intended[p] for p in positions],
            [self.questions[p] for p in positions],
            [self.commands[p] for p in positions],
            [place[p] for p, _ in real_time],
            [bucket for _, bucket in real_time],
            None if self.encodings is None else [self.encodings[p] for p in positions],
        )


class QueryBlocks:
    """Makes blocks of queries; what a standing question needs is prepared once.

    Args:
        stream: which question is asked next.
        organizations: number of the organisation of each tenant.
        keys: the names of keys.
        clock: the run's time of day.
        bucket_seconds: length of a time bucket.
        encodings: how the report of each slot is stored; None for what is not.
        worker: index of the worker, so that no two ask the same new question.
        run: differs from run to run, so that nobody asked a run's new questions before.
    """

    def __init__(
        self,
        stream: QuestionStream,
        organizations: list[int],
        keys: Keys,
        clock: WallClock,
        bucket_seconds: int,
        encodings: list[Encoding | None],
        worker: int,
        run: int,
    ) -> None:
        self.stream = stream
        self._organizations = organizations
        self._keys = keys
        self._clock = clock
        self._bucket_seconds = bucket_seconds
        self._encodings = encodings
        self._all_strings = all(encoding is None or encoding.name == "string" for encoding in encodings)
        self._run = f"{run:x}"
        self._next_filter = FIRST_NOVEL_FILTER + (worker << 48)
        standing = len(organizations) * _SLOTS
        self._commands: list[bytes | None] = [None] * standing
        self._identities: list[bytes | None] = [None] * standing
        self._real_time_bucket = -1

    def identity(self, question: int | Novel) -> str:
        """What identifies the report that answers a question."""
        tenant, slot, number = self.split(question)
        identity = self._keys.report_identity(self._organizations[tenant], SLOTS[slot].kind.name, number)
        return identity if number < FIRST_NOVEL_FILTER else f"{identity}:{self._run}"

    def expected(self, question: int | Novel) -> bytes:
        """What the right report begins with after its envelope; see `expected_identity`."""
        if isinstance(question, tuple):
            return expected_identity(self.identity(question))
        known = self._identities[question]
        if known is None:
            known = self._identities[question] = expected_identity(self.identity(question))
        return known

    def key(self, question: int | Novel) -> str:
        """Key of the report that answers a question."""
        return self._keys.report(self.identity(question))

    def spare_key(self, question: int | Novel) -> str:
        """A key that nobody else uses, for a moment."""
        return self._keys.spare(self.identity(question))

    def encoding(self, question: int | Novel) -> Encoding:
        """How the report that answers a question is stored."""
        return self._encoding_of(self.split(question)[1])

    def _encoding_of(self, slot: int) -> Encoding:
        encoding = self._encodings[slot]
        if encoding is None:
            raise ValueError("what is asked in real time is not stored")
        return encoding

    def organization(self, tenant: int) -> int:
        """Number of a tenant's organisation."""
        return self._organizations[tenant]

    @staticmethod
    def split(question: int | Novel) -> Novel:
        """Tenant, slot and number of the filter of a question."""
        if isinstance(question, tuple):
            return question
        tenant, slot = divmod(question, _SLOTS)
        return tenant, slot, SLOTS[slot].filter_number

    @staticmethod
    def is_stored(question: int | Novel) -> bool:
        """Whether a report answers it, which is stored; else counters do, in real time."""
        return isinstance(question, tuple) or question % _SLOTS != REAL_TIME_SLOT

    def build(self, intended: NDArray[np.float64]) -> QueryBlock:
        """The block of the next queries, due at these times."""
        drawn = self.stream.draw(len(intended))
        questions: list[int | Novel] = (drawn.tenants * _SLOTS + drawn.slots).tolist()
        real_time: list[int] = np.flatnonzero(drawn.slots == REAL_TIME_SLOT).tolist()
        buckets: list[int] = (
            ((intended[real_time] + self._clock.offset_seconds) // self._bucket_seconds).astype(np.int64).tolist()
        )
        known_commands = self._commands
        novel: list[int] = np.flatnonzero(drawn.novel).tolist()
        if buckets and (buckets[0] != self._real_time_bucket or buckets[-1] != buckets[0]):
            self._turn_to(buckets[-1])
        commands: list[bytes | None] = [known_commands[q] for q in questions]  # type: ignore[index]
        if None in commands:
            for position, question in enumerate(questions):
                if commands[position] is None:
                    number = cast("int", question)
                    commands[position] = known_commands[number] or self._prepare(number)
        if buckets and buckets[0] != buckets[-1]:
            for position, bucket in zip(real_time, buckets, strict=True):
                commands[position] = self._real_time_command(self.split(questions[position])[0], bucket)
        for position in novel:
            tenant, slot, _ = self.split(questions[position])
            new = questions[position] = (tenant, slot, self._next_filter)
            self._next_filter += 1
            identity = self.identity(new)
            commands[position] = self._encoding_of(slot).read_command(self._keys.report(identity))
        encodings = None if self._all_strings else [self._encodings[slot] for slot in drawn.slots.tolist()]
        return QueryBlock(intended.tolist(), questions, cast("list[bytes]", commands), real_time, buckets, encodings)

    def _prepare(self, question: int) -> bytes:
        tenant, slot, _ = self.split(question)
        if slot == REAL_TIME_SLOT:
            command = self._real_time_command(tenant, self._real_time_bucket)
        else:
            command = self._encoding_of(slot).read_command(self.key(question))
        self._commands[question] = command
        return command

    def _real_time_command(self, tenant: int, bucket: int) -> bytes:
        start = bucket * self._bucket_seconds
        organization = self._organizations[tenant]
        return pack("MGET", *(self._keys.counter(organization, kind, start) for kind in range(len(EVENT_TYPES))))

    def _turn_to(self, bucket: int) -> None:
        self._real_time_bucket = bucket
        for tenant in range(len(self._organizations)):
            self._commands[tenant * _SLOTS + REAL_TIME_SLOT] = None
