"""Passwords and secrets of clients: stored as argon2 hashes, compared in constant time."""

from __future__ import annotations

import functools

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

# The smaller of the parameter sets that OWASP recommends: a laptop should not lose 64 MB a try.
_HASHER = PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)
_LONGEST = 1024


def hashed(password: str) -> str:
    """What to store for a password."""
    return _HASHER.hash(password)


def is_right(stored: str, password: str) -> bool:
    """Whether a password fits a stored hash; takes its time, on purpose."""
    if len(password) > _LONGEST:
        return False
    try:
        return _HASHER.verify(stored or _nobody(), password) and bool(stored)
    except (VerificationError, InvalidHashError):
        return False


@functools.cache
def _nobody() -> str:
    """Compared with when there is no such user, so that the time taken does not tell."""
    return _HASHER.hash("")
