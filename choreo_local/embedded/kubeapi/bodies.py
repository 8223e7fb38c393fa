"""Request bodies → plain values: JSON, YAML and Kubernetes' protobuf. Pure.

Only decoding; whether the value fits the kind it is sent to is `objects`' business.
"""

from __future__ import annotations

import json
import math
import re
from dataclasses import dataclass
from typing import Any

import orjson
import yaml

from choreo_local.apimachinery import yamltext
from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import problems, protobuf
from choreo_local.embedded.kubeapi.messages import JSON
from choreo_local.embedded.kubeapi.negotiation import PROTOBUF, YAML
from choreo_local.errors import BadRequestError

MAX_BYTES = 3 * 1024 * 1024
# Aliases let a short YAML text stand for a huge value.
_MAX_YAML_NODES = 500_000
DELETE_OPTIONS = GroupVersionKind("", "v1", "DeleteOptions")
# So much of a broken body is repeated in the refusal.
_SHOWN = 30
_ACCEPTED = (JSON, YAML, PROTOBUF)


@dataclass(frozen=True, slots=True)
class Decoded:
    """A decoded body.

    Attributes:
        value: what it says.
        duplicates: what field validation says of members that occurred more than once; the last
            one counts.
    """

    value: Any
    duplicates: tuple[str, ...] = ()


class BodyError(ValueError):
    """The body is broken; the text is as Go's decoders word it."""


def media_type(content_type: str) -> str:
    """The media type of a Content-Type header, without parameters."""
    return content_type.partition(";")[0].strip().lower()


def decode(content_type: str, body: bytes, expected: GroupVersionKind) -> Decoded:
    """Decode a body by its content type; BodyError when it is broken.

    Args:
        content_type: of the request.
        body: as it came.
        expected: the kind that a protobuf body holds when it does not say.
    """
    kind = media_type(content_type) or JSON
    if kind == JSON:
        return decode_json(body)
    if kind == YAML:
        return decode_yaml(body)
    if kind == PROTOBUF:
        return Decoded(protobuf.decode(body, expected))
    raise problems.unknown_body_format(*_ACCEPTED)


def decode_json(body: bytes) -> Decoded:
    """Decode JSON; invalid UTF-8 is replaced, as Go does."""
    try:
        value = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        return _decode_odd_json(body, error)
    if _may_have_duplicates(value, body):
        return Decoded(value, _duplicates(body))
    return Decoded(value)


def _may_have_duplicates(value: Any, body: bytes) -> bool:
    # A compact text that says everything once is as long as the value written anew. Anything
    # else (blanks, escapes, other number forms) is looked at closely.
    try:
        return len(orjson.dumps(value)) != len(body.strip())
    except TypeError as error:
        raise BodyError("exceeded max depth") from error


def _decode_odd_json(body: bytes, error: orjson.JSONDecodeError) -> Decoded:
    if not body.strip():
        raise BodyError("unexpected end of JSON input") from error
    text = body.decode("utf-8", errors="replace")
    try:
        value = orjson.loads(text)
    except orjson.JSONDecodeError:
        raise BodyError(describe_json_error(body)) from error
    return Decoded(value, _duplicates(text.encode()))


def _duplicates(body: bytes) -> tuple[str, ...]:
    """Repeated members, in the order in which they repeat."""
    found: list[str] = []

    def remember(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        members = dict(pairs)
        if len(members) != len(pairs):
            seen: set[str] = set()
            repeated = []
            for name, _ in pairs:
                if name in seen and name not in repeated:
                    repeated.append(name)
                seen.add(name)
            members[_REPEATED] = repeated
        return members

    _walk(json.loads(body, object_pairs_hook=remember), "", found)
    return tuple(f'duplicate field "{path}"' for path in found)


_REPEATED = "\0repeated"


def _walk(value: Any, path: str, found: list[str]) -> None:
    if isinstance(value, dict):
        repeated = value.pop(_REPEATED, ())
        found.extend(f"{path}.{name}" if path else name for name in repeated)
        for name, item in value.items():
            _walk(item, f"{path}.{name}" if path else name, found)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(item, f"{path}[{index}]", found)


def describe_json_error(body: bytes) -> str:
    """What is wrong with a JSON text, in the words of Go's decoder."""
    text = body.decode("utf-8", errors="replace")
    decoder = json.JSONDecoder(strict=False)
    stripped = text.lstrip()
    try:
        _, end = decoder.raw_decode(stripped)
    except json.JSONDecodeError as error:
        return _word_json_error(stripped, error.pos, error.msg)
    except RecursionError:
        return "exceeded max depth"
    rest = stripped[end:].lstrip()
    if rest:
        return f"invalid character {_quote(rest[0])} after top-level value"
    return "invalid JSON"


def _word_json_error(text: str, position: int, message: str) -> str:
    while position < len(text) and text[position] in " \t\r\n":
        position += 1
    if position >= len(text) or message.startswith("Unterminated string"):
        return "unexpected end of JSON input"
    character = _quote(text[position])
    if message == "Expecting value":
        return f"invalid character {character} looking for beginning of value"
    if message.startswith("Expecting property name"):
        return f"invalid character {character} looking for beginning of object key string"
    if message == "Expecting ':' delimiter":
        return f"invalid character {character} after object key"
    if message == "Expecting ',' delimiter":
        inside = "object key:value pair" if _in_object(text, position) else "array element"
        return f"invalid character {character} after {inside}"
    return f"invalid character {character} in string literal"


def _in_object(text: str, position: int) -> bool:
    depth: list[str] = []
    quoted = escaped = False
    for character in text[:position]:
        if quoted:
            quoted = escaped or character != '"'
            escaped = character == "\\" and not escaped
        elif character == '"':
            quoted, escaped = True, False
        elif character in "{[":
            depth.append(character)
        elif character in "}]" and depth:
            depth.pop()
    return bool(depth) and depth[-1] == "{"


def _quote(character: str) -> str:
    escapes = {"\n": "\\n", "\t": "\\t", "\r": "\\r", "'": "\\'"}
    return f"'{escapes.get(character, character)}'"


class _Loader(yaml.CSafeLoader):
    """YAML as sigs.k8s.io/yaml reads it: timestamps stay text, repeated keys are noted."""

    def __init__(self, stream: Any) -> None:
        super().__init__(stream)
        self.repeated: list[str] = []

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - signature of the base class
        seen: set[str] = set()
        for key, _ in node.value:
            name = key.value if isinstance(key, yaml.ScalarNode) else ""
            if name in seen:
                line = key.start_mark.line + 1
                self.repeated.append(f'line {line}: key "{name}" already set in map')
            seen.add(name)
        return super().construct_mapping(node, deep=deep)


# To the Go library a single letter is a boolean as well.
_Loader.bool_values = {**yaml.CSafeLoader.bool_values, "y": True, "n": False}
_TAG = "tag:yaml.org,2002:"
_OTHERWISE = frozenset({f"{_TAG}timestamp", f"{_TAG}int", f"{_TAG}float"})
_INTEGER = re.compile(
    r"[-+]?(?:0b[01_]+|0o?[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$", re.IGNORECASE
)
_FLOAT = re.compile(
    r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:e[-+]?[0-9]+)?$|[-+]?\.inf$|\.nan$", re.IGNORECASE
)
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag not in _OTHERWISE]
    for first, resolvers in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(f"{_TAG}bool", re.compile("[yYnN]$"), list("yYnN"))
_Loader.add_implicit_resolver(f"{_TAG}int", _INTEGER, list("-+0123456789"))
_Loader.add_implicit_resolver(f"{_TAG}float", _FLOAT, list("-+.0123456789"))


def decode_yaml(body: bytes) -> Decoded:
    """Decode the first YAML document."""
    loader = _Loader(body)
    try:
        yamltext.check_bounds(body)
        value = loader.get_data()
    except yaml.composer.ComposerError as error:
        raise BodyError(f"yaml: unknown anchor '{_anchor(body, error)}' referenced") from error
    except yaml.MarkedYAMLError as error:
        raise BodyError(f"yaml: {_line(error)}{error.problem}") from error
    except yaml.reader.ReaderError as error:
        raise BodyError("yaml: control characters are not allowed") from error
    except BadRequestError as error:
        raise BodyError(f"yaml: {error.message}") from error
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise BodyError(f"yaml: {str(error).splitlines()[0]}") from error
    finally:
        loader.dispose()
    return Decoded(_plain(value, [_MAX_YAML_NODES]), tuple(loader.repeated))


def _anchor(body: bytes, error: yaml.MarkedYAMLError) -> str:
    start = error.problem_mark.index if error.problem_mark is not None else 0
    found = re.match(r"\*([\w-]+)", body.decode("utf-8", errors="replace")[start:])
    return found[1] if found else ""


def _line(error: yaml.MarkedYAMLError) -> str:
    """Where it is broken, in the way of the Go library, to which the first line is none."""
    if error.problem_mark is not None and error.problem_mark.line:
        line = error.problem_mark.line + isinstance(error, yaml.scanner.ScannerError)
    else:
        line = error.context_mark.line if error.context_mark is not None else 0
    return f"line {line}: " if line else ""


def decode_applied(body: bytes) -> Decoded:
    """Decode an apply patch, which is YAML; JSON, as most clients send it, is read as such."""
    if body.lstrip()[:1] == b"{":
        try:
            decoded = decode_json(body)
        except BodyError:
            return decode_yaml(body)
        if not decoded.duplicates:
            return decoded
    return decode_yaml(body)


def _plain(value: Any, budget: list[int], depth: int = 0) -> Any:
    """What JSON can say of a YAML value; bounds what aliases make of it."""
    budget[0] -= 1
    if budget[0] < 0 or depth > 200:
        raise BodyError("yaml: document contains excessive aliasing or nesting")
    if isinstance(value, dict):
        return {_key(name): _plain(item, budget, depth + 1) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item, budget, depth + 1) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", errors="replace")
    if isinstance(value, int) and abs(value) > 1 << 63:
        return float(value)
    if isinstance(value, float):
        return _number(value)
    if value is None or isinstance(value, str | int | float | bool):
        return value
    return str(value)


def _number(value: float) -> int | float:
    """A number as it comes out of JSON, which writes whole ones without a fraction."""
    if not math.isfinite(value):
        shown = "NaN" if math.isnan(value) else f"{'+' if value > 0 else '-'}Inf"
        raise BodyError(f"json: unsupported value: {shown}")
    return int(value) if value.is_integer() and abs(value) < 1e21 else value


def _key(name: Any) -> str:
    if isinstance(name, bool):
        return "true" if name else "false"
    return name if isinstance(name, str) else str(name)


def unreadable(kind: str, body: bytes, error: BodyError) -> BadRequestError:
    """The refusal of a body that cannot be decoded into `kind`."""
    what = str(error)
    if not what.startswith(("yaml", "json: unsupported")):
        what = f"couldn't get version/kind; json parse error: {what}"
    return unrecognized(kind, body, what)


def unrecognized(kind: str, body: bytes, why: str) -> BadRequestError:
    """The refusal of a body of which it is not even known what it is."""
    return problems.bad_request(
        f"the object provided is unrecognized (must be of type {kind}): {why} ({excerpt(body)})"
    )


def excerpt(body: bytes) -> str:
    """The beginning of a body as error messages show it."""
    if not body:
        return "<empty>"
    if body[:1] == b"{":
        text = body.decode("utf-8", errors="replace")
        return text if len(text) <= _SHOWN else f"{text[:_SHOWN]} ..."
    return body.hex() if len(body) <= _SHOWN else f"{body[:_SHOWN].hex()} ..."
