"""The manifests in the files of an export. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import yamltext
from choreo_local.errors import ApiError
from choreo_local.export.problems import Problem
from choreo_local.export.state import Key, key_of

_AGAIN = "Mend it, or export again"


@dataclass(frozen=True, slots=True)
class Document:
    """A manifest and its file."""

    file: str
    manifest: dict[str, Any]

    @property
    def key(self) -> Key:
        """Which object it is."""
        return key_of(self.manifest)

    def problem(self, field: str, why: str, remedy: str) -> Problem:
        """Something that is wrong with it."""
        return Problem(self.file, f"{self.key}{f' {field}' if field else ''}", why, remedy)


def documents_of(file: str, text: str) -> tuple[list[Document], list[Problem]]:
    """The manifests of a file, and what keeps others from being manifests."""
    try:
        contents = yamltext.load_all(text)
    except ApiError as error:
        return [], [Problem(file, "", error.message, _AGAIN)]
    found, wrong = [], []
    for position, content in enumerate(contents):
        why = _obstacle(content)
        if why:
            wrong.append(Problem(file, f"document {position + 1}", why, _AGAIN))
        else:
            found.append(Document(file, content))
    return found, wrong


def _obstacle(content: Any) -> str:
    if not isinstance(content, dict):
        return "it is no object"
    for field in ("apiVersion", "kind"):
        if not isinstance(content.get(field), str):
            return f"{field} is missing"
    metadata = content.get("metadata")
    if not isinstance(metadata, dict) or not isinstance(metadata.get("name"), str):
        return "metadata.name is missing"
    if not isinstance(metadata.get("namespace", ""), str):
        return "metadata.namespace must be a text"
    return ""
