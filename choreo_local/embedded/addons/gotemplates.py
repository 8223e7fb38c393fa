"""The part of Go's templates that the templates of ExternalSecrets use. Pure.

`{{ .key }}`, `{{ index . "key" }}`, texts, and pipelines of a few functions. Anything else is an
error that names the expression; nothing is left as it stands.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Mapping

import re2

_ACTION = re2.compile(r"\{\{(-?)\s*([^{}]*?)\s*(-?)\}\}")
_FIELD = re2.compile(r"^\.([A-Za-z_][A-Za-z0-9_]*)$")
_INDEX = re2.compile(r'^index \. "([^"\\]{1,253})"$')
_TEXT = re2.compile(r'^"([^"\\]*)"$')
_LONGEST = 1 << 20


class TemplateError(ValueError):
    """A template cannot be evaluated; the text says what and why."""


def _decoded(text: str) -> str:
    try:
        return base64.b64decode(text, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise TemplateError("b64dec: the value is not base64 of a text") from None


_FUNCTIONS: Mapping[str, Callable[[str], str]] = {
    "b64enc": lambda text: base64.b64encode(text.encode()).decode(),
    "b64dec": _decoded,
    "toString": str,
    "quote": json.dumps,
    "toJson": json.dumps,
    "upper": str.upper,
    "lower": str.lower,
    "trim": str.strip,
}


def render(template: str, values: Mapping[str, str]) -> str:
    """The text of a template."""
    parts: list[str] = []
    end = 0
    strip_next = False
    for found in _ACTION.finditer(template):
        before = template[end : found.start()]
        before = before.lstrip() if strip_next else before
        parts.append(before.rstrip() if found.group(1) else before)
        parts.append(_evaluate(found.group(2), values))
        end, strip_next = found.end(), bool(found.group(3))
    rest = template[end:]
    if "{{" in rest:
        raise TemplateError(f"unclosed action in {template!r}")
    parts.append(rest.lstrip() if strip_next else rest)
    text = "".join(parts)
    if len(text) > _LONGEST:
        raise TemplateError("the result is longer than 1 MiB")
    return text


def _evaluate(expression: str, values: Mapping[str, str]) -> str:
    first, *functions = (part.strip() for part in expression.split("|"))
    value = _operand(first, expression, values)
    for name in functions:
        if name not in _FUNCTIONS:
            raise TemplateError(f'function "{name}" in {{{{ {expression} }}}} is not supported')
        value = _FUNCTIONS[name](value)
    return value


def _operand(text: str, expression: str, values: Mapping[str, str]) -> str:
    function, _, argument = text.partition(" ")
    if function in _FUNCTIONS and argument:
        return _FUNCTIONS[function](_operand(argument.strip(), expression, values))
    literal = _TEXT.match(text)
    if literal:
        return str(literal.group(1))
    found = _FIELD.match(text) or _INDEX.match(text)
    if not found:
        raise TemplateError(f"{{{{ {expression} }}}} is not supported")
    key = found.group(1)
    if key not in values:
        raise TemplateError(f'no value for key "{key}"')
    return values[key]
