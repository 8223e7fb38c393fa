"""The OpenChoreo objects that the files of a repository hold, found by their owners; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Entry:
    """An object and its file, relative to the root of the repository."""

    path: PurePosixPath
    manifest: Manifest

    @property
    def name(self) -> str:
        """The object's name."""
        return str(self.manifest["metadata"]["name"])

    @property
    def namespace(self) -> str:
        """The object's namespace; "" where it has none."""
        return str(self.manifest["metadata"].get("namespace") or "")

    def owner(self, field: str) -> str:
        """A name below `spec.owner`."""
        owner = _mapping(_mapping(self.manifest.get("spec")).get("owner"))
        return str(owner.get(field) or "")

    def is_of(self, project: str, component: str) -> bool:
        """Whether it belongs to a component."""
        return (self.owner("projectName"), self.owner("componentName")) == (project, component)


class Index:
    """All objects of a repository; of two that are the same, the later file counts."""

    def __init__(self, entries: Iterable[Entry]) -> None:
        self._entries: dict[tuple[str, str, str, str], Entry] = {}
        for entry in entries:
            manifest = entry.manifest
            key = (str(manifest["apiVersion"]), str(manifest["kind"]), entry.namespace, entry.name)
            self._entries[key] = entry

    def of_kind(self, kind: str) -> list[Entry]:
        """All objects of a kind."""
        return [entry for (_, found, _, _), entry in self._entries.items() if found == kind]

    def find(self, kind: str, name: str, namespace: str = "") -> Entry | None:
        """An object by its name; one of that namespace before any other."""
        found = [entry for entry in self.of_kind(kind) if entry.name == name]
        own = [entry for entry in found if entry.namespace == namespace]
        return next(iter((*own, *found)), None)

    def components(self, project: str = "", component: str = "") -> list[Entry]:
        """The components of a project, or one of them, or all."""
        return sorted(
            (
                entry
                for entry in self.of_kind("Component")
                if project in ("", entry.owner("projectName")) and component in ("", entry.name)
            ),
            key=lambda entry: (entry.owner("projectName"), entry.name),
        )

    def workload(self, project: str, component: str) -> Entry | None:
        """The workload of a component."""
        return next(self._of("Workload", project, component), None)

    def releases(self, project: str, component: str) -> list[Entry]:
        """The releases of a component."""
        return list(self._of("ComponentRelease", project, component))

    def bindings(self, project: str, component: str) -> list[Entry]:
        """The bindings of a component."""
        return list(self._of("ReleaseBinding", project, component))

    def binding(self, project: str, component: str, environment: str) -> Entry | None:
        """The binding of a component in an environment."""
        for entry in self._of("ReleaseBinding", project, component):
            if entry.manifest["spec"].get("environment") == environment:
                return entry
        return None

    def _of(self, kind: str, project: str, component: str) -> Iterator[Entry]:
        return (entry for entry in self.of_kind(kind) if entry.is_of(project, component))


def is_object(document: Any) -> bool:
    """Whether a document of a file is an object at all."""
    if not isinstance(document, Mapping):
        return False
    metadata = _mapping(document.get("metadata"))
    fields = (document.get("apiVersion"), document.get("kind"), metadata.get("name"))
    return all(isinstance(field, str) and field for field in fields)


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
