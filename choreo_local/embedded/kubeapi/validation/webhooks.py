"""Webhooks that admit requests, and the rules that say which requests they see."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Manifest = dict[str, Any]
Object = Mapping[str, Any]

OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
REINVOCATION_POLICIES = ("IfNeeded", "Never")
_SIDE_EFFECTS = ("None", "NoneOnDryRun")
_SCOPES = ("*", "Cluster", "Namespaced")
_VERSIONS = ("v1", "v1beta1")
_MAX_CONDITIONS = 64
_FORM = "; desired format: https://host[/path]"


def validate(obj: Manifest) -> Problems:
    """The problems of a configuration of webhooks."""
    seen: set[str] = set()
    for index, hook in enumerate(obj.get("webhooks") or ()):
        path, name = f"webhooks[{index}]", hook.get("name") or ""
        yield from _hook(path, hook)
        yield from _review_versions(
            f"{path}.admissionReviewVersions", hook.get("admissionReviewVersions") or ()
        )
        if name in seen:
            yield fielderrors.duplicate(f"{path}.name", name)
        if name:
            seen.add(name)


def validate_update(new: Manifest, _old: Manifest) -> Problems:
    """The problems of a changed configuration."""
    yield from validate(new)


def _hook(path: str, hook: Object) -> Problems:
    yield from _qualified(f"{path}.name", hook.get("name") or "")
    for index, found in enumerate(hook.get("rules") or ()):
        yield from rule(f"{path}.rules[{index}]", found)
    for field, supported in (
        ("failurePolicy", FAILURE_POLICIES),
        ("matchPolicy", MATCH_POLICIES),
        ("reinvocationPolicy", REINVOCATION_POLICIES),
        ("sideEffects", _SIDE_EFFECTS),
    ):
        if hook.get(field) is not None:
            yield from checks.one_of(f"{path}.{field}", hook[field], supported)
    if hook.get("sideEffects") is None:
        yield fielderrors.required(
            f"{path}.sideEffects", f"must specify one of {', '.join(_SIDE_EFFECTS)}"
        )
    seconds = hook.get("timeoutSeconds")
    if seconds is not None and not 1 <= seconds <= 30:
        yield fielderrors.invalid_value(
            f"{path}.timeoutSeconds",
            seconds,
            "the timeout value must be between 1 and 30 seconds",
        )
    for field in ("namespaceSelector", "objectSelector"):
        yield from checks.label_selector(f"{path}.{field}", hook.get(field))
    yield from _client(f"{path}.clientConfig", hook.get("clientConfig") or {})
    yield from match_conditions(f"{path}.matchConditions", hook.get("matchConditions") or ())


def _qualified(path: str, name: str) -> Problems:
    if not name:
        yield fielderrors.required(path)
        return
    problems = names.dns_subdomain(name)
    if problems:
        yield fielderrors.invalid_value(path, name, names.first_of(problems))
    elif name.count(".") < 2:
        yield fielderrors.invalid_value(
            path, name, "should be a domain with at least three segments separated by dots"
        )


def rule(path: str, found: Object) -> Problems:
    """The problems of a rule: which operations on which resources."""
    operations = found.get("operations") or ()
    yield from _wildcard(f"{path}.operations", operations, "operations")
    for index, operation in enumerate(operations):
        yield from checks.one_of(f"{path}.operations[{index}]", operation, OPERATIONS)
    yield from _wildcard(f"{path}.apiGroups", found.get("apiGroups") or (), "API groups")
    versions = found.get("apiVersions") or ()
    yield from _wildcard(f"{path}.apiVersions", versions, "API versions")
    yield from _filled(f"{path}.apiVersions", versions)
    yield from _resources(f"{path}.resources", found.get("resources") or ())
    if found.get("scope") is not None:
        yield from checks.one_of(f"{path}.scope", found["scope"], _SCOPES)


def _wildcard(path: str, values: Sequence[str], noun: str) -> Problems:
    if not values:
        yield fielderrors.required(path)
    elif len(values) > 1 and "*" in values:
        yield fielderrors.invalid_value(
            path, values, f"if '*' is present, must not specify other {noun}"
        )


def _filled(path: str, values: Sequence[str]) -> Problems:
    for index, value in enumerate(values):
        if not value:
            yield fielderrors.required(f"{path}[{index}]")


def _resources(path: str, resources: Sequence[str]) -> Problems:
    if not resources:
        yield fielderrors.required(path)
    yield from _filled(path, resources)
    whole_resources: set[str] = set()
    whole_subresources: set[str] = set()
    for index, text in enumerate(resources):
        resource, slash, subresource = text.partition("/")
        if not slash:
            continue
        for present, known in (
            (f"{resource}/*", resource in whole_resources),
            (f"*/{subresource}", subresource in whole_subresources),
        ):
            if known:
                yield fielderrors.invalid_value(
                    f"{path}[{index}]",
                    text,
                    f"if '{present}' is present, must not specify {text}",
                )
        if subresource == "*":
            whole_resources.add(resource)
        if resource == "*":
            whole_subresources.add(subresource)
    if len(resources) > 1 and "*/*" in resources:
        yield fielderrors.invalid_value(
            path, resources, "if '*/*' is present, must not specify other resources"
        )
    plain = [text for text in resources if text and "/" not in text]
    if "*" in plain and plain[-1] != "*":
        yield fielderrors.invalid_value(
            path,
            resources,
            "if '*' is present, must not specify other resources without subresources",
        )


def _review_versions(path: str, versions: Sequence[str]) -> Problems:
    if not versions:
        yield fielderrors.required(path, f"must specify one of {', '.join(_VERSIONS)}")
        return
    for index, version in enumerate(versions):
        if version in versions[:index]:
            yield fielderrors.invalid_value(f"{path}[{index}]", version, "duplicate version")
        else:
            yield from checks.fits(f"{path}[{index}]", version, names.dns_1035_label)
    if not set(versions) & set(_VERSIONS):
        yield fielderrors.invalid_value(
            path, versions, f"must include at least one of {', '.join(_VERSIONS)}"
        )


def _client(path: str, config: Object) -> Problems:
    url, service = config.get("url"), config.get("service")
    if (url is None) == (service is None):
        yield fielderrors.required(path, "exactly one of url or service is required")
    elif url is not None:
        yield from _url(f"{path}.url", url)
    else:
        yield from _service(f"{path}.service", service)


def _url(path: str, url: str) -> Problems:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        yield fielderrors.required(path, f"url must be a valid URL: {error}{_FORM}")
        return
    if parts.scheme != "https":
        yield fielderrors.invalid_value(
            path, parts.scheme, f"'https' is the only allowed URL scheme{_FORM}"
        )
    user, _, host = parts.netloc.rpartition("@")
    if not host:
        yield fielderrors.invalid_value(path, "", f"host must be specified{_FORM}")
    for found, noun in (
        (user, "user information is"),
        (parts.fragment, "fragments are"),
        (parts.query, "query parameters are"),
    ):
        if found:
            yield fielderrors.invalid_value(path, found, f"{noun} not permitted in the URL")


def _service(path: str, service: Any) -> Problems:
    # The real one confuses the two names.
    for field, shown in (("namespace", "name"), ("name", "namespace")):
        if not service.get(field):
            yield fielderrors.required(f"{path}.{shown}")
    port = service.get("port") or 0
    for text in names.port_number(port):
        yield fielderrors.invalid_value(f"{path}.port", port, f"port is not valid: {text}")
    yield from _service_path(f"{path}.path", service.get("path") or "")


def _service_path(path: str, value: str) -> Problems:
    if value in ("", "/"):
        return
    if value == "//":
        yield fielderrors.invalid_value(path, value, "segment[0] may not be empty")
        return
    if not value.startswith("/"):
        yield fielderrors.invalid_value(path, value, "must start with a '/'")
    for index, step in enumerate(value[1:].removesuffix("/").split("/")):
        if not step:
            yield fielderrors.invalid_value(path, value, f"segment[{index}] may not be empty")
            continue
        for text in names.dns_subdomain(step):
            yield fielderrors.invalid_value(path, value, f"segment[{index}]: {text}")


def match_conditions(path: str, conditions: Sequence[Object]) -> Problems:
    """The problems of conditions on requests."""
    if len(conditions) > _MAX_CONDITIONS:
        yield fielderrors.too_many(path, len(conditions), _MAX_CONDITIONS)
    seen: set[str] = set()
    for index, condition in enumerate(conditions):
        here, name = f"{path}[{index}]", condition.get("name") or ""
        if not (condition.get("expression") or "").strip():
            yield fielderrors.required(f"{here}.expression")
        if not name:
            yield fielderrors.required(f"{here}.name")
            continue
        yield from checks.fits(f"{here}.name", name, names.qualified_name)
        if name in seen:
            yield fielderrors.duplicate(f"{here}.name", name)
        seen.add(name)
