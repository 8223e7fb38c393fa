"""The environment variables of a container, and `$(NAME)` in its command. Pure.

The caller has read ConfigMaps, Secrets and Services already; what is missing is told by the errors.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.embedded.kubelet import podspec, resources
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.runtime import StartError

_CONFIG_ERROR = "CreateContainerConfigError"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What references of a pod's containers resolve to.

    Attributes:
        config_maps: by name; an absent one does not exist.
        secrets: by name, `data` still in base64.
        service_links: variables made from Services.
        allocatable: of the node, for limits that are not set.
    """

    pod_addresses: Sequence[str]
    host_addresses: Sequence[str]
    config_maps: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    secrets: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    service_links: Mapping[str, str] = field(default_factory=dict)
    allocatable: Mapping[str, Any] = field(default_factory=dict)


def build(pod: Manifest, container: Manifest, surroundings: Surroundings) -> dict[str, str]:
    """All variables; StartError (CreateContainerConfigError) names what is missing."""
    found: dict[str, str] = {}
    for source in container.get("envFrom") or ():
        found |= _from_source(pod, source, surroundings)
    for entry in container.get("env") or ():
        value = _value(pod, container, entry, found=found, surroundings=surroundings)
        if value is not None:
            found[entry["name"]] = value
    return {**surroundings.service_links, **found}


def needed(container: Manifest) -> tuple[set[str], set[str]]:
    """Names of the ConfigMaps and Secrets that the variables of a container refer to."""
    config_maps, secrets = set(), set()
    sources = [*(container.get("envFrom") or ())]
    sources += [entry["valueFrom"] for entry in container.get("env") or () if "valueFrom" in entry]
    for source in sources:
        for key in ("configMapRef", "configMapKeyRef"):
            if source.get(key):
                config_maps.add(source[key].get("name", ""))
        for key in ("secretRef", "secretKeyRef"):
            if source.get(key):
                secrets.add(source[key].get("name", ""))
    return config_maps, secrets


def _from_source(pod: Manifest, source: Manifest, surroundings: Surroundings) -> dict[str, str]:
    prefix = source.get("prefix") or ""
    if source.get("configMapRef"):
        reference, kind, known = source["configMapRef"], "configmap", surroundings.config_maps
    elif source.get("secretRef"):
        reference, kind, known = source["secretRef"], "secret", surroundings.secrets
    else:
        return {}
    content = known.get(reference.get("name", ""))
    if content is None:
        if reference.get("optional"):
            return {}
        raise StartError(f'{kind} "{reference.get("name", "")}" not found', reason=_CONFIG_ERROR)
    return {prefix + key: value for key, value in content.items() if is_variable_name(prefix + key)}


def is_variable_name(name: str) -> bool:
    """Printable ASCII without `=`, as Kubernetes allows since 1.34."""
    return bool(name) and all(" " <= letter <= "~" and letter != "=" for letter in name)


def _value(
    pod: Manifest,
    container: Manifest,
    entry: Manifest,
    *,
    found: Mapping[str, str],
    surroundings: Surroundings,
) -> str | None:
    source = entry.get("valueFrom")
    if not source:
        return expand(entry.get("value") or "", [found, surroundings.service_links])
    if source.get("fieldRef"):
        return field_value(pod, source["fieldRef"]["fieldPath"], surroundings)
    if source.get("resourceFieldRef"):
        return resource_value(pod, container, source["resourceFieldRef"], surroundings)
    if source.get("configMapKeyRef"):
        return _key(pod, source["configMapKeyRef"], surroundings.config_maps, kind="ConfigMap")
    if source.get("secretKeyRef"):
        return _key(pod, source["secretKeyRef"], surroundings.secrets, kind="Secret")
    raise StartError(
        f"cannot set variable {entry['name']!r}: no source that this node knows in valueFrom",
        reason=_CONFIG_ERROR,
    )


def _key(
    pod: Manifest, reference: Manifest, known: Mapping[str, Mapping[str, str]], *, kind: str
) -> str | None:
    name, key = reference.get("name", ""), reference["key"]
    content = known.get(name)
    if content is not None and key in content:
        return content[key]
    if reference.get("optional"):
        return None
    if content is None:
        raise StartError(f'{kind.lower()} "{name}" not found', reason=_CONFIG_ERROR)
    namespace = pod["metadata"]["namespace"]
    raise StartError(f"couldn't find key {key} in {kind} {namespace}/{name}", reason=_CONFIG_ERROR)


def field_value(pod: Manifest, path: str, surroundings: Surroundings) -> str:
    """What a `fieldRef` stands for; StartError when the path is none of those supported."""
    metadata, spec = pod["metadata"], pod["spec"]
    simple = {
        "metadata.name": metadata["name"],
        "metadata.namespace": metadata["namespace"],
        "metadata.uid": metadata["uid"],
        "spec.nodeName": spec.get("nodeName", ""),
        "spec.serviceAccountName": spec.get("serviceAccountName") or "default",
        "status.hostIP": next(iter(surroundings.host_addresses), ""),
        "status.hostIPs": ",".join(surroundings.host_addresses),
        "status.podIP": next(iter(surroundings.pod_addresses), ""),
        "status.podIPs": ",".join(surroundings.pod_addresses),
    }
    if path in simple:
        return str(simple[path])
    for member in ("labels", "annotations"):
        values: Mapping[str, str] = metadata.get(member) or {}
        if path == f"metadata.{member}":
            return "\n".join(f"{key}={_quoted(value)}" for key, value in sorted(values.items()))
        if path.startswith(f"metadata.{member}['") and path.endswith("']"):
            return values.get(path[len(f"metadata.{member}['") : -2], "")
    raise StartError(f"unsupported fieldPath: {path}", reason=_CONFIG_ERROR)


def _quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    return f'"{escaped}"'


def resource_value(
    pod: Manifest, container: Manifest, reference: Manifest, surroundings: Surroundings
) -> str:
    """What a `resourceFieldRef` stands for, in units of its divisor."""
    name = reference.get("containerName")
    target = podspec.find_container(pod, name) if name else container
    if target is None:
        raise StartError(f"container {name} not found", reason=_CONFIG_ERROR)
    value = resources.effective(target, reference["resource"], surroundings.allocatable)
    return str(resources.in_units(value, reference.get("divisor")))


def expand(text: str, scopes: Iterable[Mapping[str, str]]) -> str:
    """Replace `$(NAME)`; `$$` is one dollar sign, an unknown name stays as it is written."""
    known = list(scopes)
    pieces: list[str] = []
    position = 0
    while (dollar := text.find("$", position)) >= 0 and dollar + 1 < len(text):
        pieces.append(text[position:dollar])
        follower = text[dollar + 1]
        end = text.find(")", dollar) if follower == "(" else -1
        if follower == "(" and end >= 0:
            name = text[dollar + 2 : end]
            scope = next((scope for scope in known if name in scope), None)
            pieces.append(text[dollar : end + 1] if scope is None else scope[name])
            position = end + 1
        elif follower == "$":
            pieces.append("$")
            position = dollar + 2
        else:
            pieces.append("$")
            position = dollar + 1
    pieces.append(text[position:])
    return "".join(pieces)


def service_links(services: Iterable[Manifest]) -> dict[str, str]:
    """`NAME_SERVICE_HOST` and its kin for each Service that has an address of its own."""
    links: dict[str, str] = {}
    for service in services:
        spec = service["spec"]
        address, ports = spec.get("clusterIP"), spec.get("ports") or ()
        if not address or address == "None" or not ports:
            continue
        name = service["metadata"]["name"].upper().replace("-", "_")
        links[f"{name}_SERVICE_HOST"] = address
        links[f"{name}_SERVICE_PORT"] = str(ports[0]["port"])
        for port in ports:
            if port.get("name"):
                label = port["name"].upper().replace("-", "_")
                links[f"{name}_SERVICE_PORT_{label}"] = str(port["port"])
        links |= _docker_links(name, address, ports)
    return links


def _docker_links(name: str, address: str, ports: Sequence[Manifest]) -> dict[str, str]:
    links: dict[str, str] = {}
    for index, port in enumerate(ports):
        number, protocol = port["port"], str(port.get("protocol") or "TCP")
        url = f"{protocol.lower()}://{address}:{number}"
        if index == 0:
            links[f"{name}_PORT"] = url
        prefix = f"{name}_PORT_{number}_{protocol}"
        links |= {
            prefix: url,
            f"{prefix}_PROTO": protocol.lower(),
            f"{prefix}_PORT": str(number),
            f"{prefix}_ADDR": address,
        }
    return links
