"""The tokens of an instance: the owner's for the HTTP APIs, and one for each plane's identity."""

from __future__ import annotations

import json
import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from choreo_local.allinone.instance import write_private
from choreo_local.paths import InstancePaths

_BYTES = 32
_PLANES = ("control-plane", "data-plane", "workflow-plane", "observability-plane")


@dataclass(frozen=True, slots=True)
class Credentials:
    """Secrets that only the owner of the state directory can read.

    Attributes:
        owner: bearer token for the HTTP APIs.
        planes: `control-plane`, `data-plane`, … → bearer token for the kube API.
    """

    owner: str = field(repr=False)
    planes: dict[str, str] = field(repr=False)

    def users(self) -> dict[str, tuple[str, Sequence[str]]]:
        """Token → user and groups, as the kube API wants it."""
        return {token: (f"choreo:{plane}", ()) for plane, token in self.planes.items()}


def ensure(paths: InstancePaths) -> Credentials:
    """The credentials of an instance, made when they are missing."""
    owner = _ensure_token(paths)
    file = paths.pki / "planes.json"
    planes = _read_planes(file)
    missing = [plane for plane in _PLANES if plane not in planes]
    if missing:
        planes |= {plane: secrets.token_urlsafe(_BYTES) for plane in missing}
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        write_private(file, json.dumps(planes))
    return Credentials(owner, planes)


def _read_planes(file: Path) -> dict[str, str]:
    """Those tokens that are there; what cannot be one is made anew, as if it were missing."""
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    found = content.items() if isinstance(content, dict) else ()
    return {plane: token for plane, token in found if isinstance(token, str) and token}


def _ensure_token(paths: InstancePaths) -> str:
    try:
        token = paths.token.read_text(encoding="utf-8").strip()
    except (FileNotFoundError, UnicodeDecodeError):
        token = ""
    if not token:
        token = secrets.token_urlsafe(_BYTES)
        write_private(paths.token, token + "\n")
    return token
