"""Both ends of a connection, talking through each other's frames."""

from __future__ import annotations

from collections import defaultdict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.tunnel.connection import (
    AgentEnd,
    Answered,
    Closed,
    Dropped,
    GatewayEnd,
    Granted,
    Opened,
    Received,
    Refused,
    Requested,
    TooManyError,
)
from choreo_local.tunnel.messages import StreamChunk, StreamInit, TunnelRequest, TunnelResponse


def request(request_id: str) -> TunnelRequest:
    return TunnelRequest(request_id, "k8s", "GET", "/api")


def stream(request_id: str) -> StreamInit:
    return StreamInit(request_id, "k8s", "GET", "/api", upgrade="SPDY/3.1")


def test_a_request_is_answered_once() -> None:
    gateway, agent = GatewayEnd(), AgentEnd()
    assert agent.receive(gateway.request(request("a"))) == Requested(request("a"))
    answer = agent.answer(TunnelResponse("a", 200, body=b"yes"))

    assert gateway.receive(answer) == Answered(TunnelResponse("a", 200, body=b"yes"))
    assert isinstance(gateway.receive(answer), Dropped)
    assert gateway.under_way == 0


def test_an_answer_that_comes_too_late_is_dropped() -> None:
    gateway = GatewayEnd()
    gateway.request(request("a"))
    gateway.forget("a")
    assert isinstance(gateway.receive(TunnelResponse("a", 200).encode()), Dropped)


def test_a_stream_ends_for_both_with_the_first_close() -> None:
    gateway, agent = GatewayEnd(), AgentEnd()
    assert agent.receive(gateway.open(stream("s"))) == Opened(stream("s"))
    assert gateway.receive(agent.send("s", b"out")) == Received("s", b"out")
    assert agent.receive(gateway.send("s", b"in")) == Received("s", b"in")
    assert agent.receive(gateway.grant("s", 4096)) == Granted("s", 4096)
    assert gateway.receive(agent.close("s", b"bye")) == Closed("s", b"bye")

    assert isinstance(gateway.receive(agent.send("s", b"more")), Dropped)
    assert isinstance(agent.receive(gateway.send("s", b"more")), Dropped)
    assert gateway.under_way == 0
    assert not agent.known


def test_more_than_the_limit_is_refused_on_both_ends() -> None:
    gateway, agent = GatewayEnd(limit=2), AgentEnd(limit=1)
    agent.receive(gateway.open(stream("a")))
    refused = agent.receive(gateway.open(stream("b")))
    assert isinstance(refused, Refused)
    with pytest.raises(TooManyError):
        gateway.request(request("c"))

    assert gateway.receive(agent.close("b", refused.reason.encode())) == Closed(
        "b", b"1 streams are open already"
    )
    gateway.request(request("c"))


def test_ids_are_not_used_twice_at_the_same_time() -> None:
    gateway, agent = GatewayEnd(), AgentEnd()
    opening = gateway.open(stream("a"))
    agent.receive(opening)
    assert isinstance(agent.receive(opening), Dropped)
    with pytest.raises(ValueError, match="under way"):
        gateway.request(request("a"))


def test_credit_that_is_no_number_is_dropped() -> None:
    gateway = GatewayEnd()
    gateway.open(stream("a"))
    for data in (b"", b"-1", b"lots", b"9" * 11, "٣".encode()):
        assert isinstance(gateway.receive(StreamChunk("a", data, "credit").encode()), Dropped)


@given(st.lists(st.tuples(st.sampled_from(["a", "b", "c"]), st.binary(max_size=50))))
def test_streams_do_not_mix(pieces: list[tuple[str, bytes]]) -> None:
    gateway, agent = GatewayEnd(), AgentEnd()
    for name in ("a", "b", "c"):
        agent.receive(gateway.open(stream(name)))
    sent, arrived = defaultdict(list), defaultdict(list)
    for name, data in pieces:
        sent[name].append(data)
        event = gateway.receive(agent.send(name, data))
        assert isinstance(event, Received)
        arrived[event.request_id].append(event.data)
    assert arrived == sent


@given(st.lists(st.sampled_from("RrOoScXxf"), max_size=40))
def test_no_order_of_events_confuses_the_ends(steps: list[str]) -> None:
    gateway, agent = GatewayEnd(limit=8), AgentEnd(limit=4)
    for count, step in enumerate(steps, 1):
        name = str(count)
        try:
            if step == "R":
                agent.receive(gateway.request(request(name)))
            elif step == "O":
                event = agent.receive(gateway.open(stream(name)))
                if isinstance(event, Refused):
                    gateway.receive(agent.close(event.request_id))
        except TooManyError:
            assert gateway.under_way == 8
        old = str(max(1, count - 3))
        if step == "r":
            gateway.receive(agent.answer(TunnelResponse(old, 200)))
        elif step == "c":
            gateway.receive(agent.close(old))
        elif step == "x":
            agent.receive(gateway.close(old))
        elif step == "f":
            gateway.forget(old)
        elif step == "S":
            agent.receive(gateway.send(old, b"data"))
        assert agent.known == gateway.known
        assert gateway.under_way <= 8
