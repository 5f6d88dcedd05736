"""Commands as they leave: the Redis protocol's form, made by hiredis."""

import hiredis


def pack(*parts: str | bytes | int) -> bytes:
    """A command and its arguments, ready to be written."""
    packed: bytes = hiredis.pack_command(parts)  # type: ignore[arg-type]  # its stub knows one-part tuples only
    return packed
