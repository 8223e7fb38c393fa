"""Bytes to messages: however a network cuts them, and whatever a client does."""

from __future__ import annotations

import itertools

from hypothesis import given, settings
from hypothesis import strategies as st
from websockets.client import ClientProtocol
from websockets.uri import parse_uri

from choreo_local.clustergateway.framing import Handshake, Message, Pong, ServerFraming
from choreo_local.tunnel.connection import AgentEnd, Answered, GatewayEnd
from choreo_local.tunnel.messages import MAX_MESSAGE_BYTES, TunnelRequest, TunnelResponse


def connected() -> tuple[ServerFraming, ClientProtocol]:
    """Both ends after their handshake."""
    server, client = ServerFraming(), ClientProtocol(parse_uri("wss://gateway/ws?planeID=p"))
    client.send_request(client.connect())
    (event,) = server.receive(b"".join(client.data_to_send()))
    assert isinstance(event, Handshake)
    assert event.target == "/ws?planeID=p"
    assert server.accept({"X-Own": "yes"})
    client.receive_data(server.outgoing())
    client.events_received()
    assert server.is_open
    return server, client


def cut(data: bytes, cuts: list[int]) -> list[bytes]:
    """The pieces of data between places."""
    places = sorted({0, *(place % (len(data) + 1) for place in cuts), len(data)})
    return [data[a:b] for a, b in itertools.pairwise(places)]


@settings(deadline=None)
@given(
    texts=st.lists(
        st.lists(st.text(st.characters(exclude_categories=["Cs"]), max_size=60), min_size=1),
        max_size=6,
    ),
    cuts=st.lists(st.integers(0, 5000), max_size=30),
    pings=st.booleans(),
)
def test_messages_arrive_whole_however_they_are_cut(
    texts: list[list[str]], cuts: list[int], pings: bool
) -> None:
    server, client = connected()
    for fragments in texts:
        first, *rest = [text.encode() for text in fragments]
        client.send_text(first, fin=not rest)
        for number, piece in enumerate(rest):
            if pings:
                # Control frames may come between the fragments of a message.
                client.send_ping(b"p")
            client.send_continuation(piece, fin=number == len(rest) - 1)
    arrived = [
        event
        for piece in cut(b"".join(client.data_to_send()), cuts)
        for event in server.receive(piece)
    ]
    assert arrived == [Message("".join(fragments).encode()) for fragments in texts]


@settings(deadline=None)
@given(
    bodies=st.lists(st.binary(max_size=300), min_size=1, max_size=6),
    cuts=st.lists(st.integers(0, 5000), max_size=30),
)
def test_a_whole_conversation_survives_any_cut(bodies: list[bytes], cuts: list[int]) -> None:
    server, client = connected()
    gateway, agent = GatewayEnd(), AgentEnd()
    for number, body in enumerate(bodies):
        agent.receive(gateway.request(TunnelRequest(str(number), "k8s", "GET", "/")))
        client.send_text(agent.answer(TunnelResponse(str(number), 200, body=body)))
    answers = [
        gateway.receive(event.data)
        for piece in cut(b"".join(client.data_to_send()), cuts)
        for event in server.receive(piece)
        if isinstance(event, Message)
    ]
    assert [event.response.body for event in answers if isinstance(event, Answered)] == bodies
    assert gateway.under_way == 0


@settings(deadline=None)
@given(st.binary(max_size=400), st.booleans())
def test_any_bytes_end_in_messages_or_in_the_end_of_the_connection(
    data: bytes, after_handshake: bool
) -> None:
    server = connected()[0] if after_handshake else ServerFraming()
    list(server.receive(data))
    server.outgoing()


def test_pings_are_answered_and_pongs_are_told() -> None:
    server, client = connected()
    client.send_ping(b"alive")
    assert list(server.receive(b"".join(client.data_to_send()))) == []
    assert b"alive" in server.outgoing()

    server.ping()
    client.receive_data(server.outgoing())
    assert list(server.receive(b"".join(client.data_to_send()))) == [Pong()]


def test_binary_messages_are_none_of_the_protocol() -> None:
    server, client = connected()
    client.send_binary(b"{}")
    assert list(server.receive(b"".join(client.data_to_send()))) == []


def test_a_message_beyond_the_limit_ends_the_connection() -> None:
    server, client = connected()
    client.send_text(b" " * (MAX_MESSAGE_BYTES + 1))
    assert list(server.receive(b"".join(client.data_to_send()))) == []
    assert not server.is_open


def test_what_is_no_websocket_is_told_so() -> None:
    server = ServerFraming()
    list(server.receive(b"GET /ws HTTP/1.1\r\nHost: gateway\r\n\r\n"))
    assert not server.accept({})
    assert server.outgoing().startswith(b"HTTP/1.1 426 ")
