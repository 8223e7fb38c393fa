"""Project type + environment → the manifests of a cell; pure.

Used by the ProjectReleaseBinding controller and by `choreo render`.

Public: `inputs_of_release(release, …)`, `render(inputs)` → tuple of `Entry`,
`has_cell_namespace(entries, namespace)`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from . import context, controlflow, finishing, printing, typeinputs, validations, values
from .errors import prefixed
from .template import Scope
from .typeinputs import Entry, TypeInputs

Manifest = Mapping[str, Any]


def inputs_of_release(
    project_release: Manifest,
    *,
    binding: Manifest,
    project: Manifest,
    environment: Manifest,
    data_plane: Manifest,
) -> TypeInputs:
    """The inputs that a ProjectReleaseBinding deploys: a snapshot, and live objects around it."""
    spec = project_release["spec"]
    return TypeInputs(
        type_spec=spec["projectType"]["spec"],
        parameters=spec.get("parameters"),
        environment_configs=(binding.get("spec") or {}).get("environmentConfigs"),
        metadata=context.project_metadata(
            project, binding=binding, environment=environment, data_plane=data_plane
        ),
        data_plane=context.data_plane(data_plane),
        environment=context.environment(environment, data_plane),
    )


def render(inputs: TypeInputs) -> tuple[Entry, ...]:
    """Render a cell, in the order of the project type: its namespace first, if the type says so.

    Raises:
        RenderError: the message says which part failed, and why.
    """
    context.require(inputs.metadata, ("namespace",))
    scope = _scope(inputs)
    with prefixed("project type validation failed"):
        validations.check_before(scope, inputs.type_spec.get("validations") or ())
    resources = inputs.type_spec.get("resources") or ()
    return tuple(entry for resource in resources for entry in _entries(resource, scope))


def has_cell_namespace(entries: Sequence[Entry], namespace: str) -> bool:
    """Is the cell's own namespace among the manifests? Without it nothing else can be applied."""
    return any(
        entry.manifest.get("apiVersion") == "v1"
        and entry.manifest.get("kind") == "Namespace"
        and entry.manifest["metadata"].get("name") == namespace
        for entry in entries
    )


def _scope(inputs: TypeInputs) -> Scope:
    found = typeinputs.variables(inputs)
    # Absent rather than empty: templates then fail to compile, as they do upstream.
    if inputs.environment.get("gateway"):
        found["gateway"] = inputs.environment["gateway"]
    return Scope({name: values.as_context(value) for name, value in found.items()})


def _entries(resource: Manifest, scope: Scope) -> Iterator[Entry]:
    identity = str(resource.get("id", ""))
    quoted = printing.quoted(identity)
    with prefixed(f"evaluate includeWhen for resource {quoted}"):
        if not controlflow.included(scope, resource.get("includeWhen")):
            return
    with prefixed(f"evaluate forEach for resource {quoted}"):
        passes = list(controlflow.iterations(scope, resource))
    template = values.as_context(resource.get("template"))
    for number, bound in enumerate(passes):
        name = f"{identity}-{number}" if resource.get("forEach") else identity
        with prefixed(f"render resource {printing.quoted(name)}"):
            manifest = bound.render_object(template)
            finishing.check_identity(manifest, "rendered manifest")
        yield Entry(name, values.as_manifest(manifest))
