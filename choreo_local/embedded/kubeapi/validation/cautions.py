"""What kube-apiserver lets pass and warns about, in the answer to the request."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.gvk import GroupVersionKind
from choreo_local.embedded.kubeapi import podtemplates
from choreo_local.embedded.kubeapi.validation import checks, kindcautions, names, pathcautions

Manifest = dict[str, Any]
Object = Mapping[str, Any]

_NANO = 10**9
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"
_PREFERRED = "preferredDuringSchedulingIgnoredDuringExecution"
_NULL_SELECTOR = "a null labelSelector results in matching no pod"
_DEPRECATED_LABELS = {
    "beta.kubernetes.io/arch": 'deprecated since v1.14; use "kubernetes.io/arch" instead',
    "beta.kubernetes.io/os": 'deprecated since v1.14; use "kubernetes.io/os" instead',
    "failure-domain.beta.kubernetes.io/region": (
        'deprecated since v1.17; use "topology.kubernetes.io/region" instead'
    ),
    "failure-domain.beta.kubernetes.io/zone": (
        'deprecated since v1.17; use "topology.kubernetes.io/zone" instead'
    ),
    "beta.kubernetes.io/instance-type": (
        'deprecated since v1.17; use "node.kubernetes.io/instance-type" instead'
    ),
    "app.kubernetes.io/created-by": "deprecated since v1.9",
    "scheduler.alpha.kubernetes.io/preferAvoidPods": (
        "deprecated since v1.22; use Taints and Tolerations instead"
    ),
    "node-role.kubernetes.io/master": 'use "node-role.kubernetes.io/control-plane" instead',
}
_NAMES_BECOME_HOSTS = frozenset(
    {
        ("", "ReplicationController"),
        ("apps", "Deployment"),
        ("apps", "ReplicaSet"),
        ("batch", "CronJob"),
        ("batch", "Job"),
    }
)


def of_object(gvk: GroupVersionKind, obj: Manifest, old: Manifest | None) -> Iterator[str]:
    """What to warn about in a new object, or in a changed one."""
    kind = (gvk.group, gvk.kind)
    if old is None:
        yield from _name(kind, obj["metadata"].get("name") or "")
    if kind in podtemplates.PATHS and _is_changed(kind, obj, old):
        path = ".".join(podtemplates.PATHS[kind])
        yield from _of_pod(podtemplates.pod_spec(kind, obj), path)
    yield from kindcautions.of_kind(kind, obj, is_new=old is None)


def _is_changed(kind: tuple[str, str], obj: Manifest, old: Manifest | None) -> bool:
    if old is None:
        return True
    if kind == ("", "Pod"):
        # People hardly change pods themselves.
        return False
    now, then = obj["metadata"].get("generation"), old["metadata"].get("generation")
    return bool(now != then)


def _name(kind: tuple[str, str], name: str) -> Iterator[str]:
    used = "Pod names and hostnames" if kind in _NAMES_BECOME_HOSTS else ""
    if kind == ("", "Pod"):
        used = "the Pod's hostname"
    problems = names.dns_label(name) if used else []
    if problems:
        yield (
            f"metadata.name: this is used in {used}, which can result in surprising behavior; "
            f"a DNS label is recommended: [{' '.join(problems)}]"
        )


def _of_pod(spec: Object, path: str) -> Iterator[str]:
    yield from _node_labels(spec, path)
    for index, constraint in enumerate(spec.get("topologySpreadConstraints") or ()):
        here, key = f"{path}.topologySpreadConstraints[{index}]", constraint.get("topologyKey")
        if key in _DEPRECATED_LABELS:
            yield f"{here}.topologyKey: {key} is {_DEPRECATED_LABELS[key]}"
        if constraint.get("labelSelector") is None:
            yield f"{here}.labelSelector: {_NULL_SELECTOR}"
    yield from pathcautions.of_volumes(spec.get("volumes") or ())
    yield from _repeated(spec, path)
    yield from _fractions(spec.get("overhead") or {}, f"{path}.overhead")
    ports: list[tuple[str, Object]] = []
    for field in ("initContainers", "containers", "ephemeralContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            here = f"{path}.{field}[{index}]"
            yield from _of_container(container, here)
            ports += [
                (f"{here}.ports[{number}]", port)
                for number, port in enumerate(container.get("ports") or ())
            ]
    yield from _ports(ports)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        yield (
            f"{path}.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and "
            "will be treated as 1"
        )
    yield from _affinity(spec.get("affinity") or {}, f"{path}.affinity")


def _node_labels(spec: Object, path: str) -> Iterator[str]:
    for key in spec.get("nodeSelector") or ():
        if key in _DEPRECATED_LABELS:
            yield f"{path}.nodeSelector[{key}]: {_DEPRECATED_LABELS[key]}"
    found = (spec.get("affinity") or {}).get("nodeAffinity") or {}
    path = f"{path}.affinity.nodeAffinity"
    required = (found.get(_REQUIRED) or {}).get("nodeSelectorTerms") or ()
    for index, term in enumerate(required):
        yield from _term(term, f"{path}.{_REQUIRED}.nodeSelectorTerms[{index}]", values=False)
    for index, preferred in enumerate(found.get(_PREFERRED) or ()):
        term = preferred.get("preference") or {}
        yield from _term(term, f"{path}.{_PREFERRED}[{index}].preference", values=True)


def _term(term: Object, path: str, *, values: bool) -> Iterator[str]:
    for index, expression in enumerate(term.get("matchExpressions") or ()):
        here, key = f"{path}.matchExpressions[{index}]", expression.get("key") or ""
        if key in _DEPRECATED_LABELS:
            yield f"{here}.key: {key} is {_DEPRECATED_LABELS[key]}"
        for number, value in enumerate(expression.get("values") or () if values else ()):
            for text in names.label_value(value):
                yield f"{here}.values[{number}]: {value} is invalid, {text}"


def _repeated(spec: Object, path: str) -> Iterator[str]:
    for field, key in (("hostAliases", "ip"), ("imagePullSecrets", "name")):
        seen: set[str] = set()
        for index, item in enumerate(spec.get(field) or ()):
            value = item.get(key) or ""
            here = f"{path}.{field}[{index}].{key}"
            if value in seen:
                yield f"{here}: duplicate {key} {fielderrors.quote(value)}"
            if field == "imagePullSecrets" and not value:
                yield f'{here}: invalid empty name ""'
            seen.add(value)


def _fractions(amounts: Mapping[str, str], path: str) -> Iterator[str]:
    for name in ("memory", "ephemeral-storage"):
        text = amounts.get(name)
        if text is not None and checks.nanos(text) % _NANO:
            yield (
                f"{path}[{name}]: fractional byte value {fielderrors.quote(text)} is invalid, "
                "must be an integer"
            )


def _of_container(container: Object, path: str) -> Iterator[str]:
    for field in ("limits", "requests"):
        amounts = (container.get("resources") or {}).get(field) or {}
        yield from _fractions(amounts, f"{path}.resources.{field}")
    seen: set[str] = set()
    for index, variable in enumerate(container.get("env") or ()):
        name = variable.get("name") or ""
        if name in seen and _hides(variable, name):
            yield (
                f"{path}.env[{index}]: hides previous definition of {fielderrors.quote(name)}, "
                "which may be dropped when using apply"
            )
        seen.add(name)


def _hides(variable: Object, name: str) -> bool:
    """Whether a variable replaces an earlier one instead of adding to it."""
    value, reference = variable.get("value") or "", f"$({name})"
    return variable.get("valueFrom") is not None or value == reference or reference not in value


def _ports(ports: Sequence[tuple[str, Object]]) -> Iterator[str]:
    by_number: dict[tuple[Any, Any], list[tuple[str, Object]]] = {}
    by_name: dict[str, str] = {}
    for path, port in ports:
        if port.get("hostIP") and not port.get("hostPort"):
            yield f"{path}: hostIP set without hostPort: {_as_go(port)}"
        others = by_number.setdefault((port.get("containerPort"), port.get("protocol")), [])
        for other_path, other in others:
            clash = _clash(port, other)
            if clash:
                yield f"{path}: {clash} port definition with {other_path}"
        others.append((path, port))
    for path, port in ports:
        name = port.get("name") or ""
        first = by_name.setdefault(name, path) if name else path
        if first != path:
            yield (
                f"{path}: duplicate port name {fielderrors.quote(name)} with {first}, services and "
                f"probes that select ports by name will use {first}"
            )


def _as_go(port: Object) -> str:
    fields = {
        "Name": port.get("name") or "",
        "HostPort": 0,
        "ContainerPort": port.get("containerPort") or 0,
        "Protocol": port.get("protocol") or "",
        "HostIP": port.get("hostIP"),
    }
    return f"{{{' '.join(f'{name}:{value}' for name, value in fields.items())}}}"


def _clash(one: Object, other: Object) -> str:
    addresses = one.get("hostIP") or "", other.get("hostIP") or ""
    numbers = one.get("hostPort") or 0, other.get("hostPort") or 0
    if addresses[0] == addresses[1] and numbers[0] == numbers[1]:
        return "duplicate"
    if 0 in numbers:
        return "overlapping"
    return "dangerously ambiguous" if numbers[0] == numbers[1] and "" in addresses else ""


def _affinity(affinity: Object, path: str) -> Iterator[str]:
    for field in ("podAffinity", "podAntiAffinity"):
        found = affinity.get(field) or {}
        for index, term in enumerate(found.get(_REQUIRED) or ()):
            if term.get("labelSelector") is None:
                yield f"{path}.{field}.{_REQUIRED}[{index}].labelSelector: {_NULL_SELECTOR}"
        for index, weighted in enumerate(found.get(_PREFERRED) or ()):
            if (weighted.get("podAffinityTerm") or {}).get("labelSelector") is None:
                here = f"{path}.{field}.{_PREFERRED}[{index}].podAffinityTerm"
                yield f"{here}.labelSelector: {_NULL_SELECTOR}"
