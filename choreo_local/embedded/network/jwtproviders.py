"""Issuers of tokens in GatewayExtensions and SecurityPolicies. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import re2
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from choreo_local.embedded.network import acceptable, backends, durations, references
from choreo_local.embedded.network.effects import Reading
from choreo_local.embedded.network.guards import JwtProvider, Refused, RemoteKeys
from choreo_local.embedded.network.references import Manifest, World

_SERVICE_HOST = re2.compile(r"([a-z0-9-]{1,63})\.([a-z0-9-]{1,63})\.svc(?:\.cluster\.local)?")
_LONGEST_KEYS = 1 << 18


def of_extension(
    world: World, extension: Manifest, reading: Reading
) -> tuple[JwtProvider, ...] | Refused:
    """The providers of a GatewayExtension of type JWT."""
    found = []
    for entry in (extension["spec"].get("jwt") or {}).get("providers") or ():
        provider = _kgateway(world, extension, entry, reading)
        if isinstance(provider, Refused):
            return Refused(f'JWT provider "{entry.get("name")}": {provider.reason}')
        found.append(provider)
    return _unique(found)


def _unique(found: Sequence[JwtProvider]) -> tuple[JwtProvider, ...] | Refused:
    if not found:
        return Refused("no JWT provider is named")
    if len({each.name for each in found}) != len(found):
        return Refused("two JWT providers have the same name")
    return tuple(found)


def _kgateway(
    world: World, owner: Manifest, entry: Manifest, reading: Reading
) -> JwtProvider | Refused:
    jwks: Manifest = entry.get("jwks") or {}
    source: Manifest = entry.get("tokenSource") or {}
    keys = _local(world, owner, jwks.get("local"), reading)
    remote = _remote(world, owner, jwks.get("remote"), url_field="url")
    for found in (keys, remote):
        if isinstance(found, Refused):
            return found
    header: Manifest = source.get("header") or {}
    names = ((header["header"], header.get("prefix") or ""),) if header.get("header") else ()
    parameter = source.get("queryParameter")
    return _provider(
        entry,
        keys=keys,
        remote=remote,
        headers=names,
        parameters=(parameter,) if parameter else (),
        claims=tuple((each["name"], each["header"]) for each in entry.get("claimsToHeaders") or ()),
        forward=bool(entry.get("forwardToken")),
    )


def of_security_policy(
    world: World, policy: Manifest, reading: Reading
) -> tuple[JwtProvider, ...] | Refused:
    """The providers of a SecurityPolicy."""
    found = []
    for entry in (policy["spec"].get("jwt") or {}).get("providers") or ():
        provider = _envoy_gateway(world, policy, entry, reading)
        if isinstance(provider, Refused):
            return Refused(f'JWT provider "{entry.get("name")}": {provider.reason}')
        found.append(provider)
    return _unique(found)


def _envoy_gateway(
    world: World, owner: Manifest, entry: Manifest, reading: Reading
) -> JwtProvider | Refused:
    source: Manifest = entry.get("extractFrom") or {}
    local: Manifest | None = entry.get("localJWKS")
    if local is not None:
        reference = local.get("valueRef") or {}
        local = {"inline": local.get("inline"), "configMapRef": reference}
        if reference.get("kind", "ConfigMap") != "ConfigMap":
            return Refused("localJWKS.valueRef must be a ConfigMap")
    keys = _local(world, owner, local, reading)
    remote = _remote(world, owner, entry.get("remoteJWKS"), url_field="uri")
    for found in (keys, remote):
        if isinstance(found, Refused):
            return found
    return _provider(
        entry,
        keys=keys,
        remote=remote,
        headers=tuple(
            (each["name"], each.get("valuePrefix") or "") for each in source.get("headers") or ()
        ),
        parameters=tuple(source.get("params") or ()),
        cookies=tuple(source.get("cookies") or ()),
        claims=tuple((each["claim"], each["header"]) for each in entry.get("claimToHeaders") or ()),
        forward=True,
    )


def _provider(
    entry: Manifest, *, keys: str | Refused, remote: RemoteKeys | Refused | None, **more: Any
) -> JwtProvider | Refused:
    if isinstance(keys, Refused) or isinstance(remote, Refused):
        return keys if isinstance(keys, Refused) else Refused("the key set cannot be had")
    if bool(keys) == bool(remote):
        return Refused("give one key set, either here or by address")
    provider = JwtProvider(
        name=str(entry.get("name") or "default"),
        issuer=entry.get("issuer") or "",
        audiences=tuple(entry.get("audiences") or ()),
        keys=keys,
        remote=remote,
        **more,
    )
    names = [name for name, _ in provider.headers] + [name for _, name in provider.claims]
    fault = acceptable.headers_fault((), names)
    return Refused(fault) if fault else provider


def _local(
    world: World, owner: Manifest, local: Manifest | None, reading: Reading
) -> str | Refused:
    if not local:
        return ""
    text = local.get("inline") or ""
    reference = local.get("configMapRef") or {}
    if not text and reference.get("name"):
        key = (owner["metadata"]["namespace"], reference["name"])
        reading.watched.add(("ConfigMap", *key))
        data: Mapping[str, str] = (world.config_maps.get(key) or {}).get("data") or {}
        text = data.get("jwks") or next(iter(data.values()), "")
        if not text:
            return Refused(f"ConfigMap {key[0]}/{key[1]} holds no key set")
    return _checked(text)


def _checked(text: str) -> str | Refused:
    """The keys of a set that Envoy will take; without any it would stop all other changes."""
    try:
        parsed = json.loads(text) if len(text) <= _LONGEST_KEYS else None
    except (ValueError, RecursionError):
        parsed = None
    keys = parsed.get("keys") if isinstance(parsed, dict) else None
    if not isinstance(keys, list):
        return Refused("the key set is not a JSON object with a list `keys`")
    usable = [each for each in keys if isinstance(each, dict) and _is_key(each)]
    return json.dumps({"keys": usable}) if usable else Refused("the key set has no usable key")


def _is_key(key: Mapping[str, Any]) -> bool:
    if key.get("kty") not in ("RSA", "EC", "OKP", "oct"):
        return False
    try:
        KeySet.import_key_set({"keys": [dict(key)]})
    except (JoseError, ValueError, TypeError, KeyError, AttributeError):
        return False
    return key.get("crv") in (None, "P-256", "P-384", "P-521", "Ed25519")


def _remote(
    world: World, owner: Manifest, remote: Manifest | None, *, url_field: str
) -> RemoteKeys | Refused | None:
    if not remote:
        return None
    url = str(remote.get(url_field) or "")
    parts = _split(url)
    if parts is None:
        return Refused(f'"{url}" is not an HTTP address')
    references_ = [remote["backendRef"]] if remote.get("backendRef") else []
    references_ += list(remote.get("backendRefs") or ())
    service = _service(world, owner, references_) or _by_host(world, *parts)
    if isinstance(service, Refused):
        return service
    return RemoteKeys(url, service, durations.go_seconds(remote.get("cacheDuration")) or 300.0)


def _split(url: str) -> tuple[str, int] | None:
    """Host and port of an address."""
    try:
        found = urlsplit(url)
        port = found.port or (443 if found.scheme == "https" else 80)
    except ValueError:
        return None
    if found.scheme not in ("http", "https") or not found.hostname:
        return None
    return found.hostname, port


def _service(
    world: World, owner: Manifest, entries: Iterable[Manifest]
) -> tuple[str, str, int] | Refused | None:
    for entry in entries:
        own = owner["metadata"]["namespace"]
        namespace, name = entry.get("namespace") or own, entry["name"]
        if (entry.get("group") or "", entry.get("kind") or "Service") != ("", "Service"):
            return Refused("the key set's backendRef must be a Service")
        if not references.is_granted(
            world.grants,
            group=owner["apiVersion"].partition("/")[0],
            kind=owner["kind"],
            namespace=own,
            to_kind="Service",
            to_namespace=namespace,
            to_name=name,
        ):
            return Refused(f"no ReferenceGrant allows the use of Service {namespace}/{name}")
        found = _known(world, namespace, name, int(entry.get("port") or 0))
        return found or Refused(f"Service {namespace}/{name} has no such port")
    return None


def _by_host(world: World, host: str, port: int) -> tuple[str, str, int] | None:
    matched = _SERVICE_HOST.fullmatch(host)
    return _known(world, matched.group(2), matched.group(1), port) if matched else None


def _known(world: World, namespace: str, name: str, port: int) -> tuple[str, str, int] | None:
    service = world.services.get((namespace, name))
    if service is None or backends.service_port(service, port) is None:
        return None
    return namespace, name, port
