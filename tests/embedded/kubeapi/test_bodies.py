"""Request bodies: what is understood, what is refused, how it is worded."""

from __future__ import annotations

import pytest

from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import bodies
from choreo_local.errors import UnsupportedMediaTypeError

CONFIG_MAP = GroupVersionKind("", "v1", "ConfigMap")


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"", "unexpected end of JSON input"),
        (b"hello", "invalid character 'h' looking for beginning of value"),
        (b'{"a":1}{', "invalid character '{' after top-level value"),
        (b'{"a" 1}', "invalid character '1' after object key"),
        (b'{"a":1 2}', "invalid character '2' after object key:value pair"),
        (b"[1 2]", "invalid character '2' after array element"),
        (b'{"a":', "unexpected end of JSON input"),
    ],
)
def test_broken_json_is_described_as_go_describes_it(body: bytes, message: str) -> None:
    with pytest.raises(bodies.BodyError) as caught:
        bodies.decode_json(body)

    assert str(caught.value) == message


def test_repeated_members_are_reported_and_the_last_one_counts() -> None:
    decoded = bodies.decode_json(b'{"a":{"b":1,"b":2},"c":[{"d":1,"d":2}]}')

    assert decoded.value == {"a": {"b": 2}, "c": [{"d": 2}]}
    assert decoded.duplicates == ('duplicate field "a.b"', 'duplicate field "c[0].d"')


def test_invalid_utf8_is_replaced() -> None:
    assert bodies.decode_json(b'{"a":"\xff"}').value == {"a": "�"}


def test_a_value_too_deep_to_be_written_again_is_refused() -> None:
    with pytest.raises(bodies.BodyError):
        bodies.decode_json(b'{"a":' * 400 + b"1" + b"}" * 400)


def test_yaml_keeps_times_as_text_and_reports_repeated_keys() -> None:
    decoded = bodies.decode_yaml(b"a: 2001-01-01\nb: 1\nb: 2\n")

    assert decoded.value == {"a": "2001-01-01", "b": 2}
    assert decoded.duplicates == ('line 3: key "b" already set in map',)


def test_yaml_aliases_cannot_stand_for_a_huge_value() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    for level in range(1, 9):
        repeated = ", ".join([f"*a{level - 1}"] * 10)
        lines.append(f"a{level}: &a{level} [{repeated}]")

    with pytest.raises(bodies.BodyError, match="more than"):
        bodies.decode_yaml("\n".join(lines).encode())


def test_the_content_type_decides_how_a_body_is_read() -> None:
    assert bodies.decode("", b'{"a":1}', CONFIG_MAP).value == {"a": 1}
    assert bodies.decode("Application/JSON; charset=utf-8", b"{}", CONFIG_MAP).value == {}
    assert bodies.decode("application/yaml", b"a: 1", CONFIG_MAP).value == {"a": 1}
    with pytest.raises(UnsupportedMediaTypeError, match="accepted media types include"):
        bodies.decode("text/plain", b"{}", CONFIG_MAP)
