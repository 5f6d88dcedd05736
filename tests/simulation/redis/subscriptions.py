"""Who listens to which channels, and notifications of what becomes of keys."""

from typing import TYPE_CHECKING, Any

from tests.simulation.redis.globbing import compiled
from tests.simulation.redis.replies import NOTHING, encode
from tests.simulation.redis.table import command

if TYPE_CHECKING:
    from tests.simulation.redis.server import SimulatedRedis
    from tests.simulation.redis.session import Session


class Subscriptions:
    """Those who listen, in the order in which they came."""

    def __init__(self) -> None:
        self.channels: dict[bytes, dict[Session, None]] = {}
        self.patterns: dict[bytes, dict[Session, None]] = {}

    def publish(self, channel: bytes, message: bytes) -> int:
        """Tell all who listen; returns how many these are."""
        told = 0
        for session in list(self.channels.get(channel, ())):
            session.push(encode([b"message", channel, message]))
            told += 1
        for pattern, sessions in list(self.patterns.items()):
            if compiled(pattern).fullmatch(channel):
                for session in list(sessions):
                    session.push(encode([b"pmessage", pattern, channel, message]))
                    told += 1
        return told

    def notify(self, flags: str, event: bytes, key: bytes) -> None:
        """Tell what became of a key, by its name, by that of the event, or both."""
        if "K" in flags:
            self.publish(b"__keyspace@0__:" + key, event)
        if "E" in flags:
            self.publish(b"__keyevent@0__:" + event, key)

    def forget(self, session: "Session") -> None:
        """One who is gone does not listen any more."""
        for own, all_of_them in ((session.channels, self.channels), (session.patterns, self.patterns)):
            for name in own:
                listeners = all_of_them[name]
                listeners.pop(session, None)
                if not listeners:
                    del all_of_them[name]
            own.clear()


def _begin(
    session: "Session", what: bytes, names: list[bytes], own: dict[bytes, None], all_of_them: dict[bytes, Any]
) -> Any:
    for name in names:
        own[name] = None
        all_of_them.setdefault(name, {})[session] = None
        session.push(encode([what, name, len(session.channels) + len(session.patterns)]))
    return NOTHING


def _end(
    session: "Session", what: bytes, names: list[bytes], own: dict[bytes, None], all_of_them: dict[bytes, Any]
) -> Any:
    wanted: list[bytes | None] = [*(names or own)] or [None]
    for name in wanted:
        if name is not None and name in own:
            del own[name]
            listeners = all_of_them[name]
            del listeners[session]
            if not listeners:
                del all_of_them[name]
        session.push(encode([what, name, len(session.channels) + len(session.patterns)]))
    return NOTHING


@command("SUBSCRIBE", 2, always=True, while_subscribed=True)
def _subscribe(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _begin(session, b"subscribe", words[1:], session.channels, server.subscriptions.channels)


@command("PSUBSCRIBE", 2, always=True, while_subscribed=True)
def _psubscribe(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _begin(session, b"psubscribe", words[1:], session.patterns, server.subscriptions.patterns)


@command("UNSUBSCRIBE", 1, always=True, while_subscribed=True)
def _unsubscribe(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _end(session, b"unsubscribe", words[1:], session.channels, server.subscriptions.channels)


@command("PUNSUBSCRIBE", 1, always=True, while_subscribed=True)
def _punsubscribe(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    return _end(session, b"punsubscribe", words[1:], session.patterns, server.subscriptions.patterns)


@command("PUBLISH", 3, 3, always=True)
def _publish(server: "SimulatedRedis", session: "Session", words: list[bytes]) -> Any:
    server.feed(words)
    return server.subscriptions.publish(words[1], words[2])
