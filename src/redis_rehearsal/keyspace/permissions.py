"""Which commands a server's user may use, found out without using any."""

from collections.abc import Mapping

import hiredis

from redis_rehearsal.keyspace.replies import is_denial, text
from redis_rehearsal.keyspace.viewing import UnseenError, Viewer

Forms = Mapping[str, tuple[str, ...]]
"""Of commands by their names, each with KEY in the place of a key."""
_REFUSALS = ("READONLY", "OOM", "MISCONF", "NOREPLICAS", "MASTERDOWN", "NOWRITE")


async def read_permissions(viewer: Viewer, key: str, forms: Forms, only_dry: Forms) -> tuple[frozenset[str], str]:
    """Have the server check commands.

    ACL DRYRUN answers for most; a transaction that is discarded does where it is not to be had, and shows besides how
    the server would refuse a write for what it is now.

    Args:
        viewer: of the server.
        key: under our prefix, that nobody has.
        forms: of the commands; a read comes first.
        only_dry: of those that do not belong into a transaction.

    Returns:
        The commands that are denied or unknown, and how a write would be refused, if it would.

    Raises:
        UnseenError: neither way is open.
        ServerRefusedError: the server went away.
    """
    dry = await _by_dry_run(viewer, key, {**forms, **only_dry})
    denied, refusal = await _by_transaction(viewer, key, forms, dry)
    return frozenset(denied), refusal


async def _by_dry_run(viewer: Viewer, key: str, forms: Forms) -> dict[str, bool]:
    """Whether each command is denied; nothing of those of which the server does not say."""
    found: dict[str, bool] = {}
    try:
        user = await viewer.ask("ACL", "WHOAMI")
        if not isinstance(user, bytes):
            return found
        for name, words in forms.items():
            reply = await viewer.reply("ACL", "DRYRUN", user.decode(errors="replace"), *_filled(words, key))
            if isinstance(reply, hiredis.ReplyError):
                if is_denial(str(reply)):
                    return found
                if "not found" in str(reply):
                    found[name] = True
            else:
                found[name] = reply != b"OK"
    except UnseenError:
        pass
    return found


async def _by_transaction(viewer: Viewer, key: str, forms: Forms, dry: dict[str, bool]) -> tuple[set[str], str]:
    denied = {name for name, is_denied in dry.items() if is_denied}
    refusal = ""
    for opening in (("WATCH", key), ("MULTI",)):
        reply = await viewer.reply(*opening)
        if isinstance(reply, hiredis.ReplyError):
            if not is_denial(str(reply)):
                raise UnseenError(f"{opening[0]} was refused ({text(str(reply))})")
            denied.add(opening[0])
        elif reply != b"OK":
            raise viewer.refused(opening[0], reply)
    if "MULTI" in denied:
        return denied, refusal  # without it the others would be executed
    try:
        # A read comes first: what does not queue it is no server to show anything dangerous.
        for name, words in forms.items():
            if name in dry and name not in ("GET", "SET"):
                continue
            reply = await viewer.reply(*_filled(words, key))
            if isinstance(reply, hiredis.ReplyError):
                error = str(reply)
                if is_denial(error):
                    denied.add(name)
                elif error.startswith(_REFUSALS):
                    refusal = refusal or text(error)
            elif reply != b"QUEUED":
                raise UnseenError("it does not hold transactions back until they end")
    finally:
        # Closing discards it as well, whatever becomes of DISCARD.
        await viewer.close()
    return denied, refusal


def _filled(words: tuple[str, ...], key: str) -> tuple[str, ...]:
    return tuple(key if word == "KEY" else word for word in words)
