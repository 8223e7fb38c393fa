"""Which credentials a registry gets: those of `kubernetes.io/dockerconfigjson`. Pure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from choreo_local.images.references import DEFAULT_REGISTRY, Reference

_HUB = frozenset({"docker.io", "index.docker.io", "registry-1.docker.io"})
# What Docker writes instead of a user name when the password is a refresh token.
TOKEN_USER = "<token>"


@dataclass(frozen=True, slots=True)
class Credential:
    """A user's name and password at one registry, or below one path of it.

    Attributes:
        server: `host[:port][/path]`, `*` stands for one label of the host name.
        identity_token: a refresh token, instead of a password.
    """

    server: str
    username: str = ""
    password: str = ""
    identity_token: str = ""


def parse(content: bytes | str) -> list[Credential]:
    """Read `{"auths": …}` or the older form without it; what is malformed is left out."""
    try:
        found = orjson.loads(content or b"{}")
    except orjson.JSONDecodeError:
        return []
    if not isinstance(found, dict):
        return []
    auths = found.get("auths", found)
    if not isinstance(auths, dict):
        return []
    return [entry for server, value in auths.items() if (entry := _credential(server, value))]


def _credential(server: str, value: Any) -> Credential | None:
    if not isinstance(value, dict):
        return None
    try:
        user, password = _user_and_password(value)
        token = str(value.get("identitytoken") or "")
    except (binascii.Error, ValueError, TypeError):
        return None
    if not (user or password or token):
        return None
    return Credential(server_name(server), user, password, token)


def _user_and_password(entry: Mapping[str, Any]) -> tuple[str, str]:
    if entry.get("auth"):
        text = base64.b64decode(entry["auth"], validate=True).decode()
        user, _, password = text.partition(":")
        return user, password.rstrip("\0")
    return str(entry.get("username") or ""), str(entry.get("password") or "")


def server_name(text: str) -> str:
    """`https://index.docker.io/v1/` and `docker.io` are one."""
    rest = text.partition("://")[2] or text
    rest = rest.rstrip("/")
    for suffix in ("/v1", "/v2"):
        rest = rest.removesuffix(suffix)
    host, slash, path = rest.partition("/")
    return (DEFAULT_REGISTRY if host in _HUB else host.lower()) + slash + path


def matching(reference: Reference, found: Iterable[Credential]) -> Sequence[Credential]:
    """Those for a repository, the one with the longest path first."""
    fitting = [entry for entry in found if _fits(entry.server, reference)]
    return sorted(fitting, key=lambda entry: entry.server.count("/"), reverse=True)


def _fits(server: str, reference: Reference) -> bool:
    host, _, path = server.partition("/")
    if not _host_fits(host, reference.registry.lower()):
        return False
    return not path or f"{reference.path}/".startswith(f"{path.rstrip('/')}/")


def _host_fits(pattern: str, host: str) -> bool:
    if "*" not in pattern:
        return pattern == host
    wanted, labels = pattern.split("."), host.split(".")
    return len(wanted) == len(labels) and all(map(_label_fits, wanted, labels))


def _label_fits(pattern: str, label: str) -> bool:
    before, star, after = pattern.partition("*")
    if not star:
        return pattern == label
    long_enough = len(label) >= len(before) + len(after)
    return long_enough and label.startswith(before) and label.endswith(after)
