"""Reasons that tests give."""

from redis_rehearsal.verification.reasons import Cause

UNREADABLE = Cause.TYPES_UNREADABLE.because(count=1, types="stream")
