"""Resource type + environment → manifests, outputs, readiness of an OpenChoreo Resource; pure.

Used by the ResourceReleaseBinding controller and by `choreo render`.

Public: `inputs_of_release(release, …)`, `render(inputs)` → tuple of `Entry`,
`outputs(inputs, observed)` → `Outputs`, `ready_when(inputs, expression, observed)`,
`observed_statuses(rendered_release)`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from . import context, controlflow, printing, typeinputs, values
from .errors import RenderError, prefixed
from .template import Scope
from .typeinputs import Entry, TypeInputs

Manifest = Mapping[str, Any]
Observed = Mapping[str, Mapping[str, Any]]

_KEY_REFERENCES = ("secretKeyRef", "configMapKeyRef")


@dataclass(frozen=True, slots=True)
class Outputs:
    """The outputs that could be resolved, and why the others could not, a line each."""

    resolved: tuple[dict[str, Any], ...]
    failure: str = ""


def inputs_of_release(
    resource_release: Manifest,
    *,
    binding: Manifest,
    resource: Manifest,
    project: Manifest,
    environment: Manifest,
    data_plane: Manifest,
) -> TypeInputs:
    """The inputs that a ResourceReleaseBinding deploys: a snapshot, and live objects around it."""
    spec = resource_release["spec"]
    return TypeInputs(
        type_spec=spec["resourceType"]["spec"],
        parameters=spec.get("parameters"),
        environment_configs=(binding.get("spec") or {}).get("resourceTypeEnvironmentConfigs"),
        metadata=context.resource_metadata(
            resource,
            binding=binding,
            project=project,
            environment=environment,
            data_plane=data_plane,
        ),
        data_plane=context.data_plane(data_plane),
        environment=context.environment(environment, data_plane),
    )


def observed_statuses(rendered_release: Manifest | None) -> dict[str, dict[str, Any]]:
    """What `applied` shows: the live status of each manifest, by id, from a RenderedRelease."""
    status = (rendered_release or {}).get("status") or {}
    return {entry["id"]: entry.get("status") or {} for entry in status.get("resources") or ()}


def render(inputs: TypeInputs) -> tuple[Entry, ...]:
    """Render a resource, in the order of its type.

    Raises:
        RenderError: the message says which part failed, and why.
    """
    scope = _scope(inputs)
    entries = []
    for resource in inputs.type_spec.get("resources") or ():
        identity = str(resource.get("id", ""))
        quoted = printing.quoted(identity)
        with prefixed(f"evaluate includeWhen for resource {quoted}"):
            if not controlflow.included(scope, resource.get("includeWhen")):
                continue
        with prefixed(f"render resource {quoted}"):
            manifest = scope.render_object(values.as_context(resource.get("template")))
            entries.append(Entry(identity, values.as_manifest(manifest)))
    return tuple(entries)


def outputs(inputs: TypeInputs, observed: Observed | None) -> Outputs:
    """Resolve the type's outputs from what is live; one that fails does not stop the others."""
    resolved, failures = [], []
    scope = _applied_scope(inputs, observed)
    for output in inputs.type_spec.get("outputs") or ():
        name = str(output.get("name", ""))
        try:
            resolved.append({"name": name, **_output(output, scope)})
        except RenderError as error:
            failures.append(f"output {printing.quoted(name)}: {error.message}")
    return Outputs(tuple(resolved), "\n".join(failures))


def ready_when(inputs: TypeInputs, expression: str, observed: Observed | None) -> bool:
    """Is a manifest ready by its type's own rule? Without a rule, yes.

    Raises:
        RenderError: the rule fails, e.g. because a status field is not there yet.
    """
    if not expression:
        return True
    value = _applied_scope(inputs, observed).render(expression)
    if isinstance(value, bool):
        return value
    raise RenderError(f"readyWhen must evaluate to boolean, got {printing.type_name(value)}")


def _scope(inputs: TypeInputs, **further: Any) -> Scope:
    found = {
        **typeinputs.variables(inputs),
        "gateway": inputs.environment.get("gateway") or {},
        **further,
    }
    return Scope({name: values.as_context(value) for name, value in found.items()})


def _applied_scope(inputs: TypeInputs, observed: Observed | None) -> Scope:
    applied = {identity: {"status": status} for identity, status in (observed or {}).items()}
    return _scope(inputs, applied=applied)


def _output(output: Manifest, scope: Scope) -> dict[str, Any]:
    for key in _KEY_REFERENCES:
        if output.get(key):
            reference = output[key]
            return {key: {field: _text(reference.get(field), scope) for field in ("name", "key")}}
    return {"value": _text(output.get("value"), scope)}


def _text(template: Any, scope: Scope) -> str:
    value = scope.render(template or "")
    if isinstance(value, str):
        return value
    raise RenderError(f"expected string, got {printing.type_name(value)}")
