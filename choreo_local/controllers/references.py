"""Which plane, environment or type a reference means; used by the decisions of several kinds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from choreo_local.api import labels
from choreo_local.controllers.observed import Manifest, Watched
from choreo_local.controllers.outcome import PlaneReference
from choreo_local.tunnel import planes


def plane_of(
    watched: Watched, kind: str, reference: Mapping[str, Any] | None, *, namespace: str
) -> Manifest | None:
    """The plane object that a reference names; None when there is none.

    Without a reference: the namespaced plane `default`, else that of the cluster. `kind` is the
    namespaced kind, e.g. DataPlane; `namespace` that of the referrer, "" when it has none.
    """
    cluster_kind = f"Cluster{kind}"
    if reference:
        if reference["kind"] == cluster_kind:
            return watched.get(cluster_kind, "", reference["name"])
        return watched.get(kind, namespace, reference["name"])
    own = watched.get(kind, namespace, labels.DEFAULT) if namespace else None
    return own or watched.get(cluster_kind, "", labels.DEFAULT)


def reference_to(plane: Manifest) -> PlaneReference:
    """The reference that a plane object stands for; its id defaults to its name."""
    plane_id = (plane.get("spec") or {}).get("planeID") or plane["metadata"]["name"]
    return PlaneReference(plane["kind"], plane_id, planes.resource_key(plane))


def data_plane_of(watched: Watched, environment: Manifest) -> Manifest | None:
    """The data plane on which an environment lies."""
    return plane_of(
        watched,
        "DataPlane",
        environment.get("spec", {}).get("dataPlaneRef"),
        namespace=environment["metadata"]["namespace"],
    )


def environments_on(watched: Watched, plane: Manifest) -> Iterator[Manifest]:
    """The environments that lie on a data plane, or would if no other came first.

    By what they say, not by what is there: who lay on a plane that is gone must hear of that.
    """
    metadata = plane["metadata"]
    named = {"kind": plane["kind"], "name": metadata["name"]}
    for environment in watched.list("Environment", metadata.get("namespace")):
        reference = (environment.get("spec") or {}).get("dataPlaneRef")
        if metadata["name"] == labels.DEFAULT if not reference else reference == named:
            yield environment


def observability_plane_of(watched: Watched, plane: Manifest) -> Manifest | None:
    """The observability plane of a data or workflow plane."""
    return plane_of(
        watched,
        "ObservabilityPlane",
        plane.get("spec", {}).get("observabilityPlaneRef"),
        namespace=plane["metadata"].get("namespace", ""),
    )


def typed(watched: Watched, reference: Mapping[str, Any], *, namespace: str) -> Manifest | None:
    """The type that a reference of kind and name means: the cluster's or the namespace's."""
    kind: str = reference["kind"]
    return watched.get(kind, "" if kind.startswith("Cluster") else namespace, reference["name"])


def root_environment(pipeline: Manifest) -> str | None:
    """The first source of a pipeline that nothing is promoted to; None when there is none."""
    paths: Sequence[Mapping[str, Any]] = pipeline.get("spec", {}).get("promotionPaths") or ()
    targets = {target["name"] for path in paths for target in path["targetEnvironmentRefs"]}
    for path in paths:
        name: str = path["sourceEnvironmentRef"]["name"]
        if name and name not in targets:
            return name
    return None


def is_deleting(obj: Manifest) -> bool:
    """Whether the object waits for its finalizers."""
    return bool(obj["metadata"].get("deletionTimestamp"))


def says(obj: Manifest, condition_type: str, *reasons: str) -> bool:
    """Whether a condition gives one of these reasons; any reason will do when none is named."""
    return any(
        condition["type"] == condition_type and (not reasons or condition["reason"] in reasons)
        for condition in (obj.get("status") or {}).get("conditions") or ()
    )


def owner(obj: Manifest, field: str) -> str:
    """A name below `spec.owner`, "" when it is not given."""
    return str(((obj.get("spec") or {}).get("owner") or {}).get(field) or "")


def finalizers(obj: Manifest) -> Sequence[str]:
    """The finalizers on an object."""
    return obj["metadata"].get("finalizers") or ()


def missing_finalizer(obj: Manifest, finalizer: str) -> str:
    """`finalizer` when the object does not have it yet, else ""."""
    return "" if finalizer in finalizers(obj) else finalizer
