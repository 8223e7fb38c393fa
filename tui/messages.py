"""What workers post: a dataclass for each piece of news; screens react with `@on`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from textual.message import Message

from choreo_local.apiclient.types import (
    BoardEvent,
    Details,
    Diagnosis,
    InstanceStatus,
    LogLine,
    Plan,
)
from choreo_local.errors import ChoreoError
from tui.state import Probe

Way = Literal["promote", "rollback", "undeploy"]


@dataclass(frozen=True, slots=True)
class Subject:
    """A component in an environment."""

    namespace: str
    component: str
    environment: str


@dataclass(eq=False)
class BoardTold(Message):
    """The watch of the board said something; `events` may be pings only."""

    events: tuple[BoardEvent, ...]


@dataclass(eq=False)
class LinkLost(Message):
    """The watch of the board ended; it is tried again."""

    reason: str
    remedy: str = ""


@dataclass(eq=False)
class StatusRead(Message):
    """The platform's status."""

    status: InstanceStatus


@dataclass(eq=False)
class BoardRedrawn(Message):
    """The shared state of the board changed; posted by the app to its screens."""

    components: frozenset[str]
    is_reshaped: bool


@dataclass(eq=False)
class Ticked(Message):
    """A second passed, or the health of the platform changed; posted by the app to its screens."""


@dataclass(eq=False)
class Probed(Message):
    """A URL was asked."""

    url: str
    probe: Probe


@dataclass(eq=False)
class DetailsRead(Message):
    """All about a component in an environment."""

    subject: Subject
    details: Details


@dataclass(eq=False)
class Diagnosed(Message):
    """Why a component is not ready."""

    subject: Subject
    diagnosis: Diagnosis


@dataclass(eq=False)
class Planned(Message):
    """What a write would do."""

    plan: Plan


@dataclass(eq=False)
class ScopeChanged(Message):
    """Another namespace or project is to be shown; posted by the board to the app."""


@dataclass(eq=False)
class Written(Message):
    """A write was done."""

    way: Way


@dataclass(eq=False)
class Failed(Message):
    """A question or a write failed."""

    error: ChoreoError


@dataclass(eq=False)
class LinesWritten(Message):
    """Containers wrote."""

    lines: tuple[LogLine, ...]


@dataclass(eq=False)
class LinesPaused(Message):
    """The stream of lines broke or ended; `is_over` when it is not taken up again."""

    reason: str
    is_over: bool = False
