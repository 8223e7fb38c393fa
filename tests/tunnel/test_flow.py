"""Flow control: no sender runs away, and none waits for ever."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from choreo_local.tunnel.flow import ReceiveWindow, SendWindow


@given(st.lists(st.integers(1, 40), min_size=1, max_size=200))
def test_a_sender_never_has_more_than_a_window_and_a_chunk_under_way(sizes: list[int]) -> None:
    sender, receiver = SendWindow(64), ReceiveWindow(64)
    pipe: list[int] = []
    for size in sizes:
        while not sender.is_open:
            assert pipe, "the sender waits, and nothing is under way that could wake it"
            sender.granted(receiver.taken(pipe.pop(0)))
        pipe.append(size)
        sender.sent(size)
        assert sum(pipe) <= 64 + 32 + 40
    for size in pipe:
        sender.granted(receiver.taken(size))
    assert sender.is_open
