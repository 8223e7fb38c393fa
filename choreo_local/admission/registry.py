"""Which kinds have admission webhooks, and what these say: the entrance to this package; pure.

A kube API asks in two steps, `completed` before it applies defaults and `review` after it has
validated; where there is one step only, `review` does both. `plugin` is the former, kopf's
`on.mutate` and `on.validate` are the latter.

Public: `review(…)` → `Review`, `completed(…)`, `refusal(…)`, `denial(…)`, `obstacle(…)`,
`webhook_name(…)`, `webhooks(…)`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from choreo_local.api import labels, registry
from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.errors import ApiError, BadRequestError, ForbiddenError, InvalidError

from . import (
    bounds,
    componenttypes,
    reading,
    references,
    releases,
    resourcetypes,
    rolebindings,
    traits,
    workflows,
)

Manifest = dict[str, Any]
Spec = Mapping[str, Any]

CREATE = "CREATE"
UPDATE = "UPDATE"


@dataclass(frozen=True, slots=True)
class Review:
    """What the webhooks of a kind say of a write.

    Attributes:
        patched: the object as it is to be written.
        warnings: for whoever writes it.
        causes: why it is refused; empty when it is not.
    """

    patched: Manifest
    warnings: tuple[str, ...] = ()
    causes: list[FieldError] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _Webhook:
    """The checks of a kind.

    Attributes:
        problems: of a spec that stands under a path.
        complete: a spec with what is to be set in it, given the old one of an update.
        on_update: whether updates are checked as well.
    """

    problems: Callable[[Spec, str], Iterator[FieldError]] | None = None
    complete: Callable[[Spec, Spec], Spec] | None = None
    on_update: bool = True


def review(
    operation: str,
    kind: str,
    obj: Mapping[str, Any],
    old: Mapping[str, Any] | None = None,
) -> Review:
    """What the webhooks of a kind say of a write.

    Args:
        operation: CREATE or UPDATE; others concern no webhook.
        kind: as whose object it is written.
        obj: the object; it is not changed, `patched` shares what stays the same with it.
        old: the stored object of an update.

    Raises:
        BadRequestError: the object is of another kind.
        ForbiddenError: it cannot be completed.
    """
    patched = completed(operation, kind, obj, old)
    webhook = _WEBHOOKS.get(kind)
    if webhook is None or webhook.problems is None or operation not in (CREATE, UPDATE):
        return Review(patched)
    if operation == UPDATE and not webhook.on_update:
        return Review(patched)
    # Whatever is wrong with an object, its finalizers must be able to go.
    if reading.member(patched, "metadata", "deletionTimestamp"):
        return Review(patched)
    excess = bounds.problem(patched.get("spec"), "spec")
    if excess is not None:
        return Review(patched, causes=[excess])
    spec = _spec(patched)
    return Review(patched, causes=bounds.limited(webhook.problems(spec, "spec")))


def completed(
    operation: str, kind: str, obj: Mapping[str, Any], old: Mapping[str, Any] | None = None
) -> Manifest:
    """An object with what mutating webhooks set; what stays the same is shared with the given one.

    Raises:
        BadRequestError: the object is of another kind.
        ForbiddenError: it cannot be completed.
    """
    _check_kind(kind, obj, old)
    webhook = _WEBHOOKS.get(kind)
    if webhook is None or webhook.complete is None or operation not in (CREATE, UPDATE):
        return dict(obj)
    if not isinstance(obj.get("spec"), dict):
        return dict(obj)
    old_spec = _spec(old) if operation == UPDATE else {}
    return {**obj, "spec": webhook.complete(obj["spec"], old_spec)}


def refusal(kind: str, obj: Mapping[str, Any], causes: Sequence[FieldError]) -> InvalidError:
    """The refusal of an object, as a webhook words it."""
    name = reading.text(reading.member(obj, "metadata", "name"))
    return fielderrors.invalid(kind, name, causes, group=labels.GROUP)


def denial(kind: str, obj: Mapping[str, Any], causes: Sequence[FieldError]) -> InvalidError:
    """The refusal of an object, as a kube API words one that a webhook decided."""
    error = refusal(kind, obj, causes)
    details = error.details
    return InvalidError(_denied(kind, error, mutating=False), causes=causes, details=details)


def obstacle(kind: str, error: ApiError) -> ForbiddenError:
    """The refusal of an object that cannot be completed."""
    return ForbiddenError(_denied(kind, error, mutating=True))


def _denied(kind: str, error: ApiError, *, mutating: bool) -> str:
    name = webhook_name(kind, mutating=mutating)
    return f'admission webhook "{name}" denied the request: {error.message}'


def webhook_name(kind: str, *, mutating: bool) -> str:
    """The name of the webhook that changes, or that judges, objects of a kind."""
    return f"{'m' if mutating else 'v'}{kind.lower()}-{labels.VERSION}.kb.io"


def webhooks(*, mutating: bool) -> list[str]:
    """The kinds that have a webhook of one of the two sorts."""
    return sorted(
        kind
        for kind, webhook in _WEBHOOKS.items()
        if (webhook.complete if mutating else webhook.problems) is not None
    )


def _check_kind(kind: str, obj: Mapping[str, Any], old: Mapping[str, Any] | None) -> None:
    for word, given in ((" for the newObj" if old else "", obj), (" for the oldObj", old or {})):
        found = given.get("kind") or kind
        if found != kind:
            raise BadRequestError(f"expected a {kind} object{word} but got {found}")


def _spec(obj: Mapping[str, Any] | None) -> Spec:
    spec = (obj or {}).get("spec")
    return spec if isinstance(spec, Mapping) else {}


def _component_problems(spec: Spec, path: str) -> Iterator[FieldError]:
    return references.unique_instances(spec.get("traits"), f"{path}.traits")


def _binding_problems(spec: Spec, path: str) -> Iterator[FieldError]:
    if not spec.get("environment"):
        yield fielderrors.required(f"{path}.environment", "a release is bound to an environment")


def _with_pipeline_kind(spec: Spec, _old: Spec) -> Spec:
    reference = spec.get("deploymentPipelineRef")
    if not isinstance(reference, dict) or reference.get("kind"):
        return spec
    kind = registry.DEPLOYMENT_PIPELINE.kind
    return {**spec, "deploymentPipelineRef": {**reference, "kind": kind}}


def _with_release(spec: Spec, old: Spec) -> Spec:
    """A release that a controller chose stays, when the next apply names none."""
    if spec.get("releaseName") or not old.get("releaseName"):
        return spec
    return {**spec, "releaseName": old["releaseName"]}


_WEBHOOKS: Mapping[str, _Webhook] = {
    "ComponentType": _Webhook(partial(componenttypes.problems, cluster_wide=False)),
    "ClusterComponentType": _Webhook(partial(componenttypes.problems, cluster_wide=True)),
    "Trait": _Webhook(traits.problems),
    "ClusterTrait": _Webhook(traits.problems),
    "ResourceType": _Webhook(resourcetypes.problems),
    "ClusterResourceType": _Webhook(resourcetypes.problems),
    "Workflow": _Webhook(
        partial(workflows.problems, cluster_wide=False), complete=workflows.completed
    ),
    "ClusterWorkflow": _Webhook(
        partial(workflows.problems, cluster_wide=True), complete=workflows.completed
    ),
    "Component": _Webhook(_component_problems),
    "ComponentRelease": _Webhook(releases.component_problems, on_update=False),
    "ResourceRelease": _Webhook(releases.resource_problems, on_update=False),
    "AuthzRoleBinding": _Webhook(rolebindings.problems),
    "ClusterAuthzRoleBinding": _Webhook(rolebindings.problems),
    "Project": _Webhook(complete=_with_pipeline_kind),
    # An object that is there must stay writable, so what it has always lacked is no obstacle.
    "ReleaseBinding": _Webhook(_binding_problems, complete=_with_release, on_update=False),
}
