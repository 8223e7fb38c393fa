"""URLs: `url('https://example.com/path?a=b')`, `isURL` and their parts, read as Go reads them."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar
from urllib.parse import quote, unquote

from choreo_local.cel.declarations import Function, Library
from choreo_local.cel.errors import EvaluationError
from choreo_local.cel.libraries.declaring import functions, methods, size_weight
from choreo_local.cel.types import BOOL, STRING, list_of, map_of, opaque

TYPE = opaque("kubernetes.URL")

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):", re.ASCII)
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BAD_ESCAPE = re.compile(r"%(?![0-9A-Fa-f]{2}).{0,2}", re.DOTALL)
_PORT = re.compile(r"(?::[0-9]*)?", re.ASCII)
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*", re.ASCII)
_BAD_HOST = re.compile(r"[^A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"%\x80-\U0010ffff]")
_PLAIN_PATH = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/\[\]]|%[0-9A-Fa-f]{2})*", re.ASCII)
_UNESCAPED_IN_PATH = "-_.~$&+,/:;=@"


@dataclass(frozen=True, slots=True)
class Url:
    """A URL in parts; `path` and `query` as they were written."""

    cel_type: ClassVar[str] = TYPE.name
    text: str
    scheme: str = ""
    host: str = ""
    path: str = ""
    query: str = ""


def parse(text: str) -> Url:
    """An absolute URL or an absolute path.

    Raises:
        EvaluationError: the text is neither.
    """
    try:
        return _parsed(text)
    except ValueError as error:
        raise EvaluationError(
            f'URL parse error during conversion from string: parse "{text}": {error}'
        ) from None


def _parsed(text: str) -> Url:
    if _CONTROL.search(text):
        raise ValueError("net/url: invalid control character in URL")
    if not text:
        raise ValueError("empty url")
    scheme, rest = _scheme(text)
    rest, _, _fragment = rest.partition("#")
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return Url(text, scheme.lower())
        raise ValueError("invalid URI for request")
    host = ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        host, rest = _host(authority), slash + path
    _check_escapes(rest)
    return Url(text, scheme.lower(), host, rest, query)


def _scheme(text: str) -> tuple[str, str]:
    match = _SCHEME.match(text)
    if match is not None:
        return match[1], text[match.end() :]
    colon = re.match(r"[A-Za-z0-9+.-]*:", text, re.ASCII)
    if text.startswith(":"):
        raise ValueError("missing protocol scheme")
    if colon is not None and not text[0].isalpha():
        raise ValueError("first path segment in URL cannot contain colon")
    return "", text


def _host(authority: str) -> str:
    user, at, host = authority.rpartition("@")
    if at and not _USER.fullmatch(user):
        raise ValueError("net/url: invalid userinfo")
    port = host
    if host.startswith("["):
        end = host.rfind("]")
        if end < 0:
            raise ValueError("missing ']' in host")
        port = host[end + 1 :]
    elif ":" in host:
        port = host[host.rfind(":") :]
        host_only = host[: host.rfind(":")]
        if ":" in host_only:
            # Only the last colon may begin a port.
            port = host[host.find(":") :]
    else:
        port = ""
    if not _PORT.fullmatch(port):
        raise ValueError(f'invalid port "{port}" after host')
    wrong = _BAD_HOST.search(host)
    if wrong is not None:
        raise ValueError(f'invalid character "{wrong[0]}" in host name')
    _check_escapes(host)
    return unquote(host)


def _check_escapes(text: str) -> None:
    wrong = _BAD_ESCAPE.search(text)
    if wrong is not None:
        raise ValueError(f'invalid URL escape "{wrong[0]}"')


def _is_url(text: str) -> bool:
    try:
        _parsed(text)
    except ValueError:
        return False
    return True


def _hostname(url: Url) -> str:
    host = url.host
    if host.startswith("["):
        return host[1 : host.find("]")]
    return host.partition(":")[0]


def _port(url: Url) -> str:
    after = url.host.rpartition("]")[2]
    return after.rpartition(":")[2] if ":" in after else ""


def _escaped_path(url: Url) -> str:
    if _PLAIN_PATH.fullmatch(url.path):
        return url.path
    return quote(unquote(url.path, errors="surrogateescape"), safe=_UNESCAPED_IN_PATH)


def _query(url: Url) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for pair in url.query.split("&"):
        name, _, value = pair.partition("=")
        if not pair or ";" in pair or _BAD_ESCAPE.search(pair):
            continue
        found.setdefault(_unescaped(name), []).append(_unescaped(value))
    return found


def _unescaped(text: str) -> str:
    return unquote(text.replace("+", " "))


def _part(name: str, part: Callable[[Url], str]) -> Function:
    return methods(name, ((TYPE,), STRING, part), weight=_weight)


def _weight(url: Url) -> int:
    return len(url.text)


LIBRARY = Library(
    "kubernetes.urls",
    functions=(
        functions("url", ((STRING,), TYPE, parse), weight=size_weight),
        functions("isURL", ((STRING,), BOOL, _is_url), weight=size_weight),
        _part("getScheme", lambda url: url.scheme),
        _part("getHost", lambda url: url.host),
        _part("getHostname", _hostname),
        _part("getPort", _port),
        _part("getEscapedPath", _escaped_path),
        methods("getQuery", ((TYPE,), map_of(STRING, list_of(STRING)), _query), weight=_weight),
    ),
    types={TYPE.name: TYPE},
)
