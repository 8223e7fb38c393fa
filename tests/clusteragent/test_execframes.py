"""Frames of commands, from the tunnel to a kube API and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.clusteragent import execframes
from choreo_local.clustergateway import upstreamexec

V5, V4 = "v5.channel.k8s.io", "v4.channel.k8s.io"


@pytest.mark.parametrize(
    ("piece", "protocol", "messages"),
    [
        (b"\x00typed", V5, [b"\x00typed"]),
        (b"\x00", V5, [b"\xff\x00"]),
        (b"\x00", V4, []),
        (b'\x03{"width":80,"height":24}', V5, [b'\x04{"Width":80,"Height":24}']),
        (b"\x03no size", V5, []),
        (b'\x03{"width":"wide"}', V5, []),
        (b"\x09what", V5, []),
        (b"", V5, []),
    ],
)
def test_what_callers_send(piece: bytes, protocol: str, messages: list[bytes]) -> None:
    assert list(execframes.to_cluster(piece, protocol)) == messages


def test_what_commands_write_and_how_they_end() -> None:
    end = execframes.Ending()
    assert end.from_cluster(b"\x01out") == b"\x01out"
    assert end.from_cluster(b"\x02err") == b"\x02err"
    assert end.from_cluster(b"\x01") == b""
    assert end.from_cluster(b'\x03{"status":"Success"}') == b""
    assert end.words == ""
    failed = b'\x03{"status":"Failure","message":"command terminated with exit code 3"}'
    assert end.from_cluster(failed) == b""
    assert end.words == "command terminated with exit code 3"
    end.from_cluster(b"\x03garbage")
    assert end.words == "cannot understand how the command ended"


def test_without_a_command_it_is_a_shell() -> None:
    query = [("container", "main")]
    assert execframes.with_default_command(query) == [*query, ("command", "/bin/sh")]
    assert execframes.with_default_command([("command", "ls")]) == [("command", "ls")]


@given(st.binary(max_size=60))
def test_any_message_of_a_caller_can_be_translated_for_upstream(message: bytes) -> None:
    found = upstreamexec.to_agent(message)
    assert found == b"" or found[0] in {0, 3}


@given(st.binary(min_size=1, max_size=60))
def test_input_survives_both_translations(typed: bytes) -> None:
    piece = upstreamexec.to_agent(b"\x00" + typed)
    assert list(execframes.to_cluster(piece, V5)) == [b"\x00" + typed]


@given(st.integers(1, 9999), st.integers(1, 9999))
def test_sizes_survive_both_translations(width: int, height: int) -> None:
    message = f'\x04{{"Width":{width},"Height":{height}}}'.encode()
    assert list(execframes.to_cluster(upstreamexec.to_agent(message), V5)) == [message]


def test_the_end_of_input_survives_both_translations() -> None:
    assert list(execframes.to_cluster(upstreamexec.to_agent(b"\xff\x00"), V5)) == [b"\xff\x00"]
