"""Where the files of pods lie below the kubelet's folder. Pure arithmetic, except for removal."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from choreo_local.embedded.kubelet import trees
from choreo_local.embedded.kubelet.podspec import Manifest

# Below the folder of a pod: what belongs to the runtime, a folder for each container.
RUNTIME = "runtime"


@dataclass(frozen=True, slots=True)
class Places:
    """Paths below the folder of a kubelet."""

    root: Path

    @property
    def claims(self) -> Path:
        """Persistent volumes."""
        return self.root / "claims"

    def pod(self, uid: str) -> Path:
        """Everything of a pod but its logs."""
        return self.root / "pods" / uid

    def container(self, uid: str, name: str) -> Path:
        """What is kept of a container beside its volumes."""
        return self.pod(uid) / "containers" / name

    def root_of(self, uid: str, name: str) -> Path:
        """Where everything goes that a container writes outside of its volumes."""
        return self.pod(uid) / RUNTIME / name

    def termination_message(self, uid: str, name: str, attempt: int) -> Path:
        """The file that a container may leave its last words in."""
        return self.container(uid, name) / f"{attempt}.termination"

    def logs(self, pod: Manifest) -> Path:
        """The logs of a pod."""
        metadata = pod["metadata"]
        name = f"{metadata['namespace']}_{metadata['name']}_{metadata['uid']}"
        return self.root / "logs" / name

    def log(self, pod: Manifest, name: str, attempt: int) -> Path:
        """The log of one attempt at a container."""
        return self.logs(pod) / name / f"{attempt}.log"

    def remove_logs_before(self, pod: Manifest, name: str, attempt: int) -> None:
        """Keep only the logs of `attempt` and later ones."""
        for path in (self.logs(pod) / name).glob("*.log*"):
            number = path.name.partition(".")[0]
            if number.isdigit() and int(number) < attempt:
                path.unlink(missing_ok=True)

    def remove(self, pod: Manifest) -> None:
        """Remove all files of a pod."""
        trees.remove(self.pod(pod["metadata"]["uid"]))
        trees.remove(self.logs(pod))

    def remove_strangers(self, known: Iterable[str]) -> None:
        """Remove the files of all pods but those with a known uid."""
        keep = set(known)
        for folder in (self.root / "pods").glob("*"):
            if folder.name not in keep:
                trees.remove(folder)
        for folder in (self.root / "logs").glob("*"):
            if folder.name.rpartition("_")[2] not in keep:
                trees.remove(folder)
