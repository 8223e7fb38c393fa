"""What our own HTTP API answers, as values: board, plan, diagnosis, logs, status.

The services build them, the API server writes them as JSON (`wire.to_json`), the client reads them
again (`wire.from_json`); so both ends agree by construction. Imports nothing that does I/O, for the
pure parts of the dashboard stand on this module too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

CellState = Literal["ready", "progressing", "failed", "undeployed", "empty"]
READY: Final = "ready"
PROGRESSING: Final = "progressing"
FAILED: Final = "failed"
UNDEPLOYED: Final = "undeployed"
EMPTY: Final = "empty"


@dataclass(frozen=True, slots=True)
class Column:
    """An environment of the board, in the order of the pipeline."""

    name: str
    display_name: str = ""
    is_production: bool = False


@dataclass(frozen=True, slots=True)
class Problem:
    """Why a component cannot be released."""

    reason: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Promotable:
    """A release that one environment has and the next one does not.

    Attributes:
        reason: why promoting it now is not advisable, "" when nothing speaks against it.
    """

    source: str = field(metadata={"json": "from"})
    target: str = field(metadata={"json": "to"})
    release: str
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Cell:
    """One component in one environment.

    Attributes:
        state: `empty` where the component was never deployed.
        since: when this release was bound, or when the state last changed.
        ready, desired: pods.
        message: one sentence; the first cause that a person needs.
        url: where it answers from outside, "" when nowhere.
        binding: name of the ReleaseBinding, "" when there is none.
    """

    environment: str
    state: CellState = "empty"
    release: str = ""
    short_release: str = ""
    since: str = ""
    ready: int = 0
    desired: int = 0
    reason: str = ""
    message: str = ""
    url: str = ""
    binding: str = ""


@dataclass(frozen=True, slots=True)
class Row:
    """One component of the board.

    Attributes:
        behind: how many releases were cut that the last environment does not have.
        cells: one for each environment, in order.
    """

    component: str
    project: str
    type: str = ""
    display_name: str = ""
    auto_deploy: bool = False
    created_at: str = ""
    problem: Problem | None = None
    latest_release: str = ""
    behind: int = 0
    promotable: tuple[Promotable, ...] = ()
    cells: tuple[Cell, ...] = ()


@dataclass(frozen=True, slots=True)
class Board:
    """Components × environments of a namespace, or of one project of it."""

    namespace: str
    project: str | None = None
    environments: tuple[Column, ...] = ()
    rows: tuple[Row, ...] = ()


@dataclass(frozen=True, slots=True)
class BoardReplaced:
    """The whole board: the first event of a watch, and when its columns change."""

    board: Board
    type: Literal["board"] = "board"


@dataclass(frozen=True, slots=True)
class RowsChanged:
    """Rows that are new or different, and components that are gone."""

    rows: tuple[Row, ...] = ()
    removed: tuple[str, ...] = ()
    type: Literal["rows"] = "rows"


@dataclass(frozen=True, slots=True)
class Ping:
    """Nothing happened; the connection is alive."""

    type: Literal["ping"] = "ping"


BoardEvent = BoardReplaced | RowsChanged | Ping


@dataclass(frozen=True, slots=True)
class Change:
    """What happens to one object of the target environment.

    Attributes:
        id: of the object in the RenderedRelease.
        diff: unified diff of its YAML.
    """

    id: str
    kind: str
    name: str
    change: Literal["added", "changed", "removed"]
    diff: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What a promotion or a roll-back would do; nothing has been done yet.

    Attributes:
        current: the release that the target has now.
        needs_confirmation: why a person should be asked, e.g. `production`; "" when not.
        unrendered: why the target could not be rendered; `changes` is empty then.
    """

    component: str
    source: str = field(metadata={"json": "from"})
    target: str = field(metadata={"json": "to"})
    release: str
    current: str | None = None
    is_production: bool = False
    needs_confirmation: str = ""
    up_to_date: bool = False
    warnings: tuple[str, ...] = ()
    changes: tuple[Change, ...] = ()
    summary: str = ""
    unrendered: str = ""


@dataclass(frozen=True, slots=True)
class Step:
    """One object on the way from the component to the first cause."""

    object: str
    state: str
    message: str = ""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """Why a component is not ready in an environment, and what to do next."""

    ready: bool
    summary: str
    steps: tuple[Step, ...] = ()
    fix: str = ""


@dataclass(frozen=True, slots=True)
class LogLine:
    """A line that a container wrote."""

    time: str
    pod: str
    container: str
    line: str


@dataclass(frozen=True, slots=True)
class EndpointUrl:
    """Where an endpoint answers."""

    endpoint: str
    url: str
    visibility: str = ""


@dataclass(frozen=True, slots=True)
class EventLine:
    """An event about an object of the component."""

    type: str
    reason: str
    message: str
    count: int = 1
    last_seen: str = ""
    object: str = ""


@dataclass(frozen=True, slots=True)
class PodLine:
    """A pod of the component.

    Attributes:
        ready: as `kubectl get pods` shows it, e.g. `1/2`.
        age: when it was created.
    """

    name: str
    phase: str
    ready: str = ""
    restarts: int = 0
    reason: str = ""
    age: str = ""


@dataclass(frozen=True, slots=True)
class ReleaseLine:
    """A release of the component."""

    name: str
    created_at: str = ""


@dataclass(frozen=True, slots=True)
class Details:
    """All that one view of a component in an environment shows; objects as the API shows them."""

    component: Mapping[str, Any]
    binding: Mapping[str, Any] | None = None
    conditions: Sequence[Mapping[str, Any]] = ()
    events: tuple[EventLine, ...] = ()
    pods: tuple[PodLine, ...] = ()
    releases: tuple[ReleaseLine, ...] = ()


@dataclass(frozen=True, slots=True)
class PlaneState:
    """A plane: one of the four, or one elsewhere, which agents connect us with."""

    plane: str
    namespace: str = ""
    connected: bool = False
    message: str = ""
    agents: int = 0
    versions: tuple[str, ...] = ()
    last_heartbeat: str = ""
    objects: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Capability:
    """Something that depends on the machine or the driver; `reason` says why it is missing."""

    name: str
    available: bool
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Memory:
    """Resident memory in bytes."""

    instance_bytes: int = 0
    envoy_bytes: int = 0
    pods_bytes: int = 0
    total_bytes: int = 0


@dataclass(frozen=True, slots=True)
class PodCount:
    """Pods of the instance."""

    running: int = 0
    total: int = 0


@dataclass(frozen=True, slots=True)
class InstanceStatus:
    """What `choreo status` and the dashboard's top line show.

    Attributes:
        reason: why this driver.
        urls: by name: api, gateway, kube.
    """

    instance: str
    version: str = ""
    state: str = ""
    driver: str = ""
    reason: str = ""
    pid: int = 0
    started_at: str = ""
    uptime_seconds: float = 0.0
    planes: tuple[PlaneState, ...] = ()
    capabilities: tuple[Capability, ...] = ()
    urls: Mapping[str, str] = field(default_factory=dict)
    memory: Memory = Memory()
    cpu_percent: float = 0.0
    pods: PodCount = PodCount()


@dataclass(frozen=True, slots=True)
class Applied:
    """What became of a manifest.

    Attributes:
        result: `created`, `configured` or `unchanged`.
        obj: the object as it is now.
    """

    result: str
    obj: Mapping[str, Any] = field(metadata={"json": "object"})
