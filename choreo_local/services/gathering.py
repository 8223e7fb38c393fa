"""Read a component and everything that a binding of it brings together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.api import labels, registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import InvalidError, NotFoundError
from choreo_local.rendering import connections, dependencies, names, secretuse
from choreo_local.rendering.binding import BindingInputs
from choreo_local.rendering.errors import RenderError
from choreo_local.services.cluster import Cluster, owner_of
from choreo_local.services.moves import Scope

Manifest = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What a render needs, and the dependencies that it has to do without."""

    inputs: BindingInputs
    awaited: Sequence[str]
    has_observability_plane: bool


class Gatherer:
    """Reads the control plane for the use cases of releases."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def scope(self, namespace: str, component: str) -> Scope:
        """A component with its surroundings; NotFoundError names what is missing."""
        found = await self.component(namespace, component)
        project = await self._cluster.need(
            registry.PROJECT, found["spec"]["owner"]["projectName"], namespace
        )
        reference = (project.get("spec") or {}).get("deploymentPipelineRef") or {}
        pipeline = await self._cluster.need(
            registry.DEPLOYMENT_PIPELINE, str(reference.get("name") or ""), namespace
        )
        return Scope(found, project, pipeline)

    async def component(self, namespace: str, name: str) -> Manifest:
        """A component; NotFoundError says how to find the right name."""
        found = await self._cluster.get(registry.COMPONENT, name, namespace)
        if found is None:
            raise NotFoundError(
                f'component "{name}" not found in namespace "{namespace}"',
                remedy=f"See which there are: choreo get components -n {namespace}",
            )
        if not found.get("spec"):
            raise InvalidError(
                f'component "{name}" says nothing: it has no spec',
                remedy="Apply it again with spec.owner and spec.componentType",
            )
        return found

    async def binding(
        self, component: Manifest, environment: str, kind: ResourceKind = registry.RELEASE_BINDING
    ) -> Manifest | None:
        """The binding of a component in an environment."""
        metadata, project = component["metadata"], component["spec"]["owner"]["projectName"]
        found = await self._bound(
            kind, metadata["namespace"], (project, metadata["name"], environment)
        )
        return found[0] if found else None

    async def release(self, component: Manifest, name: str) -> Manifest | None:
        """A release of a component; None when there is none or it belongs to another."""
        metadata = component["metadata"]
        found = await self._cluster.get(registry.COMPONENT_RELEASE, name, metadata["namespace"])
        if found is None or owner_of(found, "componentName") != metadata["name"]:
            return None
        return found

    async def releases(self, component: Manifest) -> list[Manifest]:
        """The releases of a component."""
        metadata = component["metadata"]
        return [
            found
            for found in await self._cluster.list(registry.COMPONENT_RELEASE, metadata["namespace"])
            if owner_of(found, "componentName") == metadata["name"]
        ]

    async def known_environment(self, namespace: str, name: str) -> Manifest:
        """An environment; NotFoundError says how to find the right name."""
        found = await self.environment(namespace, name)
        if found is None:
            raise NotFoundError(
                f'environment "{name}" not found in namespace "{namespace}"',
                remedy=f"See which there are: choreo get environments -n {namespace}",
            )
        return found

    async def environment(self, namespace: str, name: str) -> Manifest | None:
        """An environment."""
        return await self._cluster.get(registry.ENVIRONMENT, name, namespace)

    async def rendered(self, scope: Scope, environment: str) -> tuple[list[Any], list[Any]]:
        """What the RenderedReleases of an environment hold now, for each of the two planes."""
        found = []
        for name in (
            names.rendered_release(scope.name, environment),
            names.observability_release(scope.name, environment),
        ):
            release = await self._cluster.get(registry.RENDERED_RELEASE, name, scope.namespace)
            found.append(list((release or {}).get("spec", {}).get("resources") or ()))
        return found[0], found[1]

    async def plane(
        self, kind: str, reference: Mapping[str, Any] | None, namespace: str
    ) -> Manifest | None:
        """The plane that a reference means; without one the default of namespace or cluster.

        `kind` is the namespaced kind, e.g. DataPlane; `namespace` that of the referrer, "" when
        it has none.
        """
        cluster_kind = registry.KINDS[f"Cluster{kind}"].resource
        own_kind = registry.KINDS[kind].resource
        if reference:
            if reference.get("kind") == cluster_kind.kind:
                return await self._cluster.get(cluster_kind, str(reference["name"]))
            return await self._cluster.get(own_kind, str(reference["name"]), namespace)
        own = await self._cluster.get(own_kind, labels.DEFAULT, namespace) if namespace else None
        return own or await self._cluster.get(cluster_kind, labels.DEFAULT)

    async def data_plane(self, environment: Manifest) -> Manifest | None:
        """The data plane on which an environment lies."""
        reference = (environment.get("spec") or {}).get("dataPlaneRef")
        return await self.plane("DataPlane", reference, environment["metadata"]["namespace"])

    async def inputs(self, scope: Scope, binding: Manifest, release: Manifest) -> Gathered:
        """Everything that rendering a binding needs.

        Raises:
            RenderError: something that the binding refers to does not exist.
        """
        name = str(binding["spec"]["environment"])
        environment = await self.environment(scope.namespace, name)
        if environment is None:
            raise RenderError(f'Environment "{name}" not found')
        data_plane = await self.data_plane(environment)
        if data_plane is None:
            raise RenderError(f'DataPlane of environment "{name}" not found')
        workload = release["spec"]["workload"]
        secrets = await self._secrets(scope, workload, binding)
        cell = connections.Cell(scope.namespace, scope.owner["projectName"], name)
        declared = workload.get("dependencies") or {}
        connected = await self._connections(declared.get("endpoints") or (), cell)
        resources = await self._resources(declared.get("resources") or (), cell)
        inputs = BindingInputs(
            binding=binding,
            release=release,
            component=scope.component,
            project=scope.project,
            environment=environment,
            data_plane=data_plane,
            secret_references=secrets,
            connections=dependencies.connection_items(
                declared.get("endpoints"),
                connected.resolved,
                namespace=cell.namespace,
                project=cell.project,
            ),
            resources=resources.items,
            notification_channel=await self._channel(scope.namespace, name),
        )
        observability = await self.plane(
            "ObservabilityPlane",
            (data_plane.get("spec") or {}).get("observabilityPlaneRef"),
            data_plane["metadata"].get("namespace") or "",
        )
        awaited = [
            *(
                f"{entry['component']}/{entry['endpoint']}: {entry['reason']}"
                for entry in connected.pending
            ),
            *(f"{entry['resourceName']}: {entry['reason']}" for entry in resources.pending),
        ]
        return Gathered(inputs, awaited, observability is not None)

    async def _secrets(
        self, scope: Scope, workload: Mapping[str, Any], binding: Manifest
    ) -> dict[str, Manifest]:
        found = {
            str(obj["metadata"]["name"]): obj
            for obj in await self._cluster.list(registry.SECRET_REFERENCE, scope.namespace)
        }
        overrides = binding["spec"].get("workloadOverrides") or {}
        problem = secretuse.collect(workload, overrides, found).problem
        if problem:
            raise RenderError(problem)
        return found

    async def _connections(
        self, declared: Sequence[Mapping[str, Any]], cell: connections.Cell
    ) -> connections.Connections:
        providers = {}
        for dependency in declared:
            project = dependency.get("project") or cell.project
            component = dependency["component"]
            providers[project, component] = await self._bound(
                registry.RELEASE_BINDING,
                cell.namespace,
                (project, component, cell.environment),
            )
        return connections.resolve_connections(declared, providers, cell)

    async def _resources(
        self, declared: Sequence[Mapping[str, Any]], cell: connections.Cell
    ) -> connections.ResourceDependencies:
        providers = {}
        for dependency in declared:
            providers[dependency["ref"]] = await self._bound(
                registry.RESOURCE_RELEASE_BINDING,
                cell.namespace,
                (cell.project, dependency["ref"], cell.environment),
            )
        return connections.resolve_resources(declared, providers, cell)

    async def _bound(
        self, kind: ResourceKind, namespace: str, cell: tuple[str, str, str]
    ) -> list[Manifest]:
        """The bindings of an owner in an environment.

        Nearly always there is one under the usual name; a namespace may hold thousands.
        """
        usual = await self._cluster.get(kind, names.binding(cell[1], cell[2]), namespace)
        if usual is not None and _cell(usual) == cell:
            return [usual]
        return [obj for obj in await self._cluster.list(kind, namespace) if _cell(obj) == cell]

    async def _channel(self, namespace: str, environment: str) -> str:
        """The default notification channel of an environment, "" when there is none."""
        channels = await self._cluster.list(
            registry.OBSERVABILITY_ALERTS_NOTIFICATION_CHANNEL, namespace
        )
        for channel in channels:
            spec = channel.get("spec") or {}
            is_default = spec.get("isEnvDefault") and spec.get("environment") == environment
            if is_default and not channel["metadata"].get("deletionTimestamp"):
                return str(channel["metadata"]["name"])
        return ""


def _cell(binding: Manifest) -> tuple[str, str, str]:
    name = owner_of(binding, "componentName") or owner_of(binding, "resourceName")
    environment = (binding.get("spec") or {}).get("environment") or ""
    return owner_of(binding, "projectName"), name, str(environment)
