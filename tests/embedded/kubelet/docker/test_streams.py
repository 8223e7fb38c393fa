"""Output of containers as engines frame it."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from choreo_local.embedded.kubelet.docker.streams import Frames


def frame(number: int, data: bytes) -> bytes:
    return bytes([number, 0, 0, 0]) + len(data).to_bytes(4, "big") + data


def joined(pieces: list[tuple[str, bytes]]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for stream, data in pieces:
        found[stream] = found.get(stream, b"") + data
    return found


@given(
    frames=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(max_size=40)), max_size=8),
    sizes=st.lists(st.integers(1, 13), min_size=1, max_size=5),
)
def test_pieces_are_the_same_however_the_connection_cuts_them(
    frames: list[tuple[int, bytes]], sizes: list[int]
) -> None:
    content = b"".join(frame(number, data) for number, data in frames)
    found: list[tuple[str, bytes]] = []
    reader, place = Frames(), 0
    for size in itertools.cycle(sizes):
        if place >= len(content):
            break
        found += reader.feed(content[place : place + size])
        place += size
    names = {1: "stdout", 2: "stderr"}
    wanted = joined([(names[number], data) for number, data in frames if data])
    assert joined(found) == wanted


def test_streams_that_nobody_knows_are_dropped() -> None:
    content = frame(0, b"input") + frame(1, b"output") + frame(7, b"what")
    assert list(Frames().feed(content)) == [("stdout", b"output")]
