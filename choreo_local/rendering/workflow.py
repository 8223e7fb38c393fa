"""Workflow + run → the Argo manifest of the run and what goes with it; pure.

Used by the WorkflowRun controller and by `choreo render`. Other than in the other pipelines,
parameters that come from schema defaults keep their kind of number (reference 01 §42.1).

Public: `WorkflowInputs`, `external_ref_names(inputs)`, `render(inputs)` → `RenderedWorkflow`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import orjson

from . import controlflow, finishing, names, printing, schema, values
from .errors import RenderError, prefixed
from .template import Scope
from .typeinputs import Entry

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class WorkflowInputs:
    """Everything a run is rendered from.

    Attributes:
        workflow: the Workflow or ClusterWorkflow.
        run: the WorkflowRun.
        namespace: its control-plane namespace.
        run_name: its name.
        secret_store: of the workflow plane, or "".
        external_refs: id → `{"spec": …}` of the SecretReference that it resolved to.
        labels: of the run.
    """

    workflow: Manifest | None
    run: Manifest | None
    namespace: str
    run_name: str
    secret_store: str = ""
    external_refs: Mapping[str, Manifest] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RenderedWorkflow:
    """A run on the workflow plane.

    Attributes:
        resource: the Argo Workflow as rendered.
        submitted: the same with its parameters as text, the only form that Argo takes.
        resources: what has to exist before it.
    """

    resource: dict[str, Any]
    submitted: dict[str, Any]
    resources: tuple[Entry, ...]


def external_ref_names(inputs: WorkflowInputs) -> dict[str, str]:
    """Id → name of the SecretReference that the run refers to; empty names are left out.

    Raises:
        RenderError: a name cannot be rendered or is not text.
    """
    spec = _checked_spec(inputs)
    scope = Scope(_variables(inputs))
    found = {}
    for reference in spec.get("externalRefs") or ():
        identity = str(reference.get("id", ""))
        with prefixed(f"external ref {printing.quoted(identity)}"):
            name = scope.render(reference.get("name") or "")
            if not isinstance(name, str):
                kind = printing.type_name(name)
                raise RenderError(f"name must evaluate to string, got {kind}")
        if name:
            found[identity] = name
    return found


def render(inputs: WorkflowInputs) -> RenderedWorkflow:
    """Render a run.

    Raises:
        RenderError: the message says which part failed, and why.
    """
    spec = _checked_spec(inputs)
    variables = _variables(inputs)
    # Declared only when something resolved: templates must not rely on what may be missing.
    if inputs.external_refs:
        variables["externalRefs"] = values.as_context(dict(inputs.external_refs))
    scope = Scope(variables)
    with prefixed("failed to render workflow resource"):
        run = _object(scope, spec["runTemplate"])
    _validate(run)
    return RenderedWorkflow(
        resource=values.as_manifest(run),
        submitted=values.as_manifest(_with_text_parameters(run)),
        resources=tuple(_resources(inputs, scope)),
    )


def _checked_spec(inputs: WorkflowInputs) -> Manifest:
    if inputs.run is None:
        raise RenderError("invalid input: workflow run is nil")
    if inputs.workflow is None:
        raise RenderError("invalid input: workflow is nil")
    spec: Manifest = inputs.workflow.get("spec") or {}
    if not spec.get("runTemplate"):
        raise RenderError("invalid input: workflow has no runTemplate")
    if not inputs.namespace:
        raise RenderError("invalid input: context.namespaceName is required")
    if not inputs.run_name:
        raise RenderError("invalid input: context.workflowRunName is required")
    return spec


def _variables(inputs: WorkflowInputs) -> dict[str, Any]:
    workflow_spec = (inputs.workflow or {}).get("spec") or {}
    reference = ((inputs.run or {}).get("spec") or {}).get("workflow") or {}
    return {
        "metadata": {
            "namespaceName": inputs.namespace,
            "workflowRunName": inputs.run_name,
            "namespace": names.workflow_namespace(inputs.namespace),
            "labels": dict(inputs.labels or {}),
        },
        "parameters": schema.defaulted(
            workflow_spec.get("parameters"), reference.get("parameters")
        ),
        "workflowplane": {"secretStore": inputs.secret_store},
    }


def _resources(inputs: WorkflowInputs, scope: Scope) -> Iterator[Entry]:
    spec = (inputs.workflow or {}).get("spec") or {}
    for resource in spec.get("resources") or ():
        identity = str(resource.get("id", ""))
        quoted = printing.quoted(identity)
        with prefixed(f"failed to render resource {quoted}"):
            if not controlflow.included(scope, resource.get("includeWhen")):
                continue
            manifest = _object(scope, resource.get("template"))
            _validate(manifest)
        # A name that begins so was made of a parameter that is not there.
        if manifest["metadata"]["name"].startswith("-"):
            continue
        manifest["metadata"]["namespace"] = names.workflow_namespace(inputs.namespace)
        yield Entry(identity, values.as_manifest(manifest))


def _object(scope: Scope, template: Any) -> dict[str, Any]:
    rendered = scope.render_object(values.as_context(template))
    converted: dict[str, Any] = _with_arrays(_with_text_values(rendered))
    return converted


def _with_text_values(value: Any) -> Any:
    """Whatever structure is called `value` becomes JSON text, as Argo parameters are text."""
    if isinstance(value, dict):
        return {
            key: printing.json_text(item)
            if key == "value" and isinstance(item, dict | list)
            else _with_text_values(item)
            for key, item in value.items()
        }
    return [_with_text_values(item) for item in value] if isinstance(value, list) else value


def _with_arrays(value: Any) -> Any:
    """Text that is a JSON array becomes one, e.g. for `withItems`."""
    if isinstance(value, dict):
        return {key: _with_arrays(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_arrays(item) for item in value]
    if isinstance(value, str) and value.startswith("["):
        return _parsed_array(value)
    return value


def _parsed_array(text: str) -> Any:
    try:
        parsed = orjson.loads(text)
    except orjson.JSONDecodeError:
        return text
    return values.as_context(parsed) if isinstance(parsed, list) else text


def _with_text_parameters(run: dict[str, Any]) -> dict[str, Any]:
    spec = run.get("spec")
    arguments = spec.get("arguments") if isinstance(spec, dict) else None
    parameters = arguments.get("parameters") if isinstance(arguments, dict) else None
    if not isinstance(spec, dict) or not isinstance(parameters, list):
        return run
    texts = [
        {**item, "value": _parameter_text(item["value"])}
        if isinstance(item, dict) and "value" in item
        else item
        for item in parameters
    ]
    return {**run, "spec": {**spec, "arguments": {**(arguments or {}), "parameters": texts}}}


def _parameter_text(value: Any) -> str:
    if isinstance(value, dict | list):
        return printing.json_text(value)
    return printing.plain_text(value)


def _validate(manifest: dict[str, Any]) -> None:
    with prefixed("validation failed"):
        finishing.check_identity(manifest, "rendered resource")
