"""What a container that has ended left to say: its termination message, or the end of its log."""

from __future__ import annotations

from pathlib import Path

from choreo_local.embedded.kubelet import logfiles, podspec
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.records import ContainerRecord

_LONGEST_MESSAGE = 4096
_LONGEST_EXCERPT = 2048
_MOST_LINES = 80


def read(places: Places, pod: Manifest, record: ContainerRecord) -> str:
    """The message for the status of a container; empty when it left none."""
    uid = pod["metadata"]["uid"]
    message = _beginning(places.termination_message(uid, record.name, record.attempt))
    container = podspec.find_container(pod, record.name) or {}
    falls_back = container.get("terminationMessagePolicy") == "FallbackToLogsOnError"
    if message or not falls_back or record.exit_code == 0:
        return message
    return _end_of_log(places.log(pod, record.name, record.attempt))


def _beginning(file: Path) -> str:
    try:
        with file.open("rb") as stream:
            return stream.read(_LONGEST_MESSAGE).decode(errors="replace")
    except OSError:
        return ""


def _end_of_log(path: Path) -> str:
    try:
        offset, _ = logfiles.tail_offset(path, _MOST_LINES)
        with path.open("rb") as stream:
            stream.seek(offset)
            lines = [logfiles.text_of(record) for record in stream.read().splitlines()]
    except OSError:
        return ""
    return b"\n".join(lines)[-_LONGEST_EXCERPT:].decode(errors="replace")
