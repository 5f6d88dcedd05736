"""What an error reply to a write says of whether it was applied."""

from typing import Any, Final

import hiredis

SURELY_NOT_APPLIED: Final = frozenset(
    {
        "ASK",  # the key is on its way to another node
        "BUSY",  # a script has been running for too long
        "CLUSTERDOWN",  # the cluster does not serve the slot
        "EXECABORT",  # a command of the transaction could not be queued, so that none was carried out
        "LOADING",  # the server reads its data set
        "MASTERDOWN",  # a replica without its primary that serves nothing stale
        "MISCONF",  # the server cannot save, and takes no writes until it can
        "MOVED",  # another node has the slot
        "NOAUTH",  # the connection has not logged in
        "NOPERM",  # the user may not do it
        "NOREPLICAS",  # too few replicas follow
        "OOM",  # above maxmemory, with nothing to evict
        "READONLY",  # a replica
        "TRYAGAIN",  # keys of one command are split between nodes while a slot moves
        "WRONGTYPE",  # the key holds something else
    }
)
"""The codes with which Redis and Valkey refuse a command before they carry it out.

Everything else is unknown: a proxy answers ERR to what it sent on, a script that fails may have written before it did,
and UNBLOCKED and UNKILLABLE are about commands that were under way.
"""


def code_of(error: hiredis.ReplyError) -> str:
    """The code of an error reply: its first word, whole. What follows may hold keys."""
    return str(error).partition(" ")[0]


def is_surely_not_applied(reply: Any) -> bool:
    """Whether a reply refuses a write that therefore surely was not applied."""
    return isinstance(reply, hiredis.ReplyError) and code_of(reply) in SURELY_NOT_APPLIED


def is_accepted(reply: Any) -> bool:
    """Whether a reply says that a write was applied: it is no error, and as that of EXEC it has none in it."""
    if isinstance(reply, list):
        return not any(isinstance(part, hiredis.ReplyError) for part in reply)
    return not isinstance(reply, hiredis.ReplyError)
