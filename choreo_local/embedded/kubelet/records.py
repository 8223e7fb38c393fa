"""What is known of containers that ran or run: plain values between runtimes and decisions."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class ContainerState(StrEnum):
    """Where one attempt at running a container stands."""

    CREATED = "created"
    RUNNING = "running"
    EXITED = "exited"


@dataclass(frozen=True, slots=True)
class ContainerRecord:
    """One attempt at running a container.

    Attributes:
        id: `<runtime>://<unique>`, as in `containerStatuses[].containerID`.
        attempt: 0 for the first, then one more each restart.
        reason: why it exited, when the runtime knows better than the exit code says.
        lost: it belongs to an earlier life of the pod, before the node started anew.
    """

    id: str
    name: str
    attempt: int
    state: ContainerState
    image: str
    image_id: str
    created_at: datetime
    started_at: datetime | None = None
    finished_at: datetime | None = None
    exit_code: int = 0
    signal: int = 0
    reason: str = ""
    message: str = ""
    lost: bool = False

    @property
    def is_running(self) -> bool:
        """Its main process is alive."""
        return self.state is ContainerState.RUNNING

    @property
    def has_exited(self) -> bool:
        """Its main process has ended."""
        return self.state is ContainerState.EXITED

    @property
    def has_failed(self) -> bool:
        """It ended with another exit code than 0."""
        return self.has_exited and self.exit_code != 0
