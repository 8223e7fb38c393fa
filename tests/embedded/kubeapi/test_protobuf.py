"""Bodies in protobuf."""

from __future__ import annotations

import contextlib

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import protobuf
from choreo_local.errors import BadRequestError
from tests.embedded.kubeapi import protowire
from tests.embedded.kubeapi.protowire import entries, message

CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")
DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")
POD = GroupVersionKind("", "v1", "Pod")
EVENT = GroupVersionKind("", "v1", "Event")
CRD = GroupVersionKind("apiextensions.k8s.io", "v1", "CustomResourceDefinition")


def decode(gvk: GroupVersionKind, raw: bytes) -> dict[str, object]:
    return protobuf.decode(protowire.envelope(gvk.api_version, gvk.kind, raw), gvk)


def test_a_config_map_has_texts_and_bytes() -> None:
    metadata = message((1, "cm"), (3, "ns"), *entries(11, [("app", "web")]))
    raw = message((1, metadata), *entries(2, [("k", "v")]), *entries(3, [("b", b"\x00\xff")]))
    obj = decode(CONFIG_MAP, raw)
    assert obj["apiVersion"] == "v1"
    assert obj["kind"] == "ConfigMap"
    assert obj["metadata"] == {"name": "cm", "namespace": "ns", "labels": {"app": "web"}}
    assert obj["data"] == {"k": "v"}
    assert obj["binaryData"] == {"b": "AP8="}


def test_numbers_or_texts_keep_their_kind() -> None:
    def strategy(surge: bytes, unavailable: bytes) -> object:
        rolling = message((1, unavailable), (2, surge))
        spec = message((4, message((1, "RollingUpdate"), (2, rolling))))
        obj = decode(DEPLOYMENT, message((2, spec)))
        return obj["spec"]["strategy"]["rollingUpdate"]  # type: ignore[index]

    text, number = message((1, 1), (2, 0), (3, "25%")), message((1, 0), (2, 3), (3, ""))
    assert strategy(text, number) == {"maxSurge": "25%", "maxUnavailable": 3}


def test_amounts_are_texts() -> None:
    amounts = entries(2, [("cpu", message((1, "250m"))), ("memory", message((1, "1Gi")))])
    container = message((1, "c"), (8, message(*amounts)))
    obj = decode(POD, message((2, message((2, container)))))
    found = obj["spec"]["containers"][0]  # type: ignore[index]
    assert found["resources"]["requests"] == {"cpu": "250m", "memory": "1Gi"}


def test_times_are_texts_to_the_second_or_to_the_millionth() -> None:
    second = message((1, 1_600_000_000))
    precise = message((1, 1_600_000_000), (2, 123_456_789))
    obj = decode(EVENT, message((1, message((8, second))), (6, precise), (10, precise)))
    assert obj["metadata"]["creationTimestamp"] == "2020-09-13T12:26:40Z"  # type: ignore[index]
    assert obj["firstTimestamp"] == "2020-09-13T12:26:40Z"
    assert obj["eventTime"] == "2020-09-13T12:26:40.123456Z"


def test_negative_numbers_take_ten_bytes() -> None:
    obj = decode(DEPLOYMENT, message((2, message((1, -1)))))
    assert obj["spec"]["replicas"] == -1  # type: ignore[index]


def test_managed_fields_are_json_inside() -> None:
    raw = message((1, b'{"f:data":{"f:k":{}}}'))
    entry = message((1, "kubectl"), (2, "Update"), (6, "FieldsV1"), (7, raw))
    obj = decode(CONFIG_MAP, message((1, message((17, entry)))))
    (found,) = obj["metadata"]["managedFields"]  # type: ignore[index]
    assert found["fieldsV1"] == {"f:data": {"f:k": {}}}


def test_fields_of_later_versions_are_skipped() -> None:
    raw = message((1, message((1, "cm"))), (900, 1), (901, "x"), (902, b"\x01"))
    assert decode(CONFIG_MAP, raw)["metadata"]["name"] == "cm"  # type: ignore[index]


def test_a_body_without_a_type_is_of_the_type_of_the_endpoint() -> None:
    body = b"k8s\x00" + message((2, message((1, message((1, "cm"))))))
    assert protobuf.decode(body, CONFIG_MAP)["kind"] == "ConfigMap"


def test_schemas_of_custom_resources_are_recursive() -> None:
    inner = message((5, "string"))
    properties = entries(29, [("name", inner)])
    schema = message((5, "object"), *properties)
    version = message((1, "v1"), (4, message((1, schema))))
    obj = decode(CRD, message((2, message((7, version)))))
    (found,) = obj["spec"]["versions"]  # type: ignore[index]
    wanted = {"type": "object", "properties": {"name": {"type": "string"}}}
    assert found["schema"]["openAPIV3Schema"] == wanted


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "empty data (<empty>)"),
        (b"k8s\x00", "empty body (6b387300)"),
        (
            b"{}",
            "provided data does not appear to be a protobuf message, "
            "expected prefix [107 56 115 0] (7b7d)",
        ),
        (b"k8s\x00\xff", "unexpected EOF"),
    ],
)
def test_what_is_no_message_is_refused(body: bytes, reason: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        protobuf.decode(body, CONFIG_MAP)
    text = str(caught.value)
    start = "the object provided is unrecognized (must be of type ConfigMap): "
    assert text.startswith(start + reason)


def test_an_unknown_kind_is_refused_by_name() -> None:
    with pytest.raises(BadRequestError, match='no kind "Gadget" is registered for version "v1"'):
        protobuf.decode(protowire.envelope("v1", "Gadget", b""), CONFIG_MAP)


def test_a_field_of_the_wrong_type_is_named() -> None:
    with pytest.raises(BadRequestError, match="wrong wireType = 0 for field ObjectMeta"):
        decode(CONFIG_MAP, message((1, 5)))


def test_depth_is_bounded() -> None:
    schema = message((5, "string"))
    for _ in range(300):
        schema = message((5, "object"), *entries(29, [("x", schema)]))
    version = message((1, "v1"), (4, message((1, schema))))
    with pytest.raises(BadRequestError):
        decode(CRD, message((2, message((7, version)))))


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_hostile_bytes_are_refused_or_read(data: bytes) -> None:
    for body in (data, b"k8s\x00" + data, protowire.envelope("v1", "Pod", data)):
        with contextlib.suppress(BadRequestError):
            assert protobuf.decode(body, POD)["kind"]


@settings(max_examples=200, deadline=None)
@given(st.data())
def test_truncated_messages_are_refused_or_read(data: st.DataObject) -> None:
    container = message((1, "c"), (2, "image"), (6, message((1, "http"), (3, 80))))
    raw = message((1, message((1, "p"))), (2, message((2, container), (3, "Always"))))
    body = protowire.envelope("v1", "Pod", raw)
    end = data.draw(st.integers(0, len(body) - 1))
    flipped = bytearray(body[:end])
    if flipped:
        flipped[data.draw(st.integers(0, len(flipped) - 1))] ^= data.draw(st.integers(1, 255))
    with contextlib.suppress(BadRequestError):
        assert protobuf.decode(bytes(flipped), POD)["kind"]
