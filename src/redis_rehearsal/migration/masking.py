"""Passwords in what a tool of the user's prints, which is kept and shown."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import quote, quote_plus

MASK: Final = b"***"


class Masker:
    """Takes secrets out of a stream of bytes, as they are and percent-encoded.

    Args:
        secrets: empty ones are none.
    """

    def __init__(self, secrets: Iterable[str]) -> None:
        forms = {
            form.encode("utf-8", "surrogateescape")
            for secret in secrets
            if secret
            for form in (secret, quote(secret, safe=""), quote(secret), quote_plus(secret))
        }
        forms |= {_lower_escapes(form) for form in forms}
        # The longest first: one may be the beginning of another.
        self._forms = sorted(forms, key=len, reverse=True)
        self._kept = max((len(form) for form in self._forms), default=1) - 1
        self._rest = b""

    def feed(self, data: bytes) -> bytes:
        """More of it; what may be the beginning of a secret is kept back until more comes."""
        self._rest = self.mask(self._rest + data)
        # Where a line has ended it is all there, unless a secret has several.
        keep = 0 if self._rest.endswith(b"\n") and not any(b"\n" in form for form in self._forms) else self._kept
        cut = max(0, len(self._rest) - keep)
        ready, self._rest = self._rest[:cut], self._rest[cut:]
        return ready

    def end(self) -> bytes:
        """No more comes."""
        rest, self._rest = self._rest, b""
        return rest

    def mask(self, data: bytes) -> bytes:
        """Without the secrets."""
        for form in self._forms:
            data = data.replace(form, MASK)
        return data


def _lower_escapes(form: bytes) -> bytes:
    """Percent-encoded as by those who write %2f, not %2F."""
    parts = form.split(b"%")
    return b"%".join([parts[0], *(part[:2].lower() + part[2:] for part in parts[1:])])
