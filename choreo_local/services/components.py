"""Components and their types: what they take, and freezing one into a release."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local import clock
from choreo_local.api import labels, registry
from choreo_local.errors import BadRequestError, NotFoundError
from choreo_local.rendering import release as releases
from choreo_local.rendering import schema
from choreo_local.services import kinds
from choreo_local.services.base import Objects
from choreo_local.services.cluster import Cluster, owner_of
from choreo_local.services.kinds import ServedKind

Manifest = dict[str, Any]
_COMPONENT = kinds.BY_KIND["Component"]
_COMPONENT_RELEASE = kinds.BY_KIND["ComponentRelease"]
_NO_PROPERTIES: Mapping[str, Any] = {"type": "object", "properties": {}}


class Components:
    """Use cases of components and types."""

    def __init__(self, cluster: Cluster, objects: Objects) -> None:
        self._cluster = cluster
        self._objects = objects

    async def type_schema(
        self, kind: ServedKind, name: str, namespace: str | None = None
    ) -> Manifest:
        """JSON schema of the parameters that a type, trait or workflow takes."""
        obj = await self._objects.stored(kind, name, namespace)
        return schema.resolved((obj.get("spec") or {}).get("parameters"))

    async def schema(self, namespace: str, name: str) -> Manifest:
        """JSON schema of what bindings of a component may set for an environment."""
        component = await self._component(namespace, name)
        component_type = await self.type_of(component)
        traits = [
            (reference, found)
            for reference in component["spec"].get("traits") or ()
            if (found := await self._typed(reference, "Trait", namespace)) is not None
        ]
        return environment_schema(component_type, traits)

    async def _component(self, namespace: str, name: str) -> Manifest:
        component = await self._objects.stored(_COMPONENT, name, namespace)
        if not component.get("spec"):
            raise BadRequestError("the component has no spec")
        return component

    async def type_of(self, component: Manifest) -> Manifest | None:
        """The ComponentType or ClusterComponentType of a component."""
        reference = dict(component["spec"]["componentType"])
        reference["name"] = reference["name"].rpartition("/")[2]
        return await self._typed(reference, "ComponentType", component["metadata"]["namespace"])

    async def generate_release(
        self, namespace: str, name: str, *, release_name: str | None = None
    ) -> Manifest:
        """Freeze a component as it is now."""
        component = await self._component(namespace, name)
        workload = await self._workload(component)
        component_type = await self.type_of(component)
        if component_type is None:
            raise NotFoundError("ComponentType not found")
        traits = await self._traits(component, component_type)
        problem = trait_problem(component, component_type)
        if problem:
            raise BadRequestError(problem)
        frozen = releases.component_release(
            component, component_type, workload=workload, traits=traits
        ).manifest
        if not release_name:
            release_name = next_name(name, await self._release_names(namespace, name), _today())
        frozen["metadata"] |= {
            "name": release_name,
            "labels": {
                labels.PROJECT: component["spec"]["owner"]["projectName"],
                labels.COMPONENT: name,
            },
        }
        return await self._objects.create_exact(_COMPONENT_RELEASE, frozen)

    async def _typed(
        self, reference: Mapping[str, Any], default_kind: str, namespace: str
    ) -> Manifest | None:
        kind = registry.KINDS.get(reference.get("kind") or default_kind)
        if kind is None:
            return None
        return await self._cluster.get(kind.resource, reference["name"], namespace)

    async def _workload(self, component: Manifest) -> Manifest:
        owner = (component["spec"]["owner"]["projectName"], component["metadata"]["name"])
        for workload in await self._cluster.list(
            registry.WORKLOAD, component["metadata"]["namespace"]
        ):
            found = owner_of(workload, "projectName"), owner_of(workload, "componentName")
            if found == owner:
                return workload
        raise NotFoundError("Workload not found")

    async def _traits(self, component: Manifest, component_type: Manifest) -> list[Manifest]:
        found = []
        for owner in (component_type, component):
            for reference in owner["spec"].get("traits") or ():
                trait = await self._typed(reference, "Trait", component["metadata"]["namespace"])
                if trait is None:
                    raise NotFoundError("Trait not found")
                found.append(trait)
        return found

    async def _release_names(self, namespace: str, component: str) -> list[str]:
        return [
            str(release["metadata"]["name"])
            for release in await self._cluster.list(registry.COMPONENT_RELEASE, namespace)
            if owner_of(release, "componentName") == component
        ]


def environment_schema(
    component_type: Manifest | None, traits: Sequence[tuple[Mapping[str, Any], Manifest]]
) -> Manifest:
    """What bindings may set: for the type, and for each trait under its instance name."""
    properties: dict[str, Any] = {}
    if component_type is not None and component_type["spec"].get("environmentConfigs"):
        properties["componentTypeEnvironmentConfigs"] = schema.resolved(
            component_type["spec"]["environmentConfigs"]
        )
    of_traits = {
        reference["instanceName"]: schema.resolved(trait["spec"]["environmentConfigs"])
        for reference, trait in traits
        if trait["spec"].get("environmentConfigs")
    }
    if of_traits:
        properties["traitEnvironmentConfigs"] = {**_NO_PROPERTIES, "properties": of_traits}
    return {"type": "object", **({"properties": properties} if properties else {})}


def trait_problem(component: Manifest, component_type: Manifest) -> str:
    """Why the traits of a component cannot be combined with its type; "" when they can."""
    own = component["spec"].get("traits") or ()
    allowed = {
        releases.trait_key(entry) for entry in component_type["spec"].get("allowedTraits") or ()
    }
    for trait in own:
        kind, name = releases.trait_key(trait)
        if (kind, name) not in allowed:
            type_name = component_type["metadata"]["name"]
            return (
                f'{kind} "{name}" is not among the allowed traits of component type "{type_name}"'
            )
    instances = Counter(
        entry["instanceName"] for entry in (*(component_type["spec"].get("traits") or ()), *own)
    )
    twice = [name for name, times in instances.items() if times > 1]
    return f'trait instance name "{twice[0]}" is used more than once' if twice else ""


def next_name(component: str, existing: Iterable[str], day: str) -> str:
    """The name of a release that nobody named: the day, and a number within it."""
    stem = f"{component}-{day}-"
    return f"{stem}{1 + sum(name.startswith(stem) for name in existing)}"


def _today() -> str:
    return clock.now().strftime("%Y%m%d")
