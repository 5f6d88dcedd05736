"""What can go wrong, by who has to act.

RehearsalError              none of these below, and whatever else is raised: a bug in the tool, exit code 70
├── ConfigurationError      the person who typed the command: exit code 2
│   ├── ServerRefusedError      a server could not be reached or refused at the start
│   ├── LockedError             another run holds the server and the prefix
│   └── ConflictError           what is asked for cannot be done now
├── BrokenError             something that is needed broke for good: exit code 4
├── MigrationError          a step of a migration failed; the application is on a server that works
│   └── NothingSeenError        what was to be observed did not happen
│       └── NamelessServerError     or was not to be seen, since the server does not say who it is
├── CannotTellError         a comparison could not be made or ended: exit code 3
├── AccountingError         the generator's own books do not add up: a bug, never hidden: exit code 70
└── MessageError            what a worker or its coordinator sent could not be read: exit code 70

Exit code 1 is no error: it says that a verdict is fail, that databases are different, that a preflight found a
blocker, or that a server is away.
"""

from typing import Final

BUG_EXIT_CODE: Final = 70
"""An error of the tool itself; EX_SOFTWARE of BSD's sysexits.h."""


class RehearsalError(Exception):
    """The base of all errors that are meant to be read by a person; its text is the message."""

    exit_code = BUG_EXIT_CODE


class ConfigurationError(RehearsalError):
    """The command, a setting or a server's address is wrong; nothing was started."""

    exit_code = 2


class ServerRefusedError(ConfigurationError):
    """A server could not be reached, or refused what the tool needs, before the load began."""


class LockedError(ConfigurationError):
    """Another run works under the same prefix on the same server."""


class ConflictError(ConfigurationError):
    """What is asked of a run cannot be done in the state that it is in."""


class BrokenError(RehearsalError):
    """Something that the run needs went away and did not come back."""

    exit_code = 4


class MigrationError(RehearsalError):
    """A step of a migration failed; the text says which, on which server, and what to do."""

    def __init__(self, text: str) -> None:
        super().__init__(text[:1].upper() + text[1:])


class NothingSeenError(MigrationError):
    """What was to be observed did not happen, so that nothing can be said of it."""


class NamelessServerError(NothingSeenError):
    """A server does not say who it is, so that nothing can be observed of what answers."""


class CannotTellError(RehearsalError):
    """Whether two databases are equal cannot be told; the text says why."""

    exit_code = 3


class AccountingError(RehearsalError):
    """`offered = ok + failed + unknown + shed + in flight` did not hold: a bug in the generator."""


class MessageError(RehearsalError):
    """What came from a worker, or from its coordinator, is no message, or one of another version."""


def first_of(errors: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that a person can read, if there is one, of several that came together; else the first."""
    flat = [first_of(error) if isinstance(error, BaseExceptionGroup) else error for error in errors.exceptions]
    return next((error for error in flat if isinstance(error, RehearsalError)), flat[0])
