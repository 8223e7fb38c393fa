"""The platform's status as lines; pure."""

from __future__ import annotations

from collections.abc import Iterable

from choreo_local.apiclient.types import Capability, InstanceStatus, Memory, PlaneState
from tui import words
from tui.tables import EMPTY, table
from tui.text import Line, Span, line, visible, wrap


def platform(found: InstanceStatus, columns: int) -> list[Line]:
    """Planes, what is missing here and why, addresses, memory."""
    head = line(
        Span(f" {visible(found.instance)}", "title"),
        Span(f"  {visible(found.state)} · choreo {visible(found.version)} · pid {found.pid}"),
    )
    driver = line(Span(f" {visible(found.driver)}", "title"), f"  {words.one_line(found.reason)}")
    sections = (
        ("PLANES", [_plane(entry) for entry in found.planes]),
        ("WHAT THIS MACHINE CAN DO", [_capability(entry) for entry in found.capabilities]),
        ("ADDRESSES", [[Span(name), Span(visible(url), "accent")] for name, url in _urls(found)]),
        ("MEMORY", _memory(found.memory)),
    )
    lines = [head, *wrap(driver, columns, indent=3)]
    for title, rows in sections:
        if rows:
            lines += [EMPTY, line(Span(f" {title}", "title")), *table(rows, columns)]
    return lines


def _plane(entry: PlaneState) -> list[Span]:
    state = "ready" if entry.connected else "failed"
    return [
        Span(f"{words.SYMBOLS[state]} {visible(entry.plane)}", state),
        Span("connected" if entry.connected else "gone", state),
        Span(visible(entry.namespace), "muted"),
        Span(words.one_line(entry.message), "warning"),
    ]


def _capability(entry: Capability) -> list[Span]:
    mark, style = ("✓ yes", "ready") if entry.available else ("✗ no", "warning")
    return [Span(visible(entry.name)), Span(mark, style), Span(words.one_line(entry.reason))]


def _urls(found: InstanceStatus) -> Iterable[tuple[str, str]]:
    return ((visible(name), str(url)) for name, url in found.urls.items())


def _memory(memory: Memory) -> list[list[Span]]:
    parts = (
        ("total", memory.total_bytes),
        ("instance", memory.instance_bytes),
        ("gateway", memory.envoy_bytes),
        ("pods", memory.pods_bytes),
    )
    return [[Span(name), Span(f"{words.megabytes(size):>8}")] for name, size in parts]
