"""Checks of names, labels and annotations with apimachinery's texts; names made from a prefix."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping

from choreo_local import clock
from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError

LABEL_LENGTH = 63
SUBDOMAIN_LENGTH = 253
GENERATED_SUFFIX_LENGTH = 5
# generateName: the base is cut so that the suffix fits into a label.
GENERATED_BASE_LENGTH = LABEL_LENGTH - GENERATED_SUFFIX_LENGTH
ANNOTATIONS_BYTES = 256 * 1024

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_QUALIFIED = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = "(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_ENVIRONMENT = "[-._a-zA-Z][-._a-zA-Z0-9]*"
_HTTP_HEADER = "[-A-Za-z0-9]+"
_PORT_NAME = re.compile(r"[-a-z0-9]+")

_SUBDOMAIN_TEXT = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character"
)
_LABEL_TEXT = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character"
)
_LABEL_1035_TEXT = (
    "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an "
    "alphabetic character, and end with an alphanumeric character"
)
_WILDCARD_TEXT = (
    "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which "
    "must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric "
    "character"
)
_QUALIFIED_TEXT = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character"
)
_LABEL_VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character"
)
_CONFIG_KEY_TEXT = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
_ENVIRONMENT_TEXT = (
    "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', "
    "or '.', and must not start with a digit"
)


def max_length(limit: int, unit: str = "characters") -> str:
    """The sentence for a text that is too long; upstream counts labels in bytes."""
    return f"must be no more than {limit} {unit}"


def regex_error(text: str, pattern: str, *examples: str) -> str:
    """The sentence for a text that does not match, with examples and the expression."""
    if not examples:
        return f"{text} (regex used for validation is '{pattern}')"
    quoted = " or ".join(f"'{example}', " for example in examples)
    return f"{text} (e.g. {quoted}regex used for validation is '{pattern}')"


def _fits(pattern: str, text: str) -> bool:
    return re.fullmatch(pattern, text) is not None


def dns1123_label(text: str) -> list[str]:
    """Why a text is no RFC 1123 label; empty when it is one."""
    found = [max_length(LABEL_LENGTH)] if len(text) > LABEL_LENGTH else []
    if not _fits(_LABEL, text):
        if _fits(_SUBDOMAIN, text):
            return [*found, "must not contain dots"]
        found.append(regex_error(_LABEL_TEXT, _LABEL, "my-name", "123-abc"))
    return found


def dns1123_subdomain(text: str) -> list[str]:
    """Why a text is no RFC 1123 subdomain; empty when it is one."""
    found = [max_length(SUBDOMAIN_LENGTH)] if len(text) > SUBDOMAIN_LENGTH else []
    if not _fits(_SUBDOMAIN, text):
        found.append(regex_error(_SUBDOMAIN_TEXT, _SUBDOMAIN, "example.com"))
    return found


def dns1035_label(text: str) -> list[str]:
    """Why a text is no RFC 1035 label; empty when it is one."""
    found = [max_length(LABEL_LENGTH)] if len(text) > LABEL_LENGTH else []
    if not _fits(_LABEL_1035, text):
        found.append(regex_error(_LABEL_1035_TEXT, _LABEL_1035, "my-name", "abc-123"))
    return found


def wildcard_dns1123_subdomain(text: str) -> list[str]:
    """Why a text is no `*.` followed by a subdomain; empty when it is one."""
    pattern = rf"\*\.{_SUBDOMAIN}"
    found = [max_length(SUBDOMAIN_LENGTH)] if len(text) > SUBDOMAIN_LENGTH else []
    if not _fits(pattern, text):
        found.append(regex_error(_WILDCARD_TEXT, pattern, "*.example.com"))
    return found


def qualified_name(text: str) -> list[str]:
    """Why a text is no label or annotation key; empty when it is one."""
    parts = text.split("/")
    if len(parts) > 2:
        shape = regex_error(
            f"a qualified name {_QUALIFIED_TEXT}", _QUALIFIED, "MyName", "my.name", "123-abc"
        )
        prefix = "with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        return [f"{shape} {prefix}"]
    found: list[str] = []
    if len(parts) == 2:
        if not parts[0]:
            found.append("prefix part must be non-empty")
        else:
            found += [f"prefix part {problem}" for problem in dns1123_subdomain(parts[0])]
    name = parts[-1]
    if not name:
        found.append("name part must be non-empty")
    elif len(name) > LABEL_LENGTH:
        found.append(f"name part {max_length(LABEL_LENGTH, 'bytes')}")
    if not _fits(_QUALIFIED, name):
        shape = regex_error(_QUALIFIED_TEXT, _QUALIFIED, "MyName", "my.name", "123-abc")
        found.append(f"name part {shape}")
    return found


def label_value(text: str) -> list[str]:
    """Why a text is no label value; empty when it is one."""
    found = [max_length(LABEL_LENGTH, "bytes")] if len(text) > LABEL_LENGTH else []
    if not _fits(_LABEL_VALUE, text):
        found.append(regex_error(_LABEL_VALUE_TEXT, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return found


def path_segment(text: str) -> list[str]:
    """Why a text cannot be a segment of a path, e.g. the name of a Role; empty when it can."""
    if text in (".", ".."):
        return [f"may not be '{text}'"]
    return [f"may not contain '{illegal}'" for illegal in "/%" if illegal in text]


def config_map_key(text: str) -> list[str]:
    """Why a text is no key of a ConfigMap or Secret; empty when it is one."""
    found = [max_length(SUBDOMAIN_LENGTH)] if len(text) > SUBDOMAIN_LENGTH else []
    if not _fits(_CONFIG_KEY, text):
        found.append(regex_error(_CONFIG_KEY_TEXT, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    return found + _dots(text)


def environment_variable(text: str) -> list[str]:
    """Why a text is no name of an environment variable; empty when it is one."""
    found: list[str] = []
    if not _fits(_ENVIRONMENT, text):
        examples = ("my.env-name", "MY_ENV.NAME", "MyEnvName1")
        found.append(regex_error(_ENVIRONMENT_TEXT, _ENVIRONMENT, *examples))
    return found + _dots(text)


def http_header(text: str) -> list[str]:
    """Why a text is no name of an HTTP header; empty when it is one."""
    if _fits(_HTTP_HEADER, text):
        return []
    sentence = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [regex_error(sentence, _HTTP_HEADER, "X-Header-Name")]


def port_name(text: str) -> list[str]:
    """Why a text is no name of a port; empty when it is one."""
    found: list[str] = []
    if len(text) > 15:
        found.append("must be no more than 15 characters")
    if not _PORT_NAME.fullmatch(text):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not re.search("[a-z]", text):
        found.append("must contain at least one letter (a-z)")
    if "--" in text:
        found.append("must not contain consecutive hyphens")
    if text and (text.startswith("-") or text.endswith("-")):
        found.append("must not begin or end with a hyphen")
    return found


def _dots(text: str) -> list[str]:
    if text == ".":
        return ["must not be '.'"]
    if text == "..":
        return ["must not be '..'"]
    return ["must not start with '..'"] if text.startswith("..") else []


def label_errors(labels: Mapping[str, str], field: str) -> list[FieldError]:
    """The problems of a map of labels."""
    found: list[FieldError] = []
    for name, value in labels.items():
        found += [fielderrors.invalid_value(field, name, text) for text in qualified_name(name)]
        found += [fielderrors.invalid_value(field, value, text) for text in label_value(value)]
    return found


def annotation_errors(annotations: Mapping[str, str], field: str) -> list[FieldError]:
    """The problems of a map of annotations."""
    found: list[FieldError] = []
    size = 0
    for name, value in annotations.items():
        # Keys of annotations may be in any case, although upstream checks them in lower case.
        texts = qualified_name(name.lower())
        found += [fielderrors.invalid_value(field, name, text) for text in texts]
        size += len(name.encode()) + len(value.encode())
    if size > ANNOTATIONS_BYTES:
        found.append(fielderrors.too_long(field, ANNOTATIONS_BYTES))
    return found


def generate(base: str) -> str:
    """A name as `metadata.generateName` asks for."""
    return base[:GENERATED_BASE_LENGTH] + clock.random_suffix(GENERATED_SUFFIX_LENGTH)


def shorten(text: str, limit: int, *, digest_length: int = 8) -> str:
    """The text, or when it is too long its beginning and a digest of the whole, deterministic."""
    if len(text) <= limit:
        return text
    digest = hashlib.sha256(text.encode()).hexdigest()[:digest_length]
    return f"{text[: limit - digest_length - 1].rstrip('-.')}-{digest}"
