"""What every namespace has: the default ServiceAccount and the root certificate."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import kinds, plans
from choreo_local.embedded.controllermanager.informers import SharedInformers
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Plan
from choreo_local.errors import AlreadyExistsError, ForbiddenError, NotFoundError
from choreo_local.tasks import TaskGroup

DEFAULT = "default"
ROOT_CA = "kube-root-ca.crt"
_DESCRIPTION = "kubernetes.io/description"
# Other programs see this text; it is the real controller's, word for word.
_ROOT_CA_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal "
    "endpoints such as the internal service IP or kubernetes.default.svc. No other usage is "
    "guaranteed across distributions of Kubernetes clusters."
)


def plan(
    namespace: Manifest, account: Manifest | None, config_map: Manifest | None, root_ca: str
) -> Plan:
    """Create what is missing, mend what was changed."""
    if namespace["metadata"].get("deletionTimestamp"):
        return Plan()
    name = namespace["metadata"]["name"]
    writes = []
    if account is None:
        made = _object(kinds.SERVICE_ACCOUNTS, DEFAULT, name)
        writes.append(plans.create(kinds.SERVICE_ACCOUNTS, made))
    if config_map is None:
        wanted = _object(kinds.CONFIG_MAPS, ROOT_CA, name)
        wanted["metadata"]["annotations"] = {_DESCRIPTION: _ROOT_CA_DESCRIPTION}
        wanted["data"] = {"ca.crt": root_ca}
        writes.append(plans.create(kinds.CONFIG_MAPS, wanted))
    elif config_map.get("data") != {"ca.crt": root_ca}:
        writes.append(plans.update(kinds.CONFIG_MAPS, {**config_map, "data": {"ca.crt": root_ca}}))
    return Plan(tuple(writes))


def _object(kind: ResourceKind, name: str, namespace: str) -> dict[str, Any]:
    metadata = {"name": name, "namespace": namespace}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata}


class NamespaceContentLoop:
    """Keeps both objects in every namespace."""

    def __init__(self, informers: SharedInformers, objects: Objects, root_ca: str) -> None:
        self._objects = objects
        self._root_ca = root_ca
        self._namespaces = informers.of(kinds.NAMESPACES)
        self._accounts = informers.of(kinds.SERVICE_ACCOUNTS)
        self._config_maps = informers.of(kinds.CONFIG_MAPS)
        self._loop: Loop[str] = Loop("namespace content", self._look)
        self._namespaces.add_callback(self._namespace_changed)
        self._accounts.add_callback(self._content_changed)
        self._config_maps.add_callback(self._content_changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _namespace_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is not None:
            self._loop.queue.add(new["metadata"]["name"])

    def _content_changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if old is not None and old["metadata"]["name"] in (DEFAULT, ROOT_CA):
            self._loop.queue.add(old["metadata"]["namespace"])

    async def _look(self, name: str) -> float | None:
        await self._accounts.synced.wait()
        await self._config_maps.synced.wait()
        namespace = self._namespaces.get(name)
        if namespace is None:
            return None
        account = self._accounts.get(DEFAULT, name)
        config_map = self._config_maps.get(ROOT_CA, name)
        for write in plan(namespace, account, config_map, self._root_ca).writes:
            try:
                await self._objects.write(write)
            except (AlreadyExistsError, NotFoundError, ForbiddenError):
                # There already, or the namespace is on its way out.
                continue
        return None
