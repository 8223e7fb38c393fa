"""At which addresses a registry is asked: `registries.yaml`, in the form that k3s reads. Pure.

    mirrors:
      docker.io:
        endpoint: [https://mirror.example.com, http://localhost:5000]
        rewrite: {"^library/(.*)": "hub/$1"}
    configs:
      mirror.example.com:
        auth: {username: ada, password: …}
        tls: {ca_file: /etc/ca.pem, cert_file: …, key_file: …, insecure_skip_verify: false}

Plain HTTP is spoken with addresses of this machine, and with those that are named so here.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

import re2
import yaml

from choreo_local.errors import UsageError
from choreo_local.images import credentials
from choreo_local.images.credentials import Credential
from choreo_local.images.references import DEFAULT_REGISTRY

_HUB_HOST = "registry-1.docker.io"
_MOST_BYTES = 1 << 20


@dataclass(frozen=True, slots=True)
class Endpoint:
    """An address at which a registry's contents are served.

    Attributes:
        url: without a slash at its end; its path comes before `/v2`.
        host: `host[:port]`, by which it is found in `configs`.
    """

    url: str
    host: str
    is_mirror: bool = False

    @property
    def is_plain(self) -> bool:
        """Whether it is plain HTTP."""
        return self.url.startswith("http://")


@dataclass(frozen=True, slots=True)
class TlsChoice:
    """What is special about the TLS of a host."""

    authority_file: str = ""
    certificate_file: str = ""
    key_file: str = ""
    skip_verify: bool = False


@dataclass(frozen=True, slots=True)
class _Mirror:
    endpoints: Sequence[str]
    rewrites: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Hosts:
    """What `registries.yaml` says, and the addresses of the instance's own registry.

    Attributes:
        own: name by which references call the instance's registry → its address.
    """

    mirrors: Mapping[str, _Mirror] = field(default_factory=dict)
    tls: Mapping[str, TlsChoice] = field(default_factory=dict)
    credentials: Sequence[Credential] = ()
    own: Mapping[str, str] = field(default_factory=dict)

    def endpoints(self, registry: str) -> list[Endpoint]:
        """Where to ask for a registry's contents, in this order."""
        if registry in self.own:
            return [_endpoint(self.own[registry])]
        mirror = self.mirrors.get(registry) or self.mirrors.get("*")
        found = [_endpoint(url, mirror=True) for url in (mirror.endpoints if mirror else ())]
        last = _endpoint(_own_url(registry))
        # Who names the registry's own host says how it is spoken to.
        return found if any(entry.host == last.host for entry in found) else [*found, last]

    def path_at(self, registry: str, path: str, endpoint: Endpoint) -> str:
        """The repository's name at an endpoint: mirrors may have another."""
        mirror = self.mirrors.get(registry) or self.mirrors.get("*")
        if not endpoint.is_mirror or mirror is None:
            return path
        for pattern, replacement in mirror.rewrites.items():
            found = re2.search(pattern, path)
            if found is not None:
                words = _expand(replacement, [found.group(0), *found.groups()])
                return path[: found.start()] + words + path[found.end() :]
        return path


def _expand(replacement: str, groups: Sequence[str | None]) -> str:
    for place, group in reversed(list(enumerate(groups))):
        replacement = replacement.replace(f"${place}", group or "")
    return replacement


def _own_url(registry: str) -> str:
    host = _HUB_HOST if registry == DEFAULT_REGISTRY else registry
    return f"{'http' if is_loopback(host) else 'https'}://{host}"


def _endpoint(url: str, *, mirror: bool = False) -> Endpoint:
    url = url.rstrip("/").removesuffix("/v2")
    return Endpoint(url, urlsplit(url).netloc, mirror)


def is_loopback(host: str) -> bool:
    """Whether `host[:port]` means this machine, so that nobody listens between."""
    name = (urlsplit(f"//{host}").hostname or "").lower()
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return name == "localhost" or name.endswith(".localhost")


def parse(content: str, *, own: Mapping[str, str] | None = None) -> Hosts:
    """Read the file; UsageError says what is wrong in it."""
    try:
        if len(content) > _MOST_BYTES:
            raise ValueError("it is too long")
        found = yaml.safe_load(content)
        found = {} if found is None else found
        mirrors = {str(name): _mirror(entry) for name, entry in _section(found, "mirrors").items()}
        configs = _section(found, "configs")
        tls = {str(name): _tls(entry.get("tls") or {}) for name, entry in configs.items()}
        auths = _auths(configs)
    except (yaml.YAMLError, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise UsageError(
            f"cannot read registries.yaml: {_words(error)}",
            remedy="Write it as k3s wants it: mirrors, configs",
        ) from error
    return Hosts(mirrors, tls, auths, own or {})


def _words(error: Exception) -> str:
    """What is wrong, without the line itself: it may hold a password, and pods' events tell it."""
    if not isinstance(error, yaml.YAMLError):
        return str(error)
    mark = getattr(error, "problem_mark", None)
    place = f" in line {mark.line + 1}" if mark is not None else ""
    return f"it is no YAML{place}"


def _section(found: Any, name: str) -> dict[str, Any]:
    if not isinstance(found, dict) or set(found) - {"mirrors", "configs"}:
        raise ValueError("only mirrors and configs may stand in it")
    section = found.get(name)
    section = {} if section is None else section
    if not isinstance(section, dict):
        raise TypeError(f"{name} is no mapping")
    return section


def _mirror(entry: Mapping[str, Any]) -> _Mirror:
    entry = entry or {}
    urls = [str(url) for url in entry.get("endpoint") or ()]
    for url in urls:
        if urlsplit(url).scheme not in {"http", "https"} or not urlsplit(url).hostname:
            raise ValueError(f"{url!r} is no address: it must begin with http:// or https://")
    rewrites = {str(key): str(value) for key, value in (entry.get("rewrite") or {}).items()}
    for pattern in rewrites:
        try:
            re2.compile(pattern)
        except re2.error as error:
            raise ValueError(f"{pattern!r} is no regular expression: {error}") from error
    return _Mirror(urls, rewrites)


def _tls(entry: Mapping[str, Any]) -> TlsChoice:
    return TlsChoice(
        str(entry.get("ca_file") or ""),
        str(entry.get("cert_file") or ""),
        str(entry.get("key_file") or ""),
        entry.get("insecure_skip_verify") is True,
    )


def _auths(configs: Mapping[str, Any]) -> list[Credential]:

    found = []
    for host, entry in configs.items():
        auth = entry.get("auth") or {}
        user, password = str(auth.get("username") or ""), str(auth.get("password") or "")
        token = str(auth.get("identity_token") or "")
        if user or token:
            server = credentials.server_name(str(host))
            found.append(Credential(server, user, password, token))
    return found
