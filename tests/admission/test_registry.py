"""One review for every kind: what is completed, refused, and in which words."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from choreo_local.admission import registry
from choreo_local.api import registry as kinds
from choreo_local.errors import BadRequestError, ForbiddenError
from tests.admission.objects import component_type, data, template

TRAITS = [{"instanceName": "a"}, {"instanceName": "a"}]


def obj(kind: str, spec: Any, **metadata: Any) -> dict[str, Any]:
    return {"kind": kind, "metadata": {"name": "x", **metadata}, "spec": spec}


def test_webhooks_are_named_as_upstream_names_them() -> None:
    assert registry.webhook_name("ComponentType", mutating=False) == "vcomponenttype-v1alpha1.kb.io"
    assert (
        registry.webhook_name("ReleaseBinding", mutating=True) == "mreleasebinding-v1alpha1.kb.io"
    )


def test_only_known_kinds_have_webhooks() -> None:
    for mutating in (False, True):
        assert set(registry.webhooks(mutating=mutating)) <= kinds.KINDS.keys()
    assert registry.webhooks(mutating=True) == [
        "ClusterWorkflow",
        "Project",
        "ReleaseBinding",
        "Workflow",
    ]
    assert "ClusterTrait" in registry.webhooks(mutating=False)


def test_refusals_read_like_those_of_webhooks() -> None:
    component = obj("Component", {"traits": TRAITS})
    found = registry.review("CREATE", "Component", component)
    denial = registry.denial("Component", component, found.causes)
    assert denial.message == (
        'admission webhook "vcomponent-v1alpha1.kb.io" denied the request:'
        ' Component.openchoreo.dev "x" is invalid: spec.traits[1].instanceName:'
        ' Duplicate value: "a"'
    )
    assert (denial.code, denial.reason) == (422, "Invalid")
    assert denial.details == {"name": "x", "group": "openchoreo.dev", "kind": "Component"}
    assert [(cause.reason, cause.field) for cause in denial.causes] == [
        ("FieldValueDuplicate", "spec.traits[1].instanceName")
    ]


@pytest.mark.parametrize("kind", sorted(kinds.KINDS))
@pytest.mark.parametrize("spec", [None, {}, [], "x", {"resources": "x", "traits": 5}])
def test_every_kind_can_be_reviewed_in_any_shape(kind: str, spec: Any) -> None:
    for operation in ("CREATE", "UPDATE", "DELETE", "CONNECT"):
        given = {"metadata": None, "spec": spec}
        review = registry.review(operation, kind, given, {"spec": spec})
        assert review.warnings == ()
        if operation in ("DELETE", "CONNECT"):
            assert (review.patched, review.causes) == (given, [])


def test_kinds_without_webhooks_pass() -> None:
    given = obj("Environment", {"anything": 1})
    assert registry.review("CREATE", "Environment", given).patched == given


def test_the_given_object_is_not_changed() -> None:
    given = obj("Workflow", {"runTemplate": template("Workflow", spec={"a": 1})})
    before = copy.deepcopy(given)
    patched = registry.review("CREATE", "Workflow", given).patched
    assert given == before
    assert patched["spec"]["runTemplate"]["spec"] == {"a": 1, "serviceAccountName": "workflow-sa"}


@pytest.mark.parametrize(
    ("reference", "stored"),
    [
        ({"name": "p"}, {"name": "p", "kind": "DeploymentPipeline"}),
        ({"name": "p", "kind": ""}, {"name": "p", "kind": "DeploymentPipeline"}),
        ({"name": "p", "kind": "Other"}, {"name": "p", "kind": "Other"}),
        ("p", "p"),
        (None, None),
    ],
)
def test_pipelines_of_projects_have_a_kind(reference: Any, stored: Any) -> None:
    given = obj("Project", {"deploymentPipelineRef": reference})
    patched = registry.completed("CREATE", "Project", given)
    assert patched["spec"]["deploymentPipelineRef"] == stored


@pytest.mark.parametrize(
    ("operation", "new", "kept"),
    [("UPDATE", "", "r1"), ("UPDATE", "r2", "r2"), ("UPDATE", None, "r1"), ("CREATE", "", "")],
)
def test_the_release_of_a_binding_cannot_be_emptied(
    operation: str, new: str | None, kept: str
) -> None:
    old = obj("ReleaseBinding", {"environment": "dev", "releaseName": "r1"})
    given = obj("ReleaseBinding", {"environment": "dev", "releaseName": new})
    review = registry.review(operation, "ReleaseBinding", given, old)
    assert review.patched["spec"]["releaseName"] == kept
    assert review.causes == []


def test_a_new_binding_has_an_environment() -> None:
    given = obj("ReleaseBinding", {"environment": ""})
    [cause] = registry.review("CREATE", "ReleaseBinding", given).causes
    assert (cause.reason, cause.field) == ("FieldValueRequired", "spec.environment")
    assert registry.review("UPDATE", "ReleaseBinding", given, given).causes == []


def test_what_is_on_its_way_out_is_not_held_up() -> None:
    spec = component_type({"template": data("${nope}")})
    leaving = obj("ComponentType", spec, deletionTimestamp="2026-01-01T00:00:00Z")
    assert registry.review("UPDATE", "ComponentType", leaving, leaving).causes == []


@pytest.mark.parametrize(
    ("new", "old", "message"),
    [
        ("Trait", None, "expected a ClusterTrait object but got Trait"),
        ("Trait", "ClusterTrait", "expected a ClusterTrait object for the newObj but got Trait"),
        ("ClusterTrait", "Trait", "expected a ClusterTrait object for the oldObj but got Trait"),
    ],
)
def test_objects_of_another_kind_are_refused(new: str, old: str | None, message: str) -> None:
    with pytest.raises(BadRequestError) as caught:
        registry.review("CREATE", "ClusterTrait", obj(new, {}), obj(old, {}) if old else None)
    assert caught.value.message == message


def test_what_cannot_be_completed_is_refused() -> None:
    with pytest.raises(ForbiddenError):
        registry.review("CREATE", "Workflow", obj("Workflow", {"runTemplate": {"spec": 5}}))


def test_long_reviews_are_cut_short() -> None:
    resources = [{"template": data(f"${{a{number}}}")} for number in range(500)]
    found = registry.review(
        "CREATE", "ComponentType", obj("ComponentType", {"resources": resources})
    )
    assert len(found.causes) == 100
