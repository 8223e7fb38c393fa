"""What all screens share: the board, the health of the connection, the last write."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Literal

from choreo_local import clock
from choreo_local.apiclient.types import InstanceStatus
from tui.board import BoardModel

# The API says something every ten seconds; after this much silence what is shown may be untrue.
SILENCE = timedelta(seconds=15)


@dataclass(frozen=True, slots=True)
class Link:
    """Do we still hear the platform?

    Attributes:
        heard_at: when it last said something about the board.
        lost: why the connection is gone, "" while it stands.
        remedy: what to do about that.
    """

    heard_at: datetime | None = None
    lost: str = ""
    remedy: str = ""

    def is_stale(self, now: datetime) -> bool:
        """May the board be out of date?"""
        return bool(self.lost) or self.heard_at is None or now - self.heard_at > SILENCE


@dataclass(frozen=True, slots=True)
class Undo:
    """How to take the last write back.

    Attributes:
        way: by which kind of write.
        release: what to go back to, "" for nothing.
        written: the release that is there now; when it is another one, there is nothing to undo.
    """

    way: Literal["promote", "rollback", "undeploy"]
    component: str
    environment: str
    release: str
    written: str


@dataclass(frozen=True, slots=True)
class Probe:
    """What came of asking a URL.

    Attributes:
        status: of the answer, 0 when there was none.
        problem: why there was none.
    """

    status: int = 0
    milliseconds: float = 0.0
    problem: str = ""


@dataclass(slots=True)
class State:
    """The dashboard's view of the platform.

    Attributes:
        instance: its name, "" when the dashboard was opened with an address.
        unreachable_since: plane → when we first saw it gone.
    """

    namespace: str = "default"
    project: str | None = None
    instance: str = ""
    now: Callable[[], datetime] = clock.now
    board: BoardModel = field(default_factory=BoardModel)
    link: Link = Link()
    status: InstanceStatus | None = None
    unreachable_since: dict[str, datetime] = field(default_factory=dict)
    undo: Undo | None = None

    def take_status(self, status: InstanceStatus) -> None:
        """Note the status, and since when planes are gone."""
        self.status = status
        gone = {entry.plane for entry in status.planes if not entry.connected}
        self.unreachable_since = {
            plane: self.unreachable_since.get(plane, self.now()) for plane in gone
        }

    @property
    def is_stale(self) -> bool:
        """Must the board be shown as possibly out of date?"""
        return self.link.is_stale(self.now()) or "data" in self.unreachable_since
