"""Component type + traits + workload + environment → the manifests of a component; pure.

Used by the ReleaseBinding controller, by services that show what a deploy would change, and by
`choreo render`.

Public: `ComponentInputs`, `inputs_of_release(release, …)`, `render(inputs)` → `Rendered`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from . import (
    apiresources,
    context,
    controlflow,
    derived,
    finishing,
    printing,
    release,
    schema,
    targets,
    traits,
    validations,
    values,
)
from . import workload as workloads
from .errors import RenderError
from .functions import DERIVED, Dialect
from .targets import RenderedResource
from .template import Scope
from .validations import PostRender

Manifest = Mapping[str, Any]

_REQUIRED_METADATA = (
    *("name", "namespace", "componentName", "componentUID", "componentNamespace"),
    *("projectName", "projectUID", "environmentName", "environmentUID"),
    *("dataPlaneName", "dataPlaneUID", "podSelectors"),
)


@dataclass(frozen=True, slots=True)
class ComponentInputs:
    """Everything a component is rendered from, as stored in the cluster.

    Attributes:
        component_type: its name as in the release, e.g. `deployment/service`, and its spec.
        component: its name, parameters and traits.
        workload: the Workload, before overrides.
        metadata: the variable `metadata`; see `context.component_metadata`.
        traits: all that the type embeds and the component adds, with kind.
        release_binding: environment configurations and workload overrides; None has neither.
        secret_references: by name.
        dependency_items: see `dependencies.connection_items`.
        resource_dependency_items: see `dependencies.resource_item`.
        default_notification_channel: the environment's, or "".
    """

    component_type: Manifest
    component: Manifest
    workload: Manifest
    environment: Manifest
    data_plane: Manifest
    metadata: Manifest
    traits: Sequence[Manifest] = ()
    release_binding: Manifest | None = None
    secret_references: Mapping[str, Manifest] = field(default_factory=dict)
    dependency_items: Sequence[Manifest] = ()
    resource_dependency_items: Sequence[Manifest] = ()
    default_notification_channel: str = ""


@dataclass(frozen=True, slots=True)
class Rendered:
    """The manifests of a component, in the order in which they are applied.

    Attributes:
        base_resource_count: how many came from the component type.
        trait_count: how many trait instances took part.
    """

    resources: tuple[RenderedResource, ...]
    base_resource_count: int
    trait_count: int

    def on(self, plane: str) -> list[dict[str, Any]]:
        """The manifests for one plane."""
        return [found.manifest for found in self.resources if found.target_plane == plane]


def inputs_of_release(
    component_release: Manifest,
    *,
    binding: Manifest,
    component: Manifest,
    project: Manifest,
    environment: Manifest,
    data_plane: Manifest,
    secret_references: Mapping[str, Manifest] | None = None,
    dependency_items: Sequence[Manifest] = (),
    resource_dependency_items: Sequence[Manifest] = (),
    default_notification_channel: str = "",
) -> ComponentInputs:
    """The inputs that a ReleaseBinding deploys: a snapshot, and live objects around it."""
    spec = component_release["spec"]
    component_type = spec["componentType"]
    profile = spec.get("componentProfile") or {}
    return ComponentInputs(
        component_type={
            "metadata": {"name": component_type["name"]},
            "spec": component_type["spec"],
        },
        component={"metadata": {"name": spec["owner"]["componentName"]}, "spec": profile},
        workload={"spec": spec["workload"]},
        traits=[
            {"kind": trait["kind"], "metadata": {"name": trait["name"]}, "spec": trait["spec"]}
            for trait in spec.get("traits") or ()
        ],
        environment=environment,
        data_plane=data_plane,
        release_binding=binding,
        metadata=context.component_metadata(
            component, project=project, environment=environment, data_plane=data_plane
        ),
        secret_references=secret_references or {},
        dependency_items=dependency_items,
        resource_dependency_items=resource_dependency_items,
        default_notification_channel=default_notification_channel,
    )


def render(inputs: ComponentInputs) -> Rendered:
    """Render a component.

    Raises:
        RenderError: the message says which part failed, and why.
    """
    return _Pipeline(inputs).run()


@dataclass(frozen=True, slots=True)
class _Instance:
    """A trait with its place in the component."""

    trait: Manifest
    instance_name: str
    parameters: Any
    environment_configs: Any

    @property
    def title(self) -> str:
        return f"{self.trait['metadata'].get('name', '')}/{self.instance_name}"

    @property
    def label(self) -> str:
        return f"{release.trait_key(self.trait)[0]} {self.title}"


class _Pipeline:
    def __init__(self, inputs: ComponentInputs) -> None:
        self._inputs = inputs
        self._type_spec = inputs.component_type.get("spec") or {}
        self._component_spec = inputs.component.get("spec") or {}
        self._binding_spec = (inputs.release_binding or {}).get("spec") or {}
        context.require(inputs.metadata, _REQUIRED_METADATA)
        if self._type_spec.get("resources") is None:
            raise RenderError("component type has no resources")
        self._shared = self._shared_variables()

    def run(self) -> Rendered:
        scope = self._component_scope()
        rules = validations.rules_before(self._type_spec)
        _prefixed("component type validation failed", validations.check_before, scope, rules)
        resources = _prefixed("failed to render base resources", self._base_resources, scope)
        base_count, trait_count = len(resources), 0
        pending = [self._type_validations(scope)]
        for instance in self._instances(scope):
            trait_count += 1
            resources = self._apply(instance, resources, pending)
        _prefixed("post-render validation failed", validations.check_after, pending, resources)
        finished = finishing.finish(
            resources,
            labels=self._inputs.metadata.get("labels") or {},
            workload_type=str(self._type_spec.get("workloadType") or ""),
        )
        return Rendered(tuple(finished), base_count, trait_count)

    def _shared_variables(self) -> dict[str, Any]:
        """The variables that the component and all its traits see alike."""
        inputs = self._inputs
        spec = workloads.merged(
            inputs.workload.get("spec") or {}, self._binding_spec.get("workloadOverrides")
        )
        environment = context.environment(
            inputs.environment, inputs.data_plane, channel=inputs.default_notification_channel
        )
        variables: dict[str, Any] = {
            "metadata": dict(inputs.metadata),
            "workload": workloads.data(spec),
            "configurations": workloads.configurations(spec, inputs.secret_references),
            "dependencies": _dependencies(inputs),
            "dataplane": context.data_plane(inputs.data_plane, with_annotations=True),
            "environment": environment,
        }
        # Absent rather than empty: templates then fail to compile, as they do upstream.
        if environment.get("gateway"):
            variables["gateway"] = environment["gateway"]
        variables[DERIVED] = derived.build(
            component=str(inputs.metadata["componentName"]),
            environment=str(inputs.metadata["environmentName"]),
            configurations=variables["configurations"],
            workload=variables["workload"],
            dependencies=variables["dependencies"],
            endpoint_resources=self._endpoint_resources(spec),
        )
        return {name: values.as_context(value) for name, value in variables.items()}

    def _endpoint_resources(self, spec: Manifest) -> dict[str, Any]:
        endpoints = spec.get("endpoints") or {}
        described = any((e.get("schema") or {}).get("content") for e in endpoints.values())
        if not described:
            return {}
        specs = [self._type_spec, *(trait.get("spec") for trait in self._inputs.traits)]
        return apiresources.extract(endpoints) if apiresources.is_wanted(*specs) else {}

    def _component_scope(self) -> Scope:
        variables = _prefixed(
            "failed to build component context",
            _parameters,
            self._type_spec,
            self._component_spec.get("parameters"),
            self._binding_spec.get("componentTypeEnvironmentConfigs"),
        )
        return Scope({**self._shared, **variables}, Dialect.COMPONENT)

    def _base_resources(self, scope: Scope) -> list[RenderedResource]:
        return [
            resource
            for entry in self._type_spec["resources"]
            for resource in _base_resource(entry, scope)
        ]

    def _type_validations(self, scope: Scope) -> PostRender:
        name = self._inputs.component_type.get("metadata", {}).get("name", "")
        found = self._type_spec.get("postRenderValidations") or ()
        return PostRender(f"ComponentType {name}", scope, found)

    def _instances(self, scope: Scope) -> Iterator[_Instance]:
        """The trait instances in the order in which they act: embedded, then the component's."""
        loaded = {release.trait_key(trait): trait for trait in self._inputs.traits}
        for entry in self._type_spec.get("traits") or ():
            trait = _loaded(loaded, entry, "embedded trait")
            name = _instance_name(entry)
            title = f"embedded trait {trait['metadata'].get('name', '')}/{name}"
            bound = [
                _prefixed(f"failed to resolve {field} of {title}", _bindings, scope, entry, field)
                for field in ("parameters", "environmentConfigs")
            ]
            yield _Instance(trait, name, *bound)
        configs = self._binding_spec.get("traitEnvironmentConfigs") or {}
        for entry in self._component_spec.get("traits") or ():
            trait = _loaded(loaded, entry, "trait")
            name = _instance_name(entry)
            yield _Instance(trait, name, entry.get("parameters"), configs.get(name))

    def _apply(
        self,
        instance: _Instance,
        resources: list[RenderedResource],
        pending: list[PostRender],
    ) -> list[RenderedResource]:
        spec = traits.with_default_planes(instance.trait.get("spec") or {})
        variables = _prefixed(
            f"failed to build trait context for {instance.title}",
            _parameters,
            spec,
            instance.parameters,
            instance.environment_configs,
        )
        identity = {
            "name": instance.trait["metadata"].get("name", ""),
            "instanceName": instance.instance_name,
        }
        scope = Scope({**self._shared, **variables, "trait": identity}, Dialect.COMPONENT)
        rules = validations.rules_before(spec)
        _prefixed(
            f"trait {instance.title} validation failed", validations.check_before, scope, rules
        )
        pending.append(PostRender(instance.label, scope, spec.get("postRenderValidations") or ()))
        return traits.apply({**instance.trait, "spec": spec}, scope, resources)


def _prefixed(prefix: str, step: Any, *arguments: Any) -> Any:
    """Run a step of the pipeline; its failure is reported under a prefix."""
    try:
        return step(*arguments)
    except RenderError as error:
        raise error.within(prefix) from error


def _parameters(spec: Manifest, parameters: Any, environment_configs: Any) -> dict[str, Any]:
    """`parameters` and `environmentConfigs` by their schemas; without one, values are dropped."""
    result: dict[str, Any] = {}
    given = {"parameters": parameters, "environmentConfigs": environment_configs}
    for name, value in given.items():
        section = spec.get(name)
        if not section or section.get("openAPIV3Schema") is None:
            result[name] = {}
            continue
        completed = schema.defaulted(section, value)
        schema.check(section, completed, name)
        result[name] = values.as_context(completed)
    return result


def _base_resource(entry: Manifest, scope: Scope) -> Iterator[RenderedResource]:
    identity = entry.get("id", "")
    subject = f"resource {identity}"
    if not _prefixed(
        f"failed to evaluate includeWhen for {subject}",
        controlflow.included,
        scope,
        entry.get("includeWhen"),
    ):
        return
    passes = _prefixed(
        f"failed to evaluate forEach for {subject}",
        lambda: list(controlflow.iterations(scope, entry)),
    )
    template = values.as_context(entry.get("template"))
    for bound in passes:
        rendered = _prefixed(f"failed to render template for {subject}", bound.render, template)
        manifest = values.without_omitted(rendered)
        if not isinstance(manifest, dict):
            kind = printing.type_name(manifest)
            raise RenderError(f"template for {subject} must render to object, got {kind}")
        finishing.check_identity(manifest, subject)
        plane = str(entry.get("targetPlane") or targets.DATA_PLANE)
        yield RenderedResource(manifest, plane)


def _loaded(loaded: Mapping[tuple[str, str], Manifest], entry: Manifest, what: str) -> Manifest:
    kind, name = release.trait_key(entry)
    found = loaded.get((kind, name))
    if found is None:
        raise RenderError(f"{what} {kind}:{name} not found")
    return found


def _instance_name(entry: Manifest) -> str:
    name = str(entry.get("instanceName") or "")
    if not name:
        raise RenderError(f"instance name of trait {entry.get('name', '')} is empty")
    return name


def _bindings(scope: Scope, entry: Manifest, field: str) -> Any:
    """Parameters of an embedded trait: a template over the component's own context."""
    template = entry.get(field)
    if template is None:
        return None
    return values.without_omitted(scope.render(values.as_context(template)))


def _dependencies(inputs: ComponentInputs) -> dict[str, Any]:
    items = [
        {
            **{
                name: item.get(name, "")
                for name in ("namespace", "project", "component", "endpoint", "visibility")
            },
            "envVars": list(item.get("envVars") or ()),
        }
        for item in inputs.dependency_items or ()
    ]
    resources = [
        {
            "ref": item.get("ref", ""),
            **{name: list(item.get(name) or ()) for name in ("envVars", "volumeMounts", "volumes")},
        }
        for item in inputs.resource_dependency_items or ()
    ]
    return {
        "items": items,
        "resources": resources,
        "envVars": [var for item in (*items, *resources) for var in item["envVars"]],
        "volumeMounts": [mount for item in resources for mount in item["volumeMounts"]],
        "volumes": [volume for item in resources for volume in item["volumes"]],
    }
