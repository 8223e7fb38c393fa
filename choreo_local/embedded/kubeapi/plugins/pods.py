"""What admission adds to pods: service account and its token, priority, tolerations."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Iterator, Mapping
from typing import Any

from choreo_local import clock
from choreo_local.embedded.kubeapi import problems
from choreo_local.embedded.kubeapi.core import Attributes, Manifest
from choreo_local.embedded.storage.eventlog import Event
from choreo_local.embedded.storage.store import Store, key_of

logger = logging.getLogger(__name__)

_ACCOUNTS = "serviceaccounts"
_DEFAULT = "default"
_PATIENCE_SECONDS = 1.5
_MIRROR = "kubernetes.io/config.mirror"
_TOKEN_PATH = "/var/run/secrets/kubernetes.io/serviceaccount"
_TOKEN_VOLUME = "kube-api-access-"
_TOKEN_SECONDS = 3607
_ROOT_AUTHORITY = "kube-root-ca.crt"
_NOT_READY, _UNREACHABLE = "node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"
_TOLERATION_SECONDS = 300
_PRIORITY_CLASSES = "priorityclasses.scheduling.k8s.io"


def is_new_pod(attributes: Attributes) -> bool:
    """Whether a pod itself, and not a subresource of one, is created."""
    call = attributes.call
    return (
        attributes.operation == "CREATE"
        and call.collection.kind.group_resource == "pods"
        and not call.subresource
    )


def iter_containers(spec: Mapping[str, Any]) -> Iterator[Manifest]:
    """All containers of a pod, those that run first included."""
    for field in ("initContainers", "containers", "ephemeralContainers"):
        yield from spec.get(field) or ()


class ServiceAccounts:
    """Gives pods their service account, its pull secrets and its token.

    The default account is made by a loop when there is a new namespace, so pods wait for it.

    Args:
        store: where the accounts are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def mutate(self, attributes: Attributes) -> Awaitable[None] | None:
        """Complete a new pod."""
        pod = attributes.new
        if pod is None or not is_new_pod(attributes) or _is_mirror(pod):
            return None
        spec = pod.setdefault("spec", {})
        name = spec.get("serviceAccountName") or spec.get("serviceAccount") or _DEFAULT
        spec["serviceAccountName"] = spec["serviceAccount"] = name
        key = key_of(attributes.namespace, name)
        if name == _DEFAULT and self._store.get(_ACCOUNTS, key) is None:
            return self._complete_later(attributes, spec, key)
        self._complete(attributes, spec, key)
        return None

    async def _complete_later(self, attributes: Attributes, spec: Manifest, key: str) -> None:
        made = asyncio.Event()

        def look(event: Event) -> None:
            if event.current.key == key:
                made.set()

        leave = self._store.log(_ACCOUNTS).follow(look)
        try:
            await asyncio.wait_for(made.wait(), _PATIENCE_SECONDS)
        except TimeoutError:
            logger.info("No default service account yet key=%s", key)
        finally:
            leave()
        self._complete(attributes, spec, key)

    def _complete(self, attributes: Attributes, spec: Manifest, key: str) -> None:
        account = self._account(attributes, key)
        if _automounts(spec, account):
            _mount_token(spec)
        if not spec.get("imagePullSecrets") and account.get("imagePullSecrets"):
            spec["imagePullSecrets"] = list(account["imagePullSecrets"])

    def validate(self, attributes: Attributes) -> None:
        """Mutating has refused what must be refused."""

    def _account(self, attributes: Attributes, key: str) -> Mapping[str, Any]:
        stored = self._store.get(_ACCOUNTS, key)
        if stored is not None:
            return stored.object
        name = key.partition("/")[2]
        why = f'error looking up service account {key}: serviceaccount "{name}" not found'
        raise problems.forbidden(attributes.call.collection.kind, attributes.name, why)


def _is_mirror(pod: Mapping[str, Any]) -> bool:
    return _MIRROR in (pod["metadata"].get("annotations") or {})


def _automounts(spec: Mapping[str, Any], account: Mapping[str, Any]) -> bool:
    wanted = spec.get("automountServiceAccountToken")
    if wanted is None:
        wanted = account.get("automountServiceAccountToken")
    return wanted is not False


def _mount_token(spec: Manifest) -> None:
    needy = [
        container
        for field in ("initContainers", "containers")
        for container in spec.get(field) or ()
        if not any(
            mount.get("mountPath") == _TOKEN_PATH for mount in container.get("volumeMounts") or ()
        )
    ]
    if not needy:
        return
    volumes = spec.setdefault("volumes", [])
    known = (str(each.get("name")) for each in volumes)
    volume = next((name for name in known if name.startswith(_TOKEN_VOLUME)), "")
    if not volume:
        volume = f"{_TOKEN_VOLUME}{clock.random_suffix()}"
        volumes.append(_token_volume(volume))
    for container in needy:
        mounts = container.setdefault("volumeMounts", [])
        mounts.append({"name": volume, "readOnly": True, "mountPath": _TOKEN_PATH})


def _token_volume(name: str) -> Manifest:
    namespace = {
        "path": "namespace",
        "fieldRef": {"apiVersion": "v1", "fieldPath": "metadata.namespace"},
    }
    sources = [
        {"serviceAccountToken": {"expirationSeconds": _TOKEN_SECONDS, "path": "token"}},
        {
            "configMap": {
                "name": _ROOT_AUTHORITY,
                "items": [{"key": "ca.crt", "path": "ca.crt"}],
            }
        },
        {"downwardAPI": {"items": [namespace]}},
    ]
    return {"name": name, "projected": {"sources": sources, "defaultMode": 420}}


class Priorities:
    """Turns the priority class of a pod into a number.

    Args:
        store: where the classes are.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def mutate(self, attributes: Attributes) -> None:
        """Complete a new pod."""
        pod = attributes.new
        if pod is None or not is_new_pod(attributes):
            return
        spec = pod.setdefault("spec", {})
        given = spec.get("priorityClassName")
        found = self._find(attributes, given) if given else self._default()
        priority = int(found.get("value", 0))
        if spec.get("priority") is not None and spec["priority"] != priority:
            why = (
                f"the integer value of priority ({spec['priority']}) must not be provided in pod"
                f" spec; priority admission controller computed {priority} from the given"
                " PriorityClass name"
            )
            raise problems.forbidden(attributes.call.collection.kind, attributes.name, why)
        name = given or (found.get("metadata") or {}).get("name")
        if name:
            spec["priorityClassName"] = name
        spec["priority"] = priority
        spec.setdefault("preemptionPolicy", found.get("preemptionPolicy", "PreemptLowerPriority"))

    def validate(self, attributes: Attributes) -> None:
        """Mutating has refused what must be refused."""

    def _find(self, attributes: Attributes, name: str) -> Mapping[str, Any]:
        stored = self._store.get(_PRIORITY_CLASSES, name)
        if stored is not None:
            return stored.object
        why = f"no PriorityClass with name {name} was found"
        raise problems.forbidden(attributes.call.collection.kind, attributes.name, why)

    def _default(self) -> Mapping[str, Any]:
        """The lowest of the classes that are to be the default."""
        found = [
            stored.object
            for stored in self._store.select(_PRIORITY_CLASSES)
            if stored.object.get("globalDefault")
        ]
        return min(found, key=lambda one: int(one.get("value", 0))) if found else {}


class DefaultTolerations:
    """Lets pods stay on a node that is in trouble for five minutes."""

    def mutate(self, attributes: Attributes) -> None:
        """Complete a new pod, and one whose tolerations were taken away."""
        call, pod = attributes.call, attributes.new
        if pod is None or call.collection.kind.group_resource != "pods" or call.subresource:
            return
        tolerations = pod.setdefault("spec", {}).setdefault("tolerations", [])
        for key in (_NOT_READY, _UNREACHABLE):
            if not any(_tolerates(one, key) for one in tolerations):
                tolerations.append(
                    {
                        "key": key,
                        "operator": "Exists",
                        "effect": "NoExecute",
                        "tolerationSeconds": _TOLERATION_SECONDS,
                    }
                )

    def validate(self, attributes: Attributes) -> None:
        """Nothing to refuse."""


def _tolerates(toleration: Mapping[str, Any], key: str) -> bool:
    return toleration.get("key") in (None, "", key) and toleration.get("effect") in (
        None,
        "",
        "NoExecute",
    )
