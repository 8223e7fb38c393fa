"""What the controllers would put on the planes, without a cluster; `choreo render` shows it.

Whatever is given is released as it is now, and bound to an environment where no binding does so.

Public: `Offline(stored)`, `Offline.add(…)`, `Offline.render(environment)` → `Rendering`s.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from choreo_local.api import labels
from choreo_local.apimachinery import owners
from choreo_local.controllers import references
from choreo_local.controllers.component import handlers as component
from choreo_local.controllers.memory import Memory, key
from choreo_local.controllers.observed import Manifest
from choreo_local.controllers.outcome import Condition
from choreo_local.controllers.project import handlers as project
from choreo_local.controllers.releasebinding import handlers as releasebinding
from choreo_local.controllers.resource import handlers as resource
from choreo_local.controllers.runtime import Controller
from choreo_local.controllers.workflowrun import handlers as workflowrun
from choreo_local.errors import ChoreoError
from choreo_local.rendering import names


class _Owner(NamedTuple):
    """What is deployed: how it is released, and what binds a release to an environment.

    Attributes:
        name_field: in the `owner` of its bindings.
        release_field: of its bindings.
    """

    controller: Controller[Any]
    binding: Controller[Any]
    name_field: str
    release_field: str


_OWNERS: Mapping[str, _Owner] = {
    "Project": _Owner(project.PROJECTS, project.BINDINGS, "projectName", "projectRelease"),
    "Resource": _Owner(resource.RESOURCES, resource.BINDINGS, "resourceName", "resourceRelease"),
    "Component": _Owner(
        component.CONTROLLER, releasebinding.CONTROLLER, "componentName", "releaseName"
    ),
}
_BINDINGS = tuple(owner.binding for owner in _OWNERS.values())
_CONTROLLERS = (*(owner.controller for owner in _OWNERS.values()), *_BINDINGS)


@dataclass(frozen=True, slots=True)
class Rendering:
    """What one object puts on the planes.

    Attributes:
        subject: the object, e.g. `ReleaseBinding greeter-development`.
        manifests: with the plane of each, in the order in which they are applied.
        problem: why there are none, or "".
        awaited: what the manifests lack as long as something else is not there.
    """

    subject: str
    manifests: tuple[tuple[str, Manifest], ...] = ()
    problem: str = ""
    awaited: tuple[str, ...] = ()


class Offline:
    """A control plane of which only the objects exist.

    Args:
        stored: what an API server would make of an object that a controller writes.
    """

    def __init__(self, stored: Callable[[Mapping[str, Any]], Manifest]) -> None:
        self._memory = Memory((*_CONTROLLERS, workflowrun.CONTROLLER), stored=stored)
        self._caches = self._memory.caches
        self._given: dict[tuple[str, str, str], Manifest] = {}

    def add(self, obj: Manifest, *, rendered: bool) -> None:
        """Add a stored object; `rendered` are those that the renderings are to be of."""
        kept = self._memory.keep(obj)
        if rendered:
            self._given[key(kept)] = kept

    async def render(self, environment: str = "") -> list[Rendering]:
        """Render all given objects in an environment, or each in the first of its pipeline."""
        found = []
        subjects: dict[tuple[str, str, str], None] = {}
        for kind in _OWNERS:
            for owner in self._of_kind(kind):
                try:
                    subjects |= dict.fromkeys(await self._bound(owner, environment))
                except ChoreoError as error:
                    found.append(Rendering(_title(owner), problem=error.message))
        for controller in _BINDINGS:
            for binding in self._of_kind(controller.kind.kind):
                if environment in ("", binding["spec"]["environment"]):
                    subjects[key(binding)] = None
        await self._memory.settle(_BINDINGS)
        found += [self._rendering(*subject) for subject in subjects]
        return [*found, *[await self._run(run) for run in self._of_kind("WorkflowRun")]]

    def _of_kind(self, kind: str) -> Iterator[Manifest]:
        return (obj for obj in self._given.values() if obj["kind"] == kind)

    async def _bound(self, owner: Manifest, environment: str) -> list[tuple[str, str, str]]:
        """Release an owner and bind the release where no binding names one."""
        release = await self._released(owner)
        metadata, form = owner["metadata"], _OWNERS[owner["kind"]]
        bindings = list(self._bindings_of(owner))
        environments = {binding["spec"]["environment"]: binding for binding in bindings}
        wanted = [environment] if environment else list(environments) or [self._root(owner)]
        keys = []
        for name in wanted:
            binding = environments.get(name) or {
                "apiVersion": labels.API_VERSION,
                "kind": form.binding.kind.kind,
                "metadata": {
                    "name": names.binding(metadata["name"], name),
                    "namespace": metadata["namespace"],
                },
                "spec": {"owner": _owner_fields(owner), "environment": name},
            }
            if not binding["spec"].get(form.release_field):
                binding = {**binding, "spec": {**binding["spec"], form.release_field: release}}
                binding = self._memory.write(binding)
            keys.append(key(binding))
        return keys

    async def _released(self, owner: Manifest) -> str:
        """The name of the release that an owner gets now.

        Raises:
            ChoreoError: it cannot be released.
        """
        controller = _OWNERS[owner["kind"]].controller
        released = owner
        if owner["kind"] == "Component":
            released = {**owner, "spec": {**owner["spec"], "autoDeploy": True}}
        outcome = await self._memory.outcome(controller, released)
        for manifest in outcome.create:
            self._memory.write(manifest)
        latest = outcome.status.get("latestRelease")
        if latest is None:
            raise ChoreoError(_unmet(outcome.conditions))
        return str(latest["name"])

    def _bindings_of(self, owner: Manifest) -> Iterator[Manifest]:
        form, metadata = _OWNERS[owner["kind"]], owner["metadata"]
        wanted = _owner_fields(owner)
        for binding in self._caches.list(form.binding.kind.kind, metadata["namespace"]):
            if binding["spec"]["owner"] == wanted:
                yield binding

    def _root(self, owner: Manifest) -> str:
        """The environment that a project's pipeline begins with.

        Raises:
            ChoreoError: there is none.
        """
        namespace = owner["metadata"]["namespace"]
        name = _owner_fields(owner)["projectName"]
        found = self._caches.get("Project", namespace, name)
        if found is None:
            raise ChoreoError(f'Project "{name}" not found')
        pipeline_name = (found["spec"].get("deploymentPipelineRef") or {}).get("name", "")
        pipeline = self._caches.get("DeploymentPipeline", namespace, pipeline_name)
        if pipeline is None:
            raise ChoreoError(f'DeploymentPipeline "{pipeline_name}" not found')
        root = references.root_environment(pipeline)
        if root is None:
            raise ChoreoError(f'DeploymentPipeline "{pipeline_name}" has no root environment')
        return root

    async def _run(self, run: Manifest) -> Rendering:
        outcome = await self._memory.outcome(workflowrun.CONTROLLER, run)
        work = outcome.on_plane
        if work is None:
            # A run that fails is completed as well, and says so with the reason.
            problem = next((one.message for one in outcome.conditions if one.message), "")
            return Rendering(_title(run), problem=problem)
        manifests = (*work.create, *(manifest for _, manifest in work.apply))
        on_plane = tuple(("workflowplane", dict(manifest)) for manifest in manifests)
        return Rendering(_title(run), on_plane)

    def _rendering(self, kind: str, namespace: str, name: str) -> Rendering:
        binding = self._caches.get(kind, namespace, name)
        assert binding is not None
        if binding["spec"].get("state") == "Undeploy":
            return Rendering(_title(binding), awaited=("its deployment: spec.state is Undeploy",))
        manifests = tuple(
            (release["spec"]["targetPlane"], entry["object"])
            for release in self._caches.list("RenderedRelease", namespace)
            if owners.is_controlled_by(release, binding["metadata"]["uid"])
            for entry in release["spec"]["resources"]
        )
        status = binding.get("status") or {}
        if not manifests:
            problem = self._missing_owner(binding) or _first_unmet(status)
            return Rendering(_title(binding), problem=problem)
        return Rendering(_title(binding), manifests, awaited=tuple(_awaited(status)))

    def _missing_owner(self, binding: Manifest) -> str:
        """A binding without a release gets one from its owner, if that is there."""
        kind, form = next(
            (kind, form)
            for kind, form in _OWNERS.items()
            if form.binding.kind.kind == binding["kind"]
        )
        name = binding["spec"]["owner"][form.name_field]
        if binding["spec"].get(form.release_field):
            return ""
        found = self._caches.get(kind, binding["metadata"]["namespace"], name)
        return "" if found else f'{kind} "{name}" not found'


def _title(obj: Manifest) -> str:
    return f"{obj['kind']} {obj['metadata']['name']}"


def _owner_fields(owner: Manifest) -> dict[str, str]:
    """`spec.owner` of the bindings of an owner."""
    name_field = _OWNERS[owner["kind"]].name_field
    return {**(owner["spec"].get("owner") or {}), name_field: owner["metadata"]["name"]}


def _unmet(conditions: Iterable[Condition]) -> str:
    return next((found.message for found in conditions if found.status is not True), "")


def _first_unmet(status: Mapping[str, Any]) -> str:
    conditions = status.get("conditions") or ()
    return next((found["message"] for found in conditions if found["status"] != "True"), "")


def _awaited(status: Mapping[str, Any]) -> Iterator[str]:
    for entry in status.get("pendingConnections") or ():
        yield f"connection to {entry['component']}: {entry['reason']}"
    for entry in status.get("pendingResourceDependencies") or ():
        yield f"resource {entry['resourceName']}: {entry['reason']}"
