"""A simulated Redis: as much of it as the load's events need."""

from dataclasses import dataclass, field

from tests.simulation.scripted import OK, error, well


def number(value: int) -> bytes:
    """An integer as a reply."""
    return b":%d\r\n" % value


@dataclass(slots=True)
class SimulatedRedis:
    """Its data and how it is.

    Attributes:
        run_id: of the process.
        counters: by key.
        expiring: when keys expire, Unix time.
        refusal: what it says to each write; empty where it takes them. A write to which it says ERR it has applied all
            the same, as a proxy says that answers too late.
        applied: how many increments it has applied.
    """

    run_id: str
    counters: dict[bytes, int] = field(default_factory=dict)
    expiring: dict[bytes, int] = field(default_factory=dict)
    refusal: str = ""
    applied: int = 0

    def answer(self, command: list[bytes]) -> bytes:
        """Carry a command out."""
        name, *arguments = command
        if self.refusal and name.upper() in (b"INCR", b"EXPIREAT", b"UNLINK"):
            if self.refusal.startswith("ERR"):
                self._carry_out(name, arguments)
            return error(self.refusal)
        return self._carry_out(name, arguments)

    def _carry_out(self, name: bytes, arguments: list[bytes]) -> bytes:
        match name.upper():
            case b"INCR":
                self.applied += 1
                self.counters[arguments[0]] = self.counters.get(arguments[0], 0) + 1
                return number(self.counters[arguments[0]])
            case b"EXPIREAT":
                known = arguments[0] in self.counters
                if known:
                    self.expiring[arguments[0]] = int(arguments[1])
                return number(known)
            case b"UNLINK":
                return number(0)
            case b"INFO" | b"ROLE" | b"PING":
                return well([name], self.run_id)
            case b"CLIENT" | b"SELECT" | b"AUTH":
                return OK
            case _:
                return error(f"ERR unknown command '{name.decode()}'")
