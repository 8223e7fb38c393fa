"""The keys that sign tokens: RSA, on disk, made anew from time to time; old ones still verify."""

from __future__ import annotations

import json
import os
from datetime import timedelta
from pathlib import Path
from threading import Lock
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import RSAKey

from choreo_local import clock

ALGORITHM = "RS256"
_BITS = 2048
# A key signs for this long …
_LIFETIME = timedelta(days=90)
# … and verifies for longer than any token lives.
_KEPT = timedelta(days=120)


class SigningKeys:
    """The keys of an instance; made when they are first needed, for that takes a moment.

    Args:
        folder: holds one file a key, named after the time it was made; only the owner may read it.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._lock = Lock()
        self._keys: list[tuple[float, RSAKey]] | None = None

    def current(self) -> RSAKey:
        """The key that signs now."""
        with self._lock:
            keys = self._loaded()
            if not keys or clock.unix() - keys[-1][0] > _LIFETIME.total_seconds():
                keys.append(self._make())
            return keys[-1][1]

    def find(self, kid: str) -> RSAKey | None:
        """The key of a name, as long as it verifies."""
        with self._lock:
            return next((key for _, key in self._fresh() if key.kid == kid), None)

    def public(self) -> dict[str, Any]:
        """The public halves as a JWK set."""
        self.current()
        with self._lock:
            return {"keys": [_public(key) for _, key in self._fresh()]}

    def rotate(self) -> None:
        """Sign with a new key from now on; what the old ones signed stays good."""
        with self._lock:
            self._loaded().append(self._make())

    def _fresh(self) -> list[tuple[float, RSAKey]]:
        oldest = clock.unix() - _KEPT.total_seconds()
        return [entry for entry in self._loaded() if entry[0] >= oldest]

    def _loaded(self) -> list[tuple[float, RSAKey]]:
        if self._keys is None:
            files = sorted(self._folder.glob("*.json")) if self._folder.is_dir() else []
            self._keys = sorted(filter(None, map(_load, files)), key=lambda entry: entry[0])
        return self._keys

    def _make(self) -> tuple[float, RSAKey]:
        key = RSAKey.generate_key(_BITS, {"use": "sig", "alg": ALGORITHM}, auto_kid=True)
        made = clock.unix()
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        content = json.dumps({"made": made, "key": key.as_dict(private=True)})
        path = self._folder / f"{made:.6f}.json"
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(content)
        return made, key


def _load(path: Path) -> tuple[float, RSAKey] | None:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return float(content["made"]), RSAKey.import_key(content["key"])
    except (OSError, ValueError, KeyError, TypeError, JoseError):
        # A damaged key signs nothing; the next one is made when it is needed.
        return None


def _public(key: RSAKey) -> dict[str, Any]:
    found = dict(key.as_dict(private=False))
    return {**found, "use": "sig", "alg": ALGORITHM}
