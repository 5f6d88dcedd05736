"""Strings that are HyperLogLogs: counting one writes the count into it, on the server that was asked alone. Pure.

Their format: 16 bytes of header (magic, encoding, three unused bytes, the cached count in eight bytes whose last bit
says that it is out of date), then 16,384 registers of 6 bits, or runs of them.
Source: https://redis.io/docs/latest/develop/data-types/probabilistic/hyperloglogs/ and the servers' own answers.
"""

from typing import Final

_MAGIC: Final = b"HYLL"
_ENCODING: Final = 4
_DENSE, _SPARSE = 0, 1
_CACHE: Final = slice(8, 16)
_HEADER_BYTES: Final = 16
_REGISTERS: Final = 16_384
_DENSE_BYTES: Final = _HEADER_BYTES + _REGISTERS * 6 // 8
_OUT_OF_DATE: Final = 0x80


def same(one: bytes, other: bytes) -> bool:
    """Whether two values are HyperLogLogs that differ in nothing but that one has its count at hand."""
    if not (is_hyperloglog(one) and is_hyperloglog(other)) or uncounted(one) != uncounted(other):
        return False
    # Two counts that are both at hand are the answers of the two servers.
    return one[_CACHE] == other[_CACHE] or _must_count(one) or _must_count(other)


def is_hyperloglog(value: bytes) -> bool:
    """Whether a value is a whole HyperLogLog."""
    if len(value) < _HEADER_BYTES or not value.startswith(_MAGIC):
        return False
    match value[_ENCODING]:
        case 0:
            return len(value) == _DENSE_BYTES
        case 1:
            return _sparse_registers(value) == _REGISTERS
        case _:
            return False


def uncounted(value: bytes) -> bytes:
    """A value without the count that it has at hand, if it is a HyperLogLog; else the value."""
    return value[: _CACHE.start] + value[_CACHE.stop :] if is_hyperloglog(value) else value


def _must_count(value: bytes) -> bool:
    return bool(value[_CACHE.stop - 1] & _OUT_OF_DATE)


def _sparse_registers(value: bytes) -> int:
    """How many registers runs make up; -1 where they end within one."""
    place, registers = _HEADER_BYTES, 0
    while place < len(value):
        code = value[place]
        if code & 0x80:
            registers += (code & 0x03) + 1
        elif code & 0x40:
            place += 1
            if place == len(value):
                return -1
            registers += ((code & 0x3F) << 8 | value[place]) + 1
        else:
            registers += (code & 0x3F) + 1
        place += 1
    return registers
