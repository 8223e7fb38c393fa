from __future__ import annotations

from typing import Any

from choreo_local.admission import reviews
from tests.admission.objects import component_type, data

REFUSED = {"response": {"uid": "1", "allowed": False, "status": {"message": "no", "code": 422}}}


def review(kind: str, obj: Any, operation: str = "CREATE") -> dict[str, Any]:
    return {"request": {"uid": "1", "kind": {"kind": kind}, "operation": operation, "object": obj}}


def broken() -> dict[str, Any]:
    spec = component_type({"id": "a", "template": data("${nope}")})
    return {"kind": "ComponentType", "metadata": {"name": "x"}, "spec": spec}


def test_a_refusal_names_reason_object_and_fields() -> None:
    answer = reviews.detailed(review("ComponentType", broken()), REFUSED)

    status = answer["response"]["status"]
    assert (status["message"], status["code"], status["reason"]) == ("no", 422, "Invalid")
    assert (status["details"]["kind"], status["details"]["name"]) == ("ComponentType", "x")
    (cause,) = status["details"]["causes"]
    assert cause["field"] == "spec.resources[1].template[data][a]"


def test_what_is_allowed_stays_as_it_is() -> None:
    allowed = {"response": {"uid": "1", "allowed": True}}

    assert reviews.detailed(review("ComponentType", broken()), allowed) == allowed


def test_refusals_that_are_not_ours_stay_as_they_are() -> None:
    fine = {"kind": "Pod", "metadata": {"name": "x"}}

    assert reviews.detailed(review("Pod", fine), REFUSED) == REFUSED
    assert reviews.detailed({"request": "nonsense"}, REFUSED) == REFUSED
    assert reviews.detailed({}, {}) == {}


def test_what_cannot_be_completed_says_so() -> None:
    spec = {"runTemplate": {"spec": 1}}
    obj = {"kind": "Workflow", "metadata": {"name": "x"}, "spec": spec}

    answer = reviews.detailed(review("Workflow", obj), REFUSED)

    assert answer["response"]["status"]["reason"] == "Forbidden"
