"""What every verb works with: the store, the registry, the seams; and the request under way."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from choreo_local.embedded.kubeapi.messages import Request, User
from choreo_local.embedded.kubeapi.negotiation import PLAIN, Form
from choreo_local.embedded.kubeapi.nodes import NodeConnection
from choreo_local.embedded.kubeapi.registry import Collection, Registry
from choreo_local.embedded.storage.store import Store

Manifest = dict[str, Any]


@dataclass(slots=True)
class Call:
    """A request for a resource, under way.

    Attributes:
        collection: the resource.
        namespace: of the URL, empty when there is none.
        name: of the URL, empty for the collection.
        subresource: of the URL, may be empty.
        form: how to answer.
    """

    request: Request
    user: User
    verb: str
    collection: Collection
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: tuple[str, ...] = ()
    form: Form = PLAIN

    @property
    def warnings(self) -> list[str]:
        """Texts for Warning headers."""
        return self.request.warnings

    @property
    def key(self) -> str:
        """The key of the object that the URL names."""
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


@dataclass(slots=True)
class Course:
    """How mutating admission of one write goes.

    Attributes:
        left_by: what each policy, by its and its binding's name, has left of the object.
        is_changed: a policy or webhook has changed it, so that the other plugins look again.
    """

    left_by: dict[tuple[str, str], Manifest | None] = field(default_factory=dict)
    is_changed: bool = False


@dataclass(frozen=True, slots=True)
class Attributes:
    """What admission sees of a write.

    Attributes:
        operation: CREATE, UPDATE, DELETE or CONNECT.
        new: the object to be written, None for a deletion; mutating admission may change it.
        old: the stored object, None for a creation.
        warn: adds a warning to the answer.
        course: what mutating admission has done to the object so far.
    """

    operation: str
    call: Call
    name: str
    namespace: str
    new: Manifest | None
    old: Manifest | None
    dry_run: bool
    options: Mapping[str, Any]
    warn: Callable[[str], None]
    course: Course = field(default_factory=Course)


class Admission(Protocol):
    """Changes what is written, or refuses it by raising an ApiError."""

    async def mutate(self, attributes: Attributes) -> None: ...

    async def validate(self, attributes: Attributes) -> None: ...


@dataclass(slots=True)
class Core:
    """The parts that the verbs share; made once, by `app.KubeApi`."""

    store: Store
    registry: Registry
    admission: Admission
    # node name → its kubelet.
    connect: Callable[[str], NodeConnection | None] = lambda _: None
    # Complete what is about to be stored, by resource; each gets the key and the object.
    completers: dict[str, Callable[[str, Manifest], None]] = field(default_factory=dict)
    # Called after an object is gone, e.g. to release its cluster IP.
    on_removed: list[Callable[[Collection, Manifest], None]] = field(default_factory=list)


Verb = Callable[[Core, Call], Awaitable[Any]]
