"""Messages: what upstream's ends write and read, and whatever else may arrive."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.tunnel import messages
from choreo_local.tunnel.messages import (
    FrameError,
    StreamChunk,
    StreamInit,
    TunnelRequest,
    TunnelResponse,
)

# JSON cannot hold lone surrogates.
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
IDS = TEXT.filter(bool)
HEADERS = st.dictionaries(TEXT, st.lists(TEXT, max_size=3).map(tuple), max_size=4)
REQUESTS = st.builds(
    TunnelRequest,
    request_id=IDS,
    target=TEXT,
    method=TEXT,
    path=TEXT,
    query=TEXT,
    headers=HEADERS,
    body=st.binary(max_size=200),
    gateway_request_id=TEXT,
)
INITS = st.builds(
    StreamInit,
    request_id=IDS,
    target=TEXT,
    method=TEXT,
    path=TEXT,
    query=TEXT,
    headers=HEADERS,
    upgrade=TEXT,
)
CHUNKS = st.one_of(
    st.builds(
        StreamChunk,
        request_id=IDS,
        data=st.binary(max_size=200),
        stream_id=TEXT,
        is_close=st.booleans(),
    ),
    st.builds(StreamChunk, request_id=IDS, data=st.none(), is_close=st.just(value=True)),
)
RESPONSES = st.builds(
    TunnelResponse,
    request_id=IDS,
    status_code=st.integers(100, 999),
    headers=HEADERS,
    body=st.binary(max_size=200),
    error=TEXT,
)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "requestID",
        "gatewayRequestID",
        "target",
        "method",
        "path",
        "query",
        "headers",
        "body",
        "statusCode",
        "error",
        "isUpgrade",
        "upgradeProto",
        "data",
        "streamId",
        "isClose",
    ]
)


@given(REQUESTS | INITS | CHUNKS)
def test_an_agent_reads_what_a_gateway_writes(
    message: TunnelRequest | StreamInit | StreamChunk,
) -> None:
    assert messages.read_at_agent(message.encode()) == message


@given(RESPONSES | CHUNKS)
def test_a_gateway_reads_what_an_agent_writes(message: TunnelResponse | StreamChunk) -> None:
    assert messages.read_at_gateway(message.encode()) == message


@given(st.dictionaries(FIELDS, JSON, max_size=8))
def test_any_object_is_read_or_refused(content: dict[str, object]) -> None:
    text = json.dumps(content)
    for read in (messages.read_at_agent, messages.read_at_gateway):
        try:
            found = read(text)
        except FrameError:
            continue
        assert found.request_id == content["requestID"]


@given(st.binary(max_size=100))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    for read in (messages.read_at_agent, messages.read_at_gateway):
        with pytest.raises(FrameError):
            read(data)


def test_deep_nesting_is_refused() -> None:
    deep = '{"requestID":"1","headers":' + "[" * 100_000 + "]" * 100_000 + "}"
    with pytest.raises(FrameError):
        messages.read_at_agent(deep)


def test_requests_are_written_as_upstream_writes_them() -> None:
    request = TunnelRequest(
        "r1",
        "k8s",
        "POST",
        "/api/v1/namespaces",
        query="dryRun=All",
        headers={"Content-Type": ["application/json"]},
        body=b"{}",
        gateway_request_id="gw-1",
    )
    assert request.encode().decode() == (
        '{"requestID":"r1","gatewayRequestID":"gw-1","target":"k8s","method":"POST",'
        '"path":"/api/v1/namespaces","query":"dryRun=All",'
        '"headers":{"Content-Type":["application/json"]},"body":"e30="}'
    )


def test_what_is_empty_is_left_out() -> None:
    assert json.loads(TunnelRequest("r", "k8s", "GET", "/").encode()) == {
        "requestID": "r",
        "target": "k8s",
        "method": "GET",
        "path": "/",
    }
    assert json.loads(TunnelResponse("r", 204).encode()) == {"requestID": "r", "statusCode": 204}


def test_chunks_always_say_their_data() -> None:
    assert json.loads(StreamChunk("r", is_close=True).encode()) == {
        "requestID": "r",
        "data": None,
        "isClose": True,
    }
    assert json.loads(StreamChunk("r", b"").encode()) == {"requestID": "r", "data": ""}


def test_empty_data_make_a_chunk_and_no_data_do_not() -> None:
    assert messages.read_at_agent('{"requestID":"r","data":""}') == StreamChunk("r", b"")
    found = messages.read_at_agent('{"requestID":"r","data":null,"target":"k8s","method":"GET"}')
    assert isinstance(found, TunnelRequest)


def test_an_upgrade_comes_before_all_other_rules() -> None:
    text = '{"requestID":"r","isUpgrade":true,"upgradeProto":"SPDY/3.1","data":"","isClose":true}'
    assert messages.read_at_agent(text) == StreamInit("r", "", "", "", upgrade="SPDY/3.1")


def test_members_that_nobody_knows_are_left_aside() -> None:
    text = (
        '{"requestID":"r","statusCode":502,"error":{"code":502,"message":"no","details":[1]},"x":1}'
    )
    assert messages.read_at_gateway(text) == TunnelResponse("r", 502, error="no")


def test_without_a_request_id_nothing_is_a_message() -> None:
    with pytest.raises(FrameError, match="requestID"):
        messages.read_at_agent('{"target":"k8s"}')
