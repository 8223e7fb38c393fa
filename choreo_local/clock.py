"""The one seam for time, unique ids and random suffixes, so that tests can be deterministic."""

from __future__ import annotations

import random
import time
import uuid
from datetime import UTC, datetime

# The letters Kubernetes uses in generated names: no vowels and nothing that looks like another.
SUFFIX_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"

_random = random.SystemRandom()


def now() -> datetime:
    """The current time in UTC."""
    return datetime.now(UTC)  # noqa: TID251 - this module is the seam


def unix() -> float:
    """Seconds since the epoch."""
    return time.time()  # noqa: TID251 - this module is the seam


def timestamp(moment: datetime | None = None) -> str:
    """A moment as Kubernetes writes `metav1.Time`: RFC 3339, UTC, whole seconds."""
    return (moment or now()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_timestamp(moment: datetime | None = None) -> str:
    """A moment as Kubernetes writes `metav1.MicroTime`."""
    return (moment or now()).astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_timestamp(text: str) -> datetime:
    """Read what `timestamp` and `micro_timestamp` write; ValueError on anything else."""
    return datetime.fromisoformat(text)


def new_uid() -> str:
    """A random version 4 UUID."""
    return str(uuid.uuid4())  # noqa: TID251 - this module is the seam


def random_suffix(length: int = 5) -> str:
    """A suffix as `metadata.generateName` gets."""
    return "".join(_random.choices(SUFFIX_ALPHABET, k=length))


def jitter(fraction: float) -> float:
    """A random number between 0 and `fraction`."""
    return _random.random() * fraction


def new_event_id() -> str:
    """A UUID of version 7: later ones sort after earlier ones."""
    milliseconds = int(unix() * 1000) & (1 << 48) - 1
    tail = _random.getrandbits(74)
    number = milliseconds << 80 | 0x7 << 76 | (tail >> 62) << 64 | 0b10 << 62 | tail & (1 << 62) - 1
    return str(uuid.UUID(int=number))
