"""What names, keys and values may look like, in kube-apiserver's words.

Each function answers what is wrong, an empty list when nothing is. Values come from clients: long
ones are matched by an engine that does not backtrack.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable, Sequence

import re2

Check = Callable[[str], list[str]]

_LABEL = "[a-z0-9]([-a-z0-9]*[a-z0-9])?"
_SUBDOMAIN = rf"{_LABEL}(\.{_LABEL})*"
_LABEL_1035 = "[a-z]([-a-z0-9]*[a-z0-9])?"
_WILDCARD = rf"\*\.{_SUBDOMAIN}"
_UNDERSCORED = "_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_UNDERSCORED_SUBDOMAIN = rf"{_UNDERSCORED}(\.{_UNDERSCORED})*"
_KEY_NAME = "([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]"
_LABEL_VALUE = f"({_KEY_NAME})?"
_CONFIG_KEY = "[-._a-zA-Z0-9]+"
_HTTP_HEADER = "[-A-Za-z0-9]+"
_HTTP_PATH = r"[A-Za-z0-9/\-._~%!$&'()*+,;=:]+"
_PERCENT = "[0-9]+%"
_C_IDENTIFIER = "[A-Za-z_][A-Za-z0-9_]*"
_CONDITION_REASON = "[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?"

_ALPHANUMERIC_ENDS = "must start and end with an alphanumeric character"
_KEY_WORDS = f"must consist of alphanumeric characters, '-', '_' or '.', and {_ALPHANUMERIC_ENDS}"


# A few of these are matched at each write; up to this length backtracking costs next to nothing,
# and Python's engine is five times as fast.
_SHORT = 253


def _compiled(pattern: str) -> Callable[[str], bool]:
    quick = re.compile(pattern).fullmatch
    engine = re2.compile(f"^(?:{pattern})$")

    def matches(value: str) -> bool:
        if len(value) <= _SHORT:
            return quick(value) is not None
        return "\n" not in value and engine.match(value) is not None

    return matches


_is_label = _compiled(_LABEL)
_is_subdomain = _compiled(_SUBDOMAIN)
_is_label_1035 = _compiled(_LABEL_1035)
_is_wildcard = _compiled(_WILDCARD)
_is_underscored = _compiled(_UNDERSCORED_SUBDOMAIN)
_is_key_name = _compiled(_KEY_NAME)
_is_label_value = _compiled(_LABEL_VALUE)
_is_config_key = _compiled(_CONFIG_KEY)
_is_http_header = _compiled(_HTTP_HEADER)
_is_http_path = _compiled(_HTTP_PATH)
_is_percent = _compiled(_PERCENT)
_is_c_identifier = _compiled(_C_IDENTIFIER)
_is_condition_reason = _compiled(_CONDITION_REASON)
_is_port_charset = _compiled("[-a-z0-9]+")


def pattern_error(words: str, pattern: str, *examples: str) -> str:
    """How a value that does not match a pattern is refused."""
    shown = " or ".join(f"'{example}', " for example in examples)
    opening = f"(e.g. {shown}" if examples else "("
    return f"{words} {opening}regex used for validation is '{pattern}')"


def too_long(limit: int) -> str:
    """How a name that is too long is refused."""
    return f"must be no more than {limit} characters"


def in_range(low: int, high: int) -> str:
    """How a number out of its range is refused."""
    return f"must be between {low} and {high}, inclusive"


def dns_label(value: str) -> list[str]:
    """RFC 1123 labels: most names that become host names."""
    found = [too_long(63)] if len(value) > 63 else []
    if _is_label(value):
        return found
    if _is_subdomain(value):
        return [*found, "must not contain dots"]
    words = (
        "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', "
        f"and {_ALPHANUMERIC_ENDS}"
    )
    return [*found, pattern_error(words, _LABEL, "my-name", "123-abc")]


def dns_subdomain(value: str) -> list[str]:
    """RFC 1123 subdomains: most names of objects."""
    found = [too_long(253)] if len(value) > 253 else []
    if not _is_subdomain(value):
        words = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            f"'-' or '.', and {_ALPHANUMERIC_ENDS}"
        )
        found.append(pattern_error(words, _SUBDOMAIN, "example.com"))
    return found


def underscored_subdomain(value: str) -> list[str]:
    """Subdomains whose labels may hold underscores, as DNS search paths do."""
    found = [too_long(253)] if len(value) > 253 else []
    if not _is_underscored(value):
        words = (
            "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, "
            f"'_', '-' or '.', and {_ALPHANUMERIC_ENDS}"
        )
        found.append(pattern_error(words, _UNDERSCORED_SUBDOMAIN, "example.com"))
    return found


def dns_1035_label(value: str) -> list[str]:
    """RFC 1035 labels: names of services that are older than the newer rule."""
    found = [too_long(63)] if len(value) > 63 else []
    if not _is_label_1035(value):
        words = (
            "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start "
            "with an alphabetic character, and end with an alphanumeric character"
        )
        found.append(pattern_error(words, _LABEL_1035, "my-name", "abc-123"))
    return found


def wildcard_subdomain(value: str) -> list[str]:
    """`*.example.com`."""
    found = [too_long(253)] if len(value) > 253 else []
    if not _is_wildcard(value):
        words = (
            "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS "
            "subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and "
            "end with an alphanumeric character"
        )
        found.append(pattern_error(words, _WILDCARD, "*.example.com"))
    return found


def qualified_name(value: str) -> list[str]:
    """Label keys and whatever else has a name with an optional domain before a slash."""
    prefix, slash, name = value.partition("/")
    if "/" in name:
        words = pattern_error(f"a valid label key {_KEY_WORDS}", _KEY_NAME, *_KEY_EXAMPLES)
        return [
            f"{words} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')"
        ]
    found = []
    if not slash:
        name = prefix
    elif not prefix:
        found.append("prefix part must be non-empty")
    else:
        found += [
            f"prefix part {text}".replace("characters", "bytes")
            if text == too_long(253)
            else f"prefix part {text}"
            for text in dns_subdomain(prefix)
        ]
    if not name:
        found.append("name part must be non-empty")
    elif len(name.encode()) > 63:
        found.append("name part must be no more than 63 bytes")
    if not _is_key_name(name):
        found.append(pattern_error(f"name part {_KEY_WORDS}", _KEY_NAME, *_KEY_EXAMPLES))
    return found


_KEY_EXAMPLES = ("MyName", "my.name", "123-abc")


def label_value(value: str) -> list[str]:
    """Values of labels."""
    found = ["must be no more than 63 bytes"] if len(value.encode()) > 63 else []
    if not _is_label_value(value):
        words = (
            "a valid label must be an empty string or consist of alphanumeric characters, '-', "
            f"'_' or '.', and {_ALPHANUMERIC_ENDS}"
        )
        found.append(pattern_error(words, _LABEL_VALUE, "MyValue", "my_value", "12345"))
    return found


def config_key(value: str) -> list[str]:
    """Keys of config maps and secrets: they become file names."""
    found = [too_long(253)] if len(value) > 253 else []
    if not _is_config_key(value):
        words = "a valid config key must consist of alphanumeric characters, '-', '_' or '.'"
        found.append(pattern_error(words, _CONFIG_KEY, "key.name", "KEY_NAME", "key-name"))
    if value in (".", ".."):
        found.append(f"must not be '{value}'")
    elif value.startswith(".."):
        found.append("must not start with '..'")
    return found


def environment_variable(value: str) -> list[str]:
    """Names of environment variables."""
    found = [] if value else ["environment variable name must be non-empty"]
    if any(not " " <= letter <= "~" or letter == "=" for letter in value):
        found.append(
            "a valid environment variable name must consist only of printable ASCII characters "
            "other than '='"
        )
    return found


def http_header(value: str) -> list[str]:
    """Names of HTTP headers."""
    if _is_http_header(value):
        return []
    words = "a valid HTTP header must consist of alphanumeric characters or '-'"
    return [pattern_error(words, _HTTP_HEADER, "X-Header-Name")]


def percentage(value: str) -> list[str]:
    """`25%`."""
    if _is_percent(value):
        return []
    words = "a valid percent string must be a numeric string followed by an ending '%'"
    return [pattern_error(words, _PERCENT, "1%", "93%")]


def c_identifier(value: str) -> list[str]:
    """Names that could be variables of a program."""
    if _is_c_identifier(value):
        return []
    words = (
        "a valid C identifier must start with alphabetic character or '_', followed by a string "
        "of alphanumeric characters or '_'"
    )
    return [pattern_error(words, _C_IDENTIFIER, "my_name", "MY_NAME", "MyName")]


def port_number(value: int) -> list[str]:
    """Numbers of ports."""
    return [] if 1 <= value <= 65535 else [in_range(1, 65535)]


def port_name(value: str) -> list[str]:
    """Names of ports: at most 15 letters, as the registry of port names has it."""
    found = [too_long(15)] if len(value) > 15 else []
    if not _is_port_charset(value):
        found.append("must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)")
    if not any("a" <= letter <= "z" for letter in value):
        found.append("must contain at least one letter (a-z)")
    if "--" in value:
        found.append("must not contain consecutive hyphens")
    if value and "-" in (value[0], value[-1]):
        found.append("must not begin or end with a hyphen")
    return found


def path_segment(value: str) -> list[str]:
    """Names that have no other rule: they become part of a URL."""
    if value in (".", ".."):
        return [f"may not be '{value}'"]
    return [f"may not contain '{part}'" for part in ("/", "%") if part in value]


def http_path(value: str) -> list[str]:
    """The part after the domain of `acme.io/foo`."""
    return [] if _is_http_path(value) else [pattern_error("Invalid path", _HTTP_PATH)]


def ip_address(value: str) -> list[str]:
    """IPv4 and IPv6 addresses, none with leading zeros or a zone."""
    return [] if parse_ip(value) is not None else [_IP_WORDS]


_IP_WORDS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"


def parse_ip(value: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """An address; None when it is none."""
    try:
        return None if "%" in value else ipaddress.ip_address(value)
    except ValueError:
        return None


def cidr(value: str) -> list[str]:
    """Ranges of addresses."""
    if parse_cidr(value) is not None:
        return []
    return ["must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"]


def parse_cidr(value: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    """A range of addresses; None when it is none."""
    address, slash, bits = value.partition("/")
    if not slash or not bits.isascii() or not bits.isdigit() or "%" in address:
        return None
    if len(bits) > 1 and bits[0] == "0":
        return None
    try:
        return ipaddress.ip_network(value, strict=False)
    except ValueError:
        return None


def is_prefix_of(check: Check, value: str) -> list[str]:
    """The problems of `generateName`: a hyphen at its end is fine, letters follow it."""
    return check(f"{value[:-2]}a" if len(value) > 1 and value.endswith("-") else value)


def first_of(found: Sequence[str]) -> str:
    """All problems in one line."""
    return ",".join(found)


def condition_reason(value: str) -> list[str]:
    """Reasons of conditions: words that programs compare."""
    if _is_condition_reason(value):
        return []
    words = (
        "a condition reason must start with alphabetic character, optionally followed by a string "
        "of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'"
    )
    examples = ("my_name", "MY_NAME", "MyName", "ReasonA,ReasonB", "ReasonA:ReasonB")
    return [pattern_error(words, _CONDITION_REASON, *examples)]


def anything(_value: str) -> list[str]:
    """Names without any rule."""
    return []
