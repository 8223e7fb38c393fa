"""What wakes a WorkflowRun, and where its reads come from."""

from __future__ import annotations

from collections.abc import Iterable

from choreo_local import clock
from choreo_local.api import registry
from choreo_local.apimachinery import conditions
from choreo_local.controllers import references, tracking
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.outcome import PlaneReference
from choreo_local.controllers.runtime import Controller
from choreo_local.controllers.workflowrun import checks
from choreo_local.controllers.workflowrun.reconcile import Observed, reconcile
from choreo_local.controllers.workflowrun.submission import FIELD_MANAGER
from choreo_local.errors import UnreachableError


async def gather(watched: Watched, live: Live, run: Manifest) -> Observed:
    """Read what the run is made of, and how far it is."""
    namespace = run["metadata"]["namespace"]
    kind, name = checks.workflow_reference(run)
    workflow = references.typed(watched, {"kind": kind, "name": name}, namespace=namespace)
    plane = _plane_of(watched, workflow, namespace) if workflow is not None else None
    _, component_name = checks.owners(run)
    component = watched.get("Component", namespace, component_name)
    argo, unreachable = None, ""
    if plane is not None:
        try:
            argo = await _argo(live, references.reference_to(plane), run)
        except UnreachableError as error:
            unreachable = error.message
    return Observed(
        run=run,
        component=component,
        component_type=_type_of(watched, component) if component is not None else None,
        workflow=workflow,
        plane=references.reference_to(plane) if plane is not None else None,
        unreachable=unreachable,
        secret_store=_secret_store(plane),
        secret_references={
            obj["metadata"]["name"]: obj for obj in watched.list("SecretReference", namespace)
        },
        argo=argo,
        now=clock.timestamp(),
    )


def _plane_of(watched: Watched, workflow: Manifest, namespace: str) -> Manifest | None:
    return references.plane_of(
        watched, "WorkflowPlane", workflow["spec"].get("workflowPlaneRef"), namespace=namespace
    )


def _type_of(watched: Watched, component: Manifest) -> Manifest | None:
    return references.typed(
        watched,
        checks.type_reference(component),
        namespace=component["metadata"]["namespace"],
    )


def _secret_store(plane: Manifest | None) -> str:
    spec = (plane or {}).get("spec") or {}
    return str((spec.get("secretStoreRef") or {}).get("name") or "")


async def _argo(live: Live, plane: PlaneReference, run: Manifest) -> Manifest | None:
    """The submitted Argo Workflow; what the watch does not know (yet) is asked for."""
    reference = (run.get("status") or {}).get("runReference")
    if not reference:
        live.check(plane)
        return None
    kind = reference["apiVersion"], reference["kind"]
    await live.follow(plane, [kind])
    namespace, name = run["metadata"]["namespace"], run["metadata"]["name"]
    wanted = (*kind, reference.get("namespace", ""), reference["name"])
    for obj in live.of_owner(plane, tracking.run_key(namespace, name)):
        metadata = obj["metadata"]
        found = obj["apiVersion"], obj["kind"], metadata.get("namespace", ""), metadata["name"]
        if found == wanted:
            return obj
    return await live.read(plane, *wanted)


# Index functions.


def _by_workflow(run: Manifest) -> Iterable[str]:
    kind, name = checks.workflow_reference(run)
    yield _typed_key(kind, run["metadata"]["namespace"], name)


def _typed_key(kind: str, namespace: str, name: str) -> str:
    return f"{kind}:{'' if kind.startswith('Cluster') else namespace}/{name}"


# Wakes.


def _unfinished(runs: Iterable[Manifest]) -> Iterable[tuple[str, str]]:
    for run in runs:
        found = (run.get("status") or {}).get("conditions") or ()
        if not conditions.is_true(found, "WorkflowCompleted"):
            yield run["metadata"]["namespace"], run["metadata"]["name"]


def _of_workflow(watched: Watched, workflow: Manifest) -> Iterable[tuple[str, str]]:
    metadata = workflow["metadata"]
    key = _typed_key(workflow["kind"], metadata.get("namespace", ""), metadata["name"])
    return _unfinished(watched.by_index("WorkflowRun", "workflow", key))


def _in_namespace(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    # A plane of the cluster has no namespace and concerns all.
    return _unfinished(watched.list("WorkflowRun", obj["metadata"].get("namespace")))


def _of_live(watched: Watched, obj: Manifest) -> Iterable[tuple[str, str]]:
    del watched
    owner = tracking.owner_of(obj)
    if owner is not None and owner.kind == "WorkflowRun":
        yield owner.namespace, owner.name


CONTROLLER = Controller(
    kind=registry.WORKFLOW_RUN,
    gather=gather,
    reconcile=reconcile,
    field_manager=FIELD_MANAGER,
    wakes={
        "Workflow": _of_workflow,
        "ClusterWorkflow": _of_workflow,
        "WorkflowPlane": _in_namespace,
        "ClusterWorkflowPlane": _in_namespace,
        "SecretReference": _in_namespace,
    },
    live_wakes=_of_live,
    indexes={"WorkflowRun": {"workflow": _by_workflow}},
)
