"""Messages between coordinator and worker as bytes: typed, and of a version.

What is received is read as one of the messages that there are, field by field, and never executed, as a pickle would
be. MessagePack: the version, the name of the message, and its fields by their names.
"""

from typing import Any, Final, get_args, get_origin

import msgspec
import numpy as np

from redis_rehearsal.engine.messages import Command, Report
from redis_rehearsal.engine.plan import WorkerPlan
from redis_rehearsal.errors import MessageError
from redis_rehearsal.telemetry.histogram import Histogram

VERSION: Final = 4
"""Of the messages; to be raised with every change of a field."""

Message = WorkerPlan | Command | Report


def _plain(value: Any) -> Any:
    """What the encoder does not know, as what it knows."""
    if isinstance(value, Histogram):
        return value.packed()
    if isinstance(value, np.ndarray):
        return value.shape, np.ascontiguousarray(value, np.float64).tobytes()
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"A message cannot hold a {type(value).__name__}.")


def _typed(wanted: Any, value: Any) -> Any:
    """The reverse; a value that is not of the type raises ValueError or TypeError."""
    if wanted is Histogram:
        return Histogram.unpacked(value)
    if get_origin(wanted) is np.ndarray:
        shape, data = value
        return np.frombuffer(data, np.float64).reshape(shape)
    raise TypeError(f"A message cannot hold a {wanted}.")


_encoder: Final = msgspec.msgpack.Encoder(enc_hook=_plain)
_envelope: Final = msgspec.msgpack.Decoder(tuple[int, str, msgspec.Raw])
_decoders: Final = {kind.__name__: msgspec.msgpack.Decoder(kind, dec_hook=_typed) for kind in get_args(Message)}


def encode(message: Message) -> bytes:
    """A message as bytes."""
    return _encoder.encode((VERSION, type(message).__name__, message))


def decode(data: bytes) -> Message:
    """The message that bytes hold.

    Raises:
        MessageError: they hold none, or one of another version.
    """
    try:
        version, name, fields = _envelope.decode(data)
        if version != VERSION:
            raise MessageError(
                f"What came speaks version {version} of the messages, and this is {VERSION}: coordinator and workers "
                "must be of one release."
            )
        message: Message = _decoders[name].decode(fields)
    except (msgspec.MsgspecError, LookupError, TypeError, ValueError) as error:
        raise MessageError(f"What came is no message: {error}.") from None
    return message
