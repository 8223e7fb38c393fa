"""What the store must hold, from what was answered alone."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tests.fuzz.generating import KINDS, Kind
from tests.fuzz.wire import Answered, Sent

_WRITES = frozenset({"POST", "PUT", "PATCH", "DELETE"})


@dataclass(frozen=True, slots=True)
class Place:
    """An object, a collection (no name), or a subresource of an object."""

    kind: Kind
    name: str = ""
    subresource: str = ""


class Model:
    """The objects of one namespace.

    Attributes:
        objects: by plural and name, as they were last acknowledged.
    """

    def __init__(self, namespace: str) -> None:
        self.namespace = namespace
        self.objects: dict[tuple[str, str], dict[str, Any]] = {}

    def collection(self, kind: Kind) -> str:
        """The path of a kind's objects."""
        return f"{kind.prefix}/namespaces/{self.namespace}/{kind.plural}"

    def place(self, path: str) -> Place | None:
        """What a path names, if that is plainly one of ours."""
        for kind in KINDS:
            collection = self.collection(kind)
            if path.rstrip("/") == collection:
                return Place(kind)
            if path.startswith(f"{collection}/"):
                name, _, subresource = path.removeprefix(f"{collection}/").partition("/")
                return Place(kind, name, subresource)
        return None

    def learn(self, sent: Sent, answered: Answered) -> list[Place]:
        """Take an answer; the places that only a look at the server can tell of."""
        if answered.status // 100 != 2 or sent.method not in _WRITES:
            return []
        if sent.is_broken:
            return [Place(kind) for kind in KINDS]
        # Options in the body of a delete are all its options; no generated body asks for a trial.
        asks_in_query = sent.method != "DELETE" or not sent.body
        if asks_in_query and "dryRun=All" in sent.query.split("&"):
            return []
        place = self.place(sent.path)
        if place is None and not sent.path.startswith("/api"):
            # Pages beside the API answer whatever the method is; there is nothing to write.
            return []
        assert place is not None, f"accepted: {sent}"
        if not place.name and sent.method == "DELETE":
            return [Place(place.kind)]
        return self._learn_object(sent, place, answered.json())

    def _learn_object(self, sent: Sent, place: Place, content: Any) -> list[Place]:
        is_object = isinstance(content, dict) and content.get("kind") == place.kind.kind
        if sent.method == "DELETE" or not is_object or not content["metadata"].get("uid"):
            # A table, a scale, a status: it does not say how the object is now.
            return [Place(place.kind, place.name)]
        metadata = content["metadata"]
        assert metadata["namespace"] == self.namespace, sent
        assert place.name in {"", metadata["name"]}, sent
        if metadata.get("deletionTimestamp") and not metadata.get("finalizers"):
            return [Place(place.kind, metadata["name"])]
        self.objects[place.kind.plural, metadata["name"]] = content
        return []

    def look(self, place: Place, found: dict[str, dict[str, Any]]) -> None:
        """Take what the server holds at a place: of its kind, by name."""
        plural = place.kind.plural
        for key in [key for key in self.objects if key[0] == plural]:
            if place.name in {"", key[1]}:
                del self.objects[key]
        for name, obj in found.items():
            if place.name in {"", name}:
                self.objects[plural, name] = obj
