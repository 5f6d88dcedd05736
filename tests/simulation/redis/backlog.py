"""The last part of the stream of writes, from which one who was away for a moment goes on."""

from collections import deque


class Backlog:
    """Bytes of the stream, and where they stand in it.

    Args:
        size_bytes: so much is kept at least, where there was as much.
        offset: of the stream so far; the first byte that comes is the one after it.
    """

    def __init__(self, size_bytes: int, offset: int) -> None:
        self.size_bytes = size_bytes
        self.first = offset + 1
        self.held_bytes = 0
        self._parts: deque[bytes] = deque()

    def add(self, data: bytes) -> None:
        """Take in what the stream goes on with."""
        self._parts.append(data)
        self.held_bytes += len(data)
        while self.held_bytes - len(self._parts[0]) >= self.size_bytes:
            gone = self._parts.popleft()
            self.held_bytes -= len(gone)
            self.first += len(gone)

    def since(self, first: int) -> bytes | None:
        """All from a byte on; None where it is not there any more, or there was no such byte."""
        if not self.first <= first <= self.first + self.held_bytes:
            return None
        return b"".join(self._parts)[first - self.first :]
