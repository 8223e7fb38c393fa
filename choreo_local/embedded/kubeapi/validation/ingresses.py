"""Ingresses and ingress classes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_CLASS = "kubernetes.io/ingress.class"
_PATH_TYPES = ("Exact", "ImplementationSpecific", "Prefix")
_FORBIDDEN_PARTS = ("//", "/./", "/../", "%2f", "%2F")
_FORBIDDEN_ENDS = ("/..", "/.")
_MAX_CONTROLLER = 250


def validate(obj: Manifest) -> Problems:
    """The problems of a new ingress."""
    spec = obj["spec"]
    yield from _spec(spec, lenient_hosts=False, lenient_secrets=False)
    named, annotated = (
        spec.get("ingressClassName"),
        (obj["metadata"].get("annotations") or {}).get(_CLASS),
    )
    if annotated is not None and named is not None and annotated != named:
        yield fielderrors.invalid_value(
            f"annotations.{_CLASS}",
            annotated,
            "must match `ingressClassName` when both are specified",
        )


def validate_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed ingress; what was wrong with some fields before may stay."""
    before = old["spec"]
    lenient_hosts = any(
        "*" in (rule.get("host") or "") and any(True for _ in _http(rule, ""))
        for rule in before.get("rules") or ()
    )
    lenient_secrets = any(
        names.dns_subdomain(entry["secretName"])
        for entry in before.get("tls") or ()
        if entry.get("secretName")
    )
    yield from _spec(new["spec"], lenient_hosts=lenient_hosts, lenient_secrets=lenient_secrets)


def validate_status(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed status."""
    found = ((new.get("status") or {}).get("loadBalancer") or {}).get("ingress") or ()
    for index, ingress in enumerate(found):
        path, host = f"status.loadBalancer.ingress[{index}]", ingress.get("hostname")
        if ingress.get("ip"):
            yield from checks.ip_address(f"{path}.ip", ingress["ip"])
        if host:
            yield from checks.fits(f"{path}.hostname", host, names.dns_subdomain)
            yield from _no_address(f"{path}.hostname", host)


def _no_address(path: str, host: str) -> Problems:
    if names.parse_ip(host) is not None:
        yield fielderrors.invalid_value(path, host, "must be a DNS name, not an IP address")


def _spec(spec: Object, *, lenient_hosts: bool, lenient_secrets: bool) -> Problems:
    rules, backend = spec.get("rules"), spec.get("defaultBackend")
    if not rules and backend is None:
        yield fielderrors.invalid_value(
            "spec", rules, "either `defaultBackend` or `rules` must be specified"
        )
    if backend is not None:
        yield from _backend(backend, "spec.defaultBackend")
    for index, rule in enumerate(rules or ()):
        yield from _rule(rule, f"spec.rules[{index}]", lenient=lenient_hosts)
    for index, entry in enumerate(spec.get("tls") or ()):
        yield from _hosts(entry.get("hosts") or (), f"spec.tls[{index}].hosts")
        if entry.get("secretName") and not lenient_secrets:
            yield from checks.fits(
                f"spec.tls[{index}].secretName", entry["secretName"], names.dns_subdomain
            )
    if spec.get("ingressClassName") is not None:
        yield from checks.fits(
            "spec.ingressClassName", spec["ingressClassName"], names.dns_subdomain
        )


def _hosts(hosts: Sequence[str], path: str) -> Problems:
    for index, host in enumerate(hosts):
        yield from _host(f"{path}[{index}]", host)


def _host(path: str, host: str) -> Problems:
    rule = names.wildcard_subdomain if "*" in host else names.dns_subdomain
    yield from checks.fits(path, host, rule)


def _rule(rule: Object, path: str, *, lenient: bool) -> Problems:
    host = rule.get("host") or ""
    if host:
        yield from _no_address(f"{path}.host", host)
        yield from _host(f"{path}.host", host)
    if not ("*" in host and lenient):
        yield from _http(rule, path)


def _http(rule: Object, path: str) -> Problems:
    found = rule.get("http")
    if found is None:
        return
    if not found.get("paths"):
        yield fielderrors.required(f"{path}.http.paths")
    for index, entry in enumerate(found.get("paths") or ()):
        yield from _path(entry, f"{path}.http.paths[{index}]")


def _path(entry: Object, path: str) -> Problems:
    kind, value = entry.get("pathType"), entry.get("path") or ""
    if kind is None:
        yield fielderrors.required(f"{path}.pathType", "pathType must be specified")
        return
    yield from checks.one_of(f"{path}.pathType", kind, _PATH_TYPES)
    is_strict = kind in ("Exact", "Prefix")
    if (is_strict or (value and kind in _PATH_TYPES)) and not value.startswith("/"):
        yield fielderrors.invalid_value(f"{path}.path", value, "must be an absolute path")
    if is_strict:
        yield from _clean_path(f"{path}.path", value)
    yield from _backend(entry.get("backend") or {}, f"{path}.backend")


def _clean_path(path: str, value: str) -> Problems:
    for part in _FORBIDDEN_PARTS:
        if part in value:
            yield fielderrors.invalid_value(path, value, f"must not contain '{part}'")
    for end in _FORBIDDEN_ENDS:
        if value.endswith(end):
            yield fielderrors.invalid_value(path, value, f"cannot end with '{end}'")


def _backend(backend: Object, path: str) -> Problems:
    resource, service = backend.get("resource"), backend.get("service")
    if resource is not None and service is not None:
        yield fielderrors.invalid_value(path, "", "cannot set both resource and service backends")
    elif resource is not None:
        yield from _reference(f"{path}.resource", resource)
    elif service is not None:
        yield from _service(service, path)
    else:
        yield fielderrors.invalid_value(path, "", "resource or service backend is required")


def _service(service: Object, path: str) -> Problems:
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        yield fielderrors.required(f"{path}.service.name")
    else:
        yield from checks.fits(f"{path}.service.name", name, names.dns_label)
    port_name, number = port.get("name") or "", port.get("number") or 0
    if port_name and number:
        yield fielderrors.invalid_value(path, "", "cannot set both port name & port number")
    elif port_name:
        yield from checks.fits(f"{path}.service.port.name", port_name, names.port_name)
    elif number:
        yield from checks.port_number(f"{path}.service.port.number", number)
    else:
        yield fielderrors.required(path, "port name or number is required")


def _reference(path: str, reference: Object) -> Problems:
    if reference.get("apiGroup") is not None:
        yield from checks.fits(f"{path}.apiGroup", reference["apiGroup"], names.dns_subdomain)
    for field in ("kind", "name"):
        yield from checks.reference_part(f"{path}.{field}", reference.get(field))


def validate_class(obj: Manifest) -> Problems:
    """The problems of an ingress class."""
    spec = obj["spec"]
    controller = spec.get("controller") or ""
    yield from checks.at_most_bytes("spec.controller", controller, _MAX_CONTROLLER)
    yield from checks.domain_prefixed_path("spec.controller", controller)
    if spec.get("parameters") is not None:
        yield from _parameters("spec.parameters", spec["parameters"])


def validate_class_update(new: Manifest, old: Manifest) -> Problems:
    """The problems of a changed ingress class."""
    after, before = new["spec"].get("controller") or "", old["spec"].get("controller") or ""
    yield from checks.unchanged("spec.controller", after, before)
    yield from validate_class(new)


def _parameters(path: str, found: Object) -> Problems:
    yield from _reference(path, found)
    scope, namespace = found.get("scope"), found.get("namespace")
    if scope is None:
        yield fielderrors.required(f"{path}.scope")
        return
    yield from checks.one_of(f"{path}.scope", scope, ("Cluster", "Namespace"))
    if scope == "Namespace" and namespace is None:
        yield fielderrors.required(f"{path}.namespace", "`parameters.scope` is set to 'Namespace'")
    elif scope == "Namespace":
        yield from checks.fits(f"{path}.namespace", str(namespace), names.dns_label)
    elif scope == "Cluster" and namespace is not None:
        yield fielderrors.forbidden(f"{path}.namespace", "`parameters.scope` is set to 'Cluster'")
