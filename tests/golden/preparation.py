"""Objects that were there when the API was recorded and that none of the recorded requests makes.

They are read from the recorded answers. Those that controllers would hold have a finalizer.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from choreo_local.api import labels

Manifest = dict[str, Any]
Entry = dict[str, Any]
_FINALIZER = f"{labels.GROUP}/recorded"


class Preparation:
    """Says what to apply before each request of a recording."""

    def __init__(self, sequence: Sequence[Entry]) -> None:
        self._sequence = [entry for entry in sequence if "response" in entry]
        self._groups = {"generate-release": _definitions, "projectreleases": _project_releases}
        self._going = {
            entry["request"]["path"]: entry["response"]["json"]
            for entry in self._sequence
            if _is_going(entry)
        }

    def before(self, entry: Entry) -> list[Manifest]:
        """What must be there before a request, and has not been asked for already."""
        found = self._groups.pop(entry["group"], None)
        if found is not None:
            return list(found([each for each in self._sequence if each["group"] == entry["group"]]))
        request = entry["request"]
        going = self._going.pop(request["path"], None) if request["method"] == "DELETE" else None
        return [_held(going)] if going else []


def _is_going(entry: Entry) -> bool:
    """Whether an answer shows an object that is deleted and does not go at once."""
    content = entry["response"].get("json")
    metadata = content.get("metadata") if isinstance(content, dict) else None
    return isinstance(metadata, dict) and "deletionTimestamp" in metadata


def _held(answer: Manifest) -> Manifest:
    manifest = _manifest(answer)
    manifest["metadata"]["finalizers"] = [_FINALIZER]
    return manifest


def _definitions(entries: Sequence[Entry]) -> Iterator[Manifest]:
    """The component type and the traits that the first release has copies of."""
    answers = (entry["response"].get("json", {}) for entry in entries)
    release = next(answer for answer in answers if answer.get("kind") == "ComponentRelease")
    namespace = release["metadata"]["namespace"]
    spec = release["spec"]
    for found in (spec["componentType"], *spec["traits"]):
        yield _manifest(
            {
                "kind": found["kind"],
                "metadata": {"name": found["name"].rpartition("/")[2], "namespace": namespace},
                "spec": found["spec"],
            }
        )


def _project_releases(entries: Sequence[Entry]) -> Iterator[Manifest]:
    """Those that controllers made."""
    for entry in entries:
        if entry["request"]["path"].endswith("/projectreleases"):
            yield from map(_manifest, entry["response"]["json"]["items"])
            return


def _manifest(answer: Manifest) -> Manifest:
    metadata = {
        name: value
        for name, value in answer["metadata"].items()
        if name in {"name", "namespace", "labels", "annotations"}
    }
    return {
        "apiVersion": f"{labels.GROUP}/v1alpha1",
        "kind": answer["kind"],
        "metadata": metadata,
        "spec": answer["spec"],
    }
