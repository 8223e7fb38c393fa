"""Pure arithmetic of the state directory: where each file of an instance lies.

`CHOREO_HOME` is the root of all state; instances lie below it by name.
"""

from __future__ import annotations

import hashlib
import os
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

# A unix socket's path has 104 bytes on macOS and 108 on Linux, the closing NUL included.
_SOCKET_PATH_BYTES = 100
# Not the folder for temporary files that a shell chose: all shells must find the same socket.
_SHORT_FOLDER = Path("/tmp")
# Whoever enters a user namespace later has another number there.
_USER = os.getuid() if hasattr(os, "getuid") else 0
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}")


def home(environ: Mapping[str, str] = os.environ) -> Path:
    """The root of all state: `CHOREO_HOME`, or the user's state directory."""
    if chosen := environ.get("CHOREO_HOME"):
        return Path(chosen).expanduser().absolute()
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "choreo"
    state = Path(environ.get("XDG_STATE_HOME", ""))
    # The specification of these variables: a relative path is as good as none.
    return (state if state.is_absolute() else Path.home() / ".local" / "state") / "choreo"


def images(root: Path) -> Path:
    """The store of images below the root of all state."""
    return root / "images"


def registries(root: Path) -> list[Path]:
    """The folders of all instances' registries: their contents lie in the store of images."""
    return sorted(path for path in (root / "instances").glob("*/registry") if path.is_dir())


def is_name(text: str) -> bool:
    """Whether an instance may be called so: a name is one folder, and not a hidden one."""
    return _NAME.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class InstancePaths:
    """The files of one instance."""

    root: Path

    @classmethod
    def of(cls, name: str, root: Path | None = None) -> InstancePaths:
        """The paths of the instance `name` below `root` (default: `home()`)."""
        return cls((root or home()) / "instances" / name)

    @property
    def instance_file(self) -> Path:
        """Ports, pid, driver and versions of the running or last instance."""
        return self.root / "instance.json"

    @property
    def lock(self) -> Path:
        """Held by the process that runs the instance."""
        return self.root / "lock"

    @property
    def database(self) -> Path:
        """The objects of the embedded cluster."""
        return self.root / "kube.db"

    @property
    def pki(self) -> Path:
        """Keys and certificates."""
        return self.root / "pki"

    @property
    def kubeconfig(self) -> Path:
        """The administrator's kubeconfig."""
        return self.root / "kubeconfig"

    @property
    def audit_file(self) -> Path:
        """Who changed what, a line a call."""
        return self.logs / "audit.jsonl"

    @property
    def registry(self) -> Path:
        """Names and tags of the instance's own registry of images."""
        return self.root / "registry"

    @property
    def images(self) -> Path:
        """Images that were pulled, pushed or imported; all instances share them."""
        return images(self.root.parents[1])

    @property
    def registries_file(self) -> Path:
        """Where images are pulled from, for all instances."""
        return self.root.parents[1] / "registries.yaml"

    @property
    def persona(self) -> Path:
        """The user as whom the owner acts; absent when as themselves."""
        return self.root / "persona"

    @property
    def session(self) -> Path:
        """The tokens of whoever signed in to use the command; absent when nobody did."""
        return self.root / "session.json"

    @property
    def token(self) -> Path:
        """The owner's token for the HTTP APIs."""
        return self.root / "token"

    @property
    def logs(self) -> Path:
        """What the instance and its child processes say."""
        return self.root / "logs"

    @property
    def log_file(self) -> Path:
        """The log of the instance itself."""
        return self.logs / "choreo.log"

    @property
    def pods(self) -> Path:
        """Volumes, logs and records of pods."""
        return self.root / "pods"

    @property
    def envoy(self) -> Path:
        """Configuration and sockets of the data-plane gateways."""
        return self.root / "envoy"

    @property
    def phases(self) -> Path:
        """How long each phase of the last starts took."""
        return self.root / "phases.json"

    def socket(self, name: str) -> Path:
        """The path of a unix socket; outside `root` where that would be too long."""
        path = self.root / f"{name}.sock"
        if len(os.fsencode(path)) <= _SOCKET_PATH_BYTES:
            return path
        digest = hashlib.sha256(os.fsencode(self.root)).hexdigest()[:12]
        return _SHORT_FOLDER / f"choreo-{_USER}-{digest}" / f"{name}.sock"
