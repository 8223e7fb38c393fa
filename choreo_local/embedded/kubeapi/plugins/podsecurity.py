"""Pod security: the levels that the labels of a namespace demand of its pods."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import podtemplates, problems
from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.kubeapi.podsecurity import standards
from choreo_local.embedded.kubeapi.podsecurity.model import Violation
from choreo_local.embedded.storage.store import Store, key_of
from choreo_local.errors import Cause

_PREFIX = "pod-security.kubernetes.io/"
_LATEST = 1 << 30
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]*)")
# Of these subresources the rest is a pod that may run something new.
_HARMLESS = frozenset(
    ["exec", "attach", "binding", "eviction", "log", "portforward", "proxy", "status"]
)
_MAX_PODS = 3000


@dataclass(frozen=True, slots=True)
class Demand:
    """A level of the standards as of a version, by its minor number."""

    level: str = standards.PRIVILEGED
    minor: int = _LATEST

    def __str__(self) -> str:
        version = "latest" if self.minor == _LATEST else f"v1.{self.minor}"
        return f"{self.level}:{version}"

    def violations(self, metadata: Mapping[str, Any], spec: Mapping[str, Any]) -> list[Violation]:
        """What a pod does against it."""
        notes = metadata.get("annotations") or {}
        return standards.evaluate(self.level, self.minor, notes, spec)


@dataclass(frozen=True, slots=True)
class Demands:
    """What is refused, and what is only warned of."""

    enforce: Demand
    warn: Demand
    problems: tuple[Cause, ...]


def read_demands(namespace: Manifest) -> Demands:
    """The demands in the labels of a namespace; what cannot be read demands the most."""
    labels = namespace["metadata"].get("labels") or {}
    found: dict[str, Demand] = {}
    causes: list[Cause] = []
    for mode in ("enforce", "audit", "warn"):
        found[mode] = _read(labels, mode, causes)
    enforce, warn = found["enforce"], found["warn"]
    level = labels.get(f"{_PREFIX}enforce")
    is_silent = f"{_PREFIX}warn" not in labels and level in standards.LEVELS
    if is_silent and _rank(enforce) > _rank(warn):
        has_version = f"{_PREFIX}warn-version" in labels
        warn = replace(warn, level=enforce.level) if has_version else enforce
    return Demands(enforce, warn, tuple(causes))


def _read(labels: Mapping[str, str], mode: str, causes: list[Cause]) -> Demand:
    demand = Demand()
    level = labels.get(_PREFIX + mode)
    if level in standards.LEVELS:
        demand = replace(demand, level=level)
    elif level is not None:
        # Warnings fail open, the rest fails closed.
        fallback = standards.RESTRICTED if mode == "enforce" else standards.PRIVILEGED
        demand = replace(demand, level=fallback)
        causes.append(_wrong(mode, level, f"must be one of {', '.join(standards.LEVELS)}"))
    version = labels.get(f"{_PREFIX}{mode}-version")
    if version not in (None, "latest"):
        match = _VERSION.fullmatch(version or "")
        if match is None:
            causes.append(_wrong(f"{mode}-version", version, 'must be "latest" or "v1.x"'))
        else:
            demand = replace(demand, minor=int(match[1]))
    return demand


def _wrong(name: str, value: str | None, detail: str) -> Cause:
    return fielderrors.invalid_value(f"metadata.labels[{_PREFIX}{name}]", value, detail)


def _rank(demand: Demand) -> int:
    return standards.LEVELS.index(demand.level)


def _in_words(violations: list[Violation]) -> str:
    return ", ".join(map(str, violations))


class PodSecurity:
    """Refuses pods below the level of their namespace.

    Args:
        store: where namespaces and pods are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def mutate(self, attributes: Attributes) -> None:
        """Nothing is added."""

    def validate(self, attributes: Attributes) -> None:
        """Judge pods, what makes pods, and the labels of namespaces."""
        obj, call = attributes.new, attributes.call
        if obj is None or attributes.operation not in ("CREATE", "UPDATE"):
            return
        kind = (call.collection.kind.group, call.collection.kind.kind)
        if kind == ("", "Namespace"):
            if not call.subresource:
                self._judge_namespace(attributes, obj)
        elif kind in podtemplates.PATHS:
            namespace = self._store.get("namespaces", key_of("", attributes.namespace))
            if namespace is None:
                return
            if kind == ("", "Pod"):
                _judge_pod(attributes, obj, read_demands(namespace.object))
            elif not call.subresource:
                _warn_of_template(attributes, obj, read_demands(namespace.object))

    def _judge_namespace(self, attributes: Attributes, namespace: Manifest) -> None:
        demands = read_demands(namespace)
        before = None if attributes.old is None else read_demands(attributes.old)
        if demands.problems and (before is None or before.problems != demands.problems):
            raise fielderrors.invalid("Namespace", attributes.name, demands.problems)
        if before is None or demands.enforce.level == standards.PRIVILEGED:
            return
        new, old = demands.enforce, before.enforce
        if new == old or (new.minor == old.minor and _rank(new) <= _rank(old)):
            return
        for text in self._review(attributes.name, new):
            attributes.warn(text)

    def _review(self, namespace: str, demand: Demand) -> Iterator[str]:
        """Warnings of the pods that a new demand finds already there."""
        offenders: dict[str, list[str]] = defaultdict(list)
        for stored in self._store.select("pods", namespace)[:_MAX_PODS]:
            pod = stored.object
            found = demand.violations(pod["metadata"], pod.get("spec") or {})
            if found:
                reasons = ", ".join(violation.reason for violation in found)
                offenders[reasons].append(pod["metadata"]["name"])
        if not offenders:
            return
        yield (
            f'existing pods in namespace "{namespace}" violate the new PodSecurity enforce level'
            f' "{demand}"'
        )
        yield from sorted(f"{_some(names)}: {reasons}" for reasons, names in offenders.items())


def _some(names: list[str]) -> str:
    others = len(names) - 1
    if not others:
        return names[0]
    return f"{min(names)} (and {others} other {'pod' if others == 1 else 'pods'})"


def _judge_pod(attributes: Attributes, pod: Manifest, demands: Demands) -> None:
    if attributes.call.subresource in _HARMLESS or _is_same(pod, attributes.old):
        return
    spec = pod.get("spec") or {}
    found = demands.enforce.violations(pod["metadata"], spec)
    if found:
        why = f'violates PodSecurity "{demands.enforce}": {_in_words(found)}'
        raise problems.forbidden(attributes.call.collection.kind, attributes.name, why)
    _warn(attributes, demands, pod["metadata"], spec)


def _warn_of_template(attributes: Attributes, obj: Manifest, demands: Demands) -> None:
    kind = attributes.call.collection.kind
    *outer, _ = podtemplates.PATHS[(kind.group, kind.kind)]
    template: Any = obj
    for step in outer:
        template = (template or {}).get(step)
    if template:
        spec = template.get("spec") or {}
        _warn(attributes, demands, template.get("metadata") or {}, spec)


def _warn(
    attributes: Attributes, demands: Demands, metadata: Mapping[str, Any], spec: Mapping[str, Any]
) -> None:
    found = demands.warn.violations(metadata, spec)
    if found:
        attributes.warn(f'would violate PodSecurity "{demands.warn}": {_in_words(found)}')


def _is_same(pod: Manifest, old: Manifest | None) -> bool:
    """Whether an update changes nothing that the standards look at."""
    return old is not None and _images(pod) == _images(old)


def _images(pod: Manifest) -> list[list[Any]]:
    spec = pod.get("spec") or {}
    return [
        [container.get("image") for container in spec.get(field) or ()]
        for field in ("initContainers", "containers", "ephemeralContainers")
    ]
