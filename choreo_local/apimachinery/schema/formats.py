"""The string formats that kube-apiserver checks; others are ignored, as there."""

from __future__ import annotations

import base64
import binascii
import datetime
import functools
import ipaddress
from collections.abc import Callable, Mapping
from urllib.parse import urlsplit

import re2

from choreo_local.apimachinery import names


def _matches(pattern: str) -> Callable[[str], bool]:
    # Compiled when it is first needed: one of them takes a tenth of a second.
    compiled = functools.cache(lambda: re2.compile(pattern))
    return lambda text: compiled().fullmatch(text) is not None


def _is_base64(text: str) -> bool:
    try:
        base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        return False
    return True


def _is_date(text: str) -> bool:
    try:
        return bool(datetime.datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=datetime.UTC))
    except ValueError:
        return False


_DATE_TIME = re2.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:[.][0-9]+)?"
    r"(?:[Zz]|[+-][0-9]{2}:[0-9]{2})?"
)


def _is_date_time(text: str) -> bool:
    found = _DATE_TIME.fullmatch(text)
    if found is None or not _is_date(found[1]):
        return False
    return int(found[2]) < 24 and int(found[3]) < 60 and int(found[4]) < 60


_GO_DURATION = re2.compile(
    r"[+-]?(?:0|(?:(?:[0-9]+(?:[.][0-9]*)?|[.][0-9]+)(?:ns|us|µs|μs|ms|s|m|h))+)"
)
# Beside Go's form, any text with a number and a unit in words is taken for a duration.
_WORDED_DURATION = re2.compile(
    r"(?i)[0-9]+\s*(?:(?:nano|micro|milli|sec|min|hour|day|wk)[a-zµ]*"
    r"|(?:ns|us|µs|ms|s|m|h|hr|d|w|week))(?:[^a-zµ]|$)"
)


def _is_duration(text: str) -> bool:
    return bool(_GO_DURATION.fullmatch(text) or _WORDED_DURATION.search(text))


def _is_address(version: int) -> Callable[[str], bool]:
    def check(text: str) -> bool:
        try:
            return ipaddress.ip_address(text).version == version
        except ValueError:
            return False

    return check


def _is_cidr(text: str) -> bool:
    try:
        return "/" in text and bool(ipaddress.ip_interface(text))
    except ValueError:
        return False


def _is_uri(text: str) -> bool:
    try:
        parts = urlsplit(text)
    except ValueError:
        return False
    return bool(parts.scheme) or text.startswith("/")


_CARD = re2.compile(
    r"(?:4[0-9]{12}(?:[0-9]{3})?|5[1-5][0-9]{14}|6(?:011|5[0-9][0-9])[0-9]{12}"
    r"|3[47][0-9]{13}|3(?:0[0-5]|[68][0-9])[0-9]{11}|(?:2131|1800|35[0-9]{3})[0-9]{11})"
)


def _is_credit_card(text: str) -> bool:
    digits = "".join(filter(str.isdigit, text))
    if not _CARD.fullmatch(digits):
        return False
    doubled = [int(digit) * (1 + index % 2) for index, digit in enumerate(reversed(digits))]
    return sum(number // 10 + number % 10 for number in doubled) % 10 == 0


def _is_isbn10(text: str) -> bool:
    digits = text.replace("-", "").replace(" ", "")
    if not re2.fullmatch("[0-9]{9}[0-9X]", digits):
        return False
    values = [10 if digit == "X" else int(digit) for digit in digits]
    return sum(weight * value for weight, value in enumerate(values, 1)) % 11 == 0


def _is_isbn13(text: str) -> bool:
    digits = text.replace("-", "").replace(" ", "")
    if not re2.fullmatch("[0-9]{13}", digits):
        return False
    return sum(int(digit) * (1 + 2 * (index % 2)) for index, digit in enumerate(digits)) % 10 == 0


_HEX = "[0-9a-fA-F]"
_CHECKS: Mapping[str, Callable[[str], bool]] = {
    "byte": _is_base64,
    "bsonobjectid": _matches(f"{_HEX}{{24}}"),
    "cidr": _is_cidr,
    "creditcard": _is_credit_card,
    "date": _is_date,
    "date-time": _is_date_time,
    "datetime": _is_date_time,
    "duration": _is_duration,
    "email": _matches(r"[^\s@<>]+@[^\s@<>]+"),
    "hexcolor": _matches(f"#?({_HEX}{{3}}|{_HEX}{{6}})"),
    "hostname": _matches(
        r"([a-zA-Z0-9\p{S}\p{L}]((-?[a-zA-Z0-9\p{S}\p{L}]{0,62})?)"
        r"|([a-zA-Z0-9\p{S}\p{L}](([a-zA-Z0-9-\p{S}\p{L}]{0,61}[a-zA-Z0-9\p{S}\p{L}])?)(\.)){1,}"
        r"([a-zA-Z\p{L}]){2,63})"
    ),
    "isbn": lambda text: _is_isbn10(text) or _is_isbn13(text),
    "isbn10": _is_isbn10,
    "isbn13": _is_isbn13,
    "ipv4": _is_address(4),
    "ipv6": _is_address(6),
    "k8s-long-name": lambda text: not names.dns1123_subdomain(text),
    "k8s-short-name": lambda text: not names.dns1123_label(text),
    "mac": _matches(f"({_HEX}{{2}}[:-]){{5}}{_HEX}{{2}}"),
    "password": lambda _: True,
    "rgbcolor": _matches(r"rgb\(\s*[0-9]{1,3}\s*,\s*[0-9]{1,3}\s*,\s*[0-9]{1,3}\s*\)"),
    "ssn": _matches(r"[0-9]{3}[- ]?[0-9]{2}[- ]?[0-9]{4}"),
    "uri": _is_uri,
    "uuid": _matches(f"{_HEX}{{8}}-?{_HEX}{{4}}-?{_HEX}{{4}}-?{_HEX}{{4}}-?{_HEX}{{12}}"),
    "uuid3": _matches(f"{_HEX}{{8}}-?{_HEX}{{4}}-?3{_HEX}{{3}}-?{_HEX}{{4}}-?{_HEX}{{12}}"),
    "uuid4": _matches(f"{_HEX}{{8}}-?{_HEX}{{4}}-?4{_HEX}{{3}}-?[89abAB]{_HEX}{{3}}-?{_HEX}{{12}}"),
    "uuid5": _matches(f"{_HEX}{{8}}-?{_HEX}{{4}}-?5{_HEX}{{3}}-?[89abAB]{_HEX}{{3}}-?{_HEX}{{12}}"),
}


NAMES = tuple(_CHECKS)


def is_known(name: str) -> bool:
    """Whether the format is checked at all."""
    return name in _CHECKS


def is_valid(name: str, text: str) -> bool:
    """Whether a text has the format; True for a format that is not known."""
    check = _CHECKS.get(name)
    return check is None or check(text)
