"""Accept header → the form of the answer. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local.embedded.kubeapi.messages import JSON
from choreo_local.errors import NotAcceptableError

YAML = "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
_READABLE = f"{JSON}, {YAML}, {PROTOBUF}"
_STREAMS = f"{JSON};stream=watch, {PROTOBUF};stream=watch"
_META_GROUP = "meta.k8s.io"
_TRANSFORMS = frozenset({"Table", "PartialObjectMetadata", "PartialObjectMetadataList"})
_TABLE_VERSIONS = frozenset({"v1", "v1beta1"})


@dataclass(frozen=True, slots=True)
class Form:
    """How to answer.

    Attributes:
        media_type: JSON or YAML; protobuf only where nothing else is accepted, because what is
            stored is JSON.
        transform: "", "Table", "PartialObjectMetadata" or "PartialObjectMetadataList".
        version: of the transform, `v1` or `v1beta1`.
    """

    media_type: str = JSON
    transform: str = ""
    version: str = "v1"

    @property
    def content_type(self) -> str:
        """The Content-Type of the answer."""
        return self.media_type


PLAIN = Form()


def negotiate(accept: str, *, stream: bool = False, transforms: bool = True) -> Form:
    """The best form that the caller accepts; NotAcceptableError when there is none.

    Args:
        accept: the header.
        stream: the answer is a watch.
        transforms: Table and PartialObjectMetadata can be served here.
    """
    if not accept or accept in ("*/*", JSON):
        return PLAIN
    bad_transform = False
    protobuf: Form | None = None
    for clause in _by_quality(accept):
        media, parameters = _split(clause)
        if media == PROTOBUF and not stream and protobuf is None:
            protobuf = _protobuf(parameters, transforms=transforms)
            bad_transform |= protobuf is None
        media_type = _media_type(media, stream=stream)
        if media_type is None:
            continue
        if media_type == YAML and protobuf is not None:
            break
        wanted = parameters.get("as", "")
        if not wanted:
            return Form(media_type)
        if transforms and _can_transform(wanted, parameters):
            return Form(media_type, wanted, parameters.get("v", "v1"))
        bad_transform = True
    if protobuf is not None:
        return protobuf
    raise _not_acceptable(stream=stream, bad_transform=bad_transform)


def _protobuf(parameters: dict[str, str], *, transforms: bool) -> Form | None:
    """There are messages of objects and of their metadata, and none of tables."""
    wanted = parameters.get("as", "")
    if not wanted:
        return Form(PROTOBUF)
    if transforms and wanted != "Table" and _can_transform(wanted, parameters):
        return Form(PROTOBUF, wanted, parameters.get("v", "v1"))
    return None


def _not_acceptable(*, stream: bool, bad_transform: bool) -> NotAcceptableError:
    offered = f"{_READABLE}, {_STREAMS}" if stream else _READABLE
    if bad_transform:
        return NotAcceptableError(f"only the following media types are accepted: {offered}")
    # An empty name makes the details present: see `problems.GENERIC`.
    text = f"406: Not Acceptable\n\nAvailable representations: {offered}"
    return NotAcceptableError(text, details={"name": ""})


def _by_quality(accept: str) -> list[str]:
    clauses = [clause.strip() for clause in accept.replace("\n", ",").split(",")]
    clauses = [clause for clause in clauses if clause]
    if "q=" not in accept:
        return clauses
    return sorted(clauses, key=lambda clause: -_quality(clause))


def _quality(clause: str) -> float:
    text = _split(clause)[1].get("q", "1")
    try:
        return float(text)
    except ValueError:
        return 0.0


def _split(clause: str) -> tuple[str, dict[str, str]]:
    media, *rest = clause.split(";")
    parameters = {}
    for part in rest:
        name, _, value = part.partition("=")
        parameters[name.strip()] = value.strip().strip('"')
    return media.strip().lower(), parameters


def _media_type(media: str, *, stream: bool) -> str | None:
    if media in (JSON, "*/*", "application/*"):
        return JSON
    if media == YAML and not stream:
        return YAML
    return None


def _can_transform(wanted: str, parameters: dict[str, str]) -> bool:
    if wanted not in _TRANSFORMS or parameters.get("g") != _META_GROUP:
        return False
    return parameters.get("v") in _TABLE_VERSIONS
