"""Claims and volumes, disruption budgets, quotas and autoscalers, as one look decides them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

import pytest

from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.controllermanager import (
    autoscaler_plan,
    disruption,
    kinds,
    resourcequota,
    volumes_plan,
)
from choreo_local.embedded.controllermanager.autoscaler_limits import Scaling
from choreo_local.embedded.controllermanager.autoscaler_plan import Recommendation
from choreo_local.embedded.controllermanager.autoscaler_usage import MetricError
from choreo_local.embedded.controllermanager.plans import Plan, Verb
from choreo_local.embedded.controllermanager.volumes_plan import ClaimObserved
from tests.embedded.controllermanager.builders import MOMENT, NOW, metadata, pod


def claim(storage: str = "1Gi", *, class_: str | None = "slow", **spec: Any) -> dict[str, Any]:
    made: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": storage}},
        **spec,
    }
    if class_ is not None:
        made["storageClassName"] = class_
    return {"metadata": metadata("data"), "spec": made, "status": {"phase": "Pending"}}


def volume(name: str, storage: str, **spec: Any) -> dict[str, Any]:
    made = {
        "capacity": {"storage": storage},
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "slow",
        **spec,
    }
    return {"metadata": metadata(name), "spec": made, "status": {}}


def storage_class(provisioner: str = "choreo.dev/local", **more: Any) -> dict[str, Any]:
    return {"metadata": metadata("slow"), "provisioner": provisioner, **more}


def look(obj: dict[str, Any], **more: Any) -> Plan:
    fields: dict[str, Any] = {
        "volume": None,
        "volumes": [],
        "classes": {},
        "users": [],
        "folder": "/volumes",
        **more,
    }
    return volumes_plan.claim_plan(ClaimObserved(obj, **fields))


def test_claim_without_a_class_or_volume_says_what_is_missing() -> None:
    (missing,) = look(claim()).notes
    assert (missing.reason, missing.warning) == ("ProvisioningFailed", True)
    assert missing.message == 'storageclass.storage.k8s.io "slow" not found'
    (none,) = look(claim(class_=None)).notes
    assert none.reason == "FailedBinding"
    (waiting,) = look(
        claim(), classes={"slow": storage_class(volumeBindingMode="WaitForFirstConsumer")}
    ).notes
    assert waiting.message == "waiting for first consumer to be created before binding"


def test_smallest_fitting_volume_is_bound() -> None:
    found = [
        volume("small", "500Mi"),
        volume("large", "10Gi"),
        volume("right", "2Gi"),
        volume("other", "1Gi", storageClassName="fast"),
        volume("taken", "1Gi", claimRef={"namespace": "x", "name": "y", "uid": "z"}),
    ]

    made = look(claim(), volumes=found)

    assert [write.obj["metadata"]["name"] for write in made.writes] == ["right", "data"]
    assert made.writes[0].obj["spec"]["claimRef"]["uid"] == "uid-data"
    assert made.writes[1].obj["spec"]["volumeName"] == "right"


def test_local_class_makes_a_volume_on_demand() -> None:
    made = look(claim("3Gi"), classes={"slow": storage_class(reclaimPolicy="Retain")})

    (write,) = made.writes
    assert write.verb is Verb.CREATE
    assert write.obj["metadata"]["name"] == "pvc-uid-data"
    assert write.obj["spec"]["hostPath"]["path"] == "/volumes/uid-data"
    assert write.obj["spec"]["capacity"] == {"storage": "3Gi"}
    assert write.obj["spec"]["persistentVolumeReclaimPolicy"] == "Retain"


def test_bound_claim_shows_its_capacity_and_a_lost_one_its_loss() -> None:
    bound = claim(volumeName="v")
    holder = {"namespace": "default", "name": "data", "uid": "uid-data"}
    (write,) = look(bound, volume=volume("v", "2Gi", claimRef=holder)).writes
    assert write.obj["status"]["phase"] == "Bound"
    assert write.obj["status"]["capacity"] == {"storage": "2Gi"}
    settled = {**bound, "status": write.obj["status"]}
    assert look(settled, volume=volume("v", "2Gi", claimRef=holder)) == Plan()
    lost = look(settled)
    assert lost.notes[0].reason == "ClaimLost"


def test_claim_in_use_is_protected_until_its_pods_have_ended() -> None:
    ending = claim()
    ending["metadata"] |= {
        "deletionTimestamp": MOMENT,
        "finalizers": [volumes_plan.CLAIM_PROTECTION],
    }
    assert look(ending, users=[pod("user")]) == Plan()
    (write,) = look(ending, users=[pod("user", phase="Succeeded")]).writes
    assert write.patch == {"metadata": {"uid": "uid-data", "finalizers": None}}


def test_volume_of_a_deleted_claim_is_deleted_or_released() -> None:
    holder = {"namespace": "default", "name": "data", "uid": "uid-data"}
    gone = volume("v", "1Gi", claimRef=holder, persistentVolumeReclaimPolicy="Delete")
    assert volumes_plan.volume_plan(gone, None).writes[0].verb is Verb.DELETE
    kept = volume("v", "1Gi", claimRef=holder, persistentVolumeReclaimPolicy="Retain")
    assert volumes_plan.volume_plan(kept, None).writes[0].obj["status"]["phase"] == "Released"
    assert volumes_plan.volume_plan(kept, claim()).writes[0].obj["status"]["phase"] == "Bound"
    free = volume("v", "1Gi")
    assert volumes_plan.volume_plan(free, None).writes[0].obj["status"]["phase"] == "Available"


def budget_status(spec: dict[str, Any], *pods: dict[str, Any], expected: int = 3) -> Any:
    budget = {"metadata": metadata("b"), "spec": spec}
    observed = disruption.Observed(budget, pods, expected, NOW)
    return disruption.plan(observed).writes[0].obj["status"]


@pytest.mark.parametrize(
    ("spec", "allowed"),
    [
        ({"minAvailable": 2}, 1),
        ({"minAvailable": "50%"}, 1),
        ({"maxUnavailable": 1}, 1),
        ({"maxUnavailable": 0}, 0),
        ({"minAvailable": 4}, 0),
    ],
)
def test_budget_allows_what_leaves_enough_pods(spec: dict[str, Any], allowed: int) -> None:
    pods = [pod(name, ready=True) for name in ("a", "b", "c")]
    status = budget_status(spec, *pods)
    assert status["disruptionsAllowed"] == allowed
    assert (status["currentHealthy"], status["expectedPods"]) == (3, 3)
    reason = "SufficientPods" if allowed else "InsufficientPods"
    assert status["conditions"][0]["reason"] == reason


def test_pods_that_are_being_evicted_do_not_count() -> None:
    budget = {
        "metadata": metadata("b"),
        "spec": {"minAvailable": 1},
        "status": {"disruptedPods": {"a": MOMENT, "gone": MOMENT}},
    }
    observed = disruption.Observed(budget, [pod("a", ready=True), pod("b", ready=True)], 2, NOW)
    made = disruption.plan(observed)
    status = made.writes[0].obj["status"]
    assert (status["disruptedPods"], status["disruptionsAllowed"]) == ({"a": MOMENT}, 0)
    assert made.look_again == 120


def test_quota_sums_what_is_used() -> None:
    running = pod("a")
    running["spec"]["containers"][0]["resources"] = {
        "requests": {"cpu": "250m", "memory": "64Mi"},
        "limits": {"cpu": "1"},
    }
    objects: Mapping[ResourceKind, list[dict[str, Any]]] = {
        kinds.PODS: [running, pod("b"), pod("c", phase="Succeeded")],
        kinds.CONFIG_MAPS: [{}, {}],
        kinds.DEPLOYMENTS: [{}],
    }
    hard = {
        "pods": "5",
        "configmaps": "10",
        "requests.cpu": "2",
        "cpu": "2",
        "memory": "1Gi",
        "limits.cpu": "4",
        "count/deployments.apps": "3",
        "example.com/unknown.thing": "1",
    }
    quota = {"metadata": metadata("q"), "spec": {"hard": hard}}

    (write,) = resourcequota.plan(quota, lambda kind: objects.get(kind, [])).writes

    assert write.obj["status"]["used"] == {
        "pods": "2",
        "configmaps": "2",
        "requests.cpu": "250m",
        "cpu": "250m",
        "memory": "64Mi",
        "limits.cpu": "1",
        "count/deployments.apps": "1",
    }
    settled = {**quota, "status": write.obj["status"]}
    assert resourcequota.plan(settled, lambda kind: objects.get(kind, [])) == Plan()


def test_scoped_quota_counts_only_pods_of_its_scope() -> None:
    quota = {"metadata": metadata("q"), "spec": {"hard": {"pods": "1"}, "scopes": ["BestEffort"]}}
    asking = pod("a")
    asking["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "1"}}
    found = [asking, pod("b")]
    (write,) = resourcequota.plan(quota, lambda kind: found if kind is kinds.PODS else []).writes
    assert write.obj["status"]["used"] == {"pods": "1"}


def autoscaler(**spec: Any) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": 50}
    return {
        "metadata": metadata("a"),
        "spec": {
            "minReplicas": 1,
            "maxReplicas": 5,
            "metrics": [{"type": "Resource", "resource": {"name": "cpu", "target": target}}],
            **spec,
        },
    }


def decide(used: str, *, current: int = 2, **more: Any) -> autoscaler_plan.Decision:
    pods = []
    for number in range(current):
        each = pod(f"p{number}", ready=True)
        each["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
        pods.append(each)
    usage = {each["metadata"]["name"]: {"c": {"cpu": used}} for each in pods}
    fields: dict[str, Any] = {"autoscaler": autoscaler(), "history": (), **more}
    return autoscaler_plan.decide(
        autoscaler_plan.Observed(current=current, pods=pods, usage=usage, now=NOW, **fields)
    )


def test_size_follows_the_usage_within_the_limits() -> None:
    assert decide("52m").size == 2
    assert decide("100m").size == 4
    busy = decide("900m")
    assert busy.size == 5
    limited = {each["type"]: each["reason"] for each in busy.status["conditions"]}
    assert limited == {
        "AbleToScale": "SucceededRescale",
        "ScalingActive": "ValidMetricFound",
        "ScalingLimited": "TooManyReplicas",
    }
    current = busy.status["currentMetrics"][0]["resource"]["current"]
    assert current == {"averageUtilization": 900, "averageValue": "900m"}


def test_shrinking_waits_for_the_window() -> None:
    recent = [Recommendation(NOW - timedelta(minutes=1), 4)]
    assert decide("10m", current=4, history=recent).size == 4
    old = [Recommendation(NOW - timedelta(minutes=6), 4)]
    assert decide("10m", current=4, history=old).size == 1


def test_missing_metrics_or_requests_are_named() -> None:
    with pytest.raises(MetricError, match="no metrics returned from resource metrics API"):
        autoscaler_plan.decide(autoscaler_plan.Observed(autoscaler(), 2, [], {}, (), NOW))
    unready = {"p0": {"c": {"cpu": "1m"}}}
    with pytest.raises(MetricError, match="pods might be unready"):
        autoscaler_plan.decide(
            autoscaler_plan.Observed(autoscaler(), 1, [pod("p0")], unready, (), NOW)
        )
    bare = pod("p0", ready=True)
    with pytest.raises(MetricError, match="missing request for cpu in container c of Pod p0"):
        autoscaler_plan.decide(
            autoscaler_plan.Observed(autoscaler(), 1, [bare], {"p0": {"c": {"cpu": "1m"}}}, (), NOW)
        )


def test_target_of_size_zero_is_left_alone() -> None:
    assert decide("1m", current=0).status["conditions"][0]["reason"] == "ScalingDisabled"


def rate(**behavior: Any) -> dict[str, Any]:
    for rules in behavior.values():
        rules.setdefault("selectPolicy", "Max")
    return autoscaler(maxReplicas=100, behavior=behavior)


def limits_of(decision: autoscaler_plan.Decision) -> str:
    reasons = {each["type"]: each["reason"] for each in decision.status["conditions"]}
    return str(reasons["ScalingLimited"])


def test_without_a_behavior_the_size_doubles_or_grows_by_four() -> None:
    assert decide("900m", autoscaler=rate()).size == 6
    many = decide("900m", current=10, autoscaler=rate())
    assert (many.size, limits_of(many)) == (20, "ScaleUpLimit")


def test_growing_obeys_the_policies() -> None:
    one = {"type": "Pods", "value": 1, "periodSeconds": 60}
    half = {"type": "Percent", "value": 50, "periodSeconds": 60}
    assert decide("900m", current=4, autoscaler=rate(scaleUp={"policies": [one]})).size == 5
    both = {"policies": [one, half]}
    assert decide("900m", current=4, autoscaler=rate(scaleUp=both)).size == 6
    least = {**both, "selectPolicy": "Min"}
    assert decide("900m", current=4, autoscaler=rate(scaleUp=least)).size == 5
    none = {**both, "selectPolicy": "Disabled"}
    assert decide("900m", current=4, autoscaler=rate(scaleUp=none)).size == 4


def test_what_was_changed_within_the_period_counts() -> None:
    rules = {"policies": [{"type": "Pods", "value": 3, "periodSeconds": 60}]}
    recent = [Scaling(NOW - timedelta(seconds=30), 2), Scaling(NOW - timedelta(seconds=90), 9)]
    found = decide("900m", current=4, autoscaler=rate(scaleUp=rules), scalings=recent)
    assert (found.size, limits_of(found)) == (5, "ScaleUpLimit")


def test_shrinking_obeys_the_policies() -> None:
    rules = {
        "stabilizationWindowSeconds": 0,
        "policies": [
            {"type": "Pods", "value": 1, "periodSeconds": 60},
            {"type": "Percent", "value": 40, "periodSeconds": 60},
        ],
    }
    found = decide("1m", current=10, autoscaler=rate(scaleDown=rules))
    assert (found.size, limits_of(found)) == (6, "ScaleDownLimit")
    slow = {**rules, "selectPolicy": "Min"}
    assert decide("1m", current=10, autoscaler=rate(scaleDown=slow)).size == 9


def test_a_size_out_of_bounds_returns_at_once() -> None:
    rules = {"policies": [{"type": "Pods", "value": 1, "periodSeconds": 60}]}
    target = autoscaler(behavior={"scaleDown": rules})
    assert decide("50m", current=9, autoscaler=target).size == 5


def decide_beside(used: str, other: dict[str, Any], *, known: bool) -> int:
    """The size for two Pods of a known usage and a third one."""
    pods = [pod(f"p{number}", ready=True) for number in range(2)] + [other]
    for each in pods:
        each["spec"]["containers"][0]["resources"] = {"requests": {"cpu": "100m"}}
    usage = {each["metadata"]["name"]: {"c": {"cpu": used}} for each in pods[: 3 if known else 2]}
    return autoscaler_plan.decide(
        autoscaler_plan.Observed(
            autoscaler(maxReplicas=20), current=3, pods=pods, usage=usage, history=(), now=NOW
        )
    ).size


def test_pods_without_metrics_speak_against_the_change() -> None:
    lost = pod("p2", ready=True)
    # Two use 75 % of what they asked for; the third may use nothing, then 50 % is the average.
    assert decide_beside("75m", lost, known=False) == 3
    assert decide_beside("150m", lost, known=False) == 6
    # Two use 20 %; the third may use all of its own, so the average is close to the target.
    assert decide_beside("20m", lost, known=False) == 3


def test_pods_that_are_starting_do_not_make_the_size_grow() -> None:
    starting = pod("p2", phase="Pending")
    assert decide_beside("75m", starting, known=False) == 3
    young = pod("p2", ready=False)
    young["status"]["startTime"] = "2029-12-31T23:59:00Z"
    assert decide_beside("75m", young, known=True) == 3


def bound(requested: str, *, has: str, conditions: Sequence[dict[str, Any]] = ()) -> dict[str, Any]:
    made = claim(requested, volumeName="v")
    made["status"] = {"phase": "Bound", "capacity": {"storage": has}}
    if conditions:
        made["status"]["conditions"] = list(conditions)
    return made


def bound_volume(storage: str, provisioner: str = "choreo.dev/local") -> dict[str, Any]:
    made = volume(
        "v", storage, claimRef={"namespace": "default", "name": "data", "uid": "uid-data"}
    )
    made["metadata"]["annotations"] = {"pv.kubernetes.io/provisioned-by": provisioner}
    return made


def test_a_local_volume_grows_in_the_steps_of_others() -> None:
    (started,) = look(bound("2Gi", has="1Gi"), volume=bound_volume("1Gi")).writes
    (condition,) = started.obj["status"]["conditions"]
    assert (condition["type"], condition["status"]) == ("Resizing", "True")

    growing = bound("2Gi", has="1Gi", conditions=[condition])
    (grown,) = look(growing, volume=bound_volume("1Gi")).writes
    assert grown.obj["spec"]["capacity"] == {"storage": "2Gi"}

    plan = look(growing, volume=bound_volume("2Gi"))
    assert plan.writes[0].obj["status"] == {
        "phase": "Bound",
        "capacity": {"storage": "2Gi"},
        "conditions": [],
    }
    assert [note.reason for note in plan.notes] == ["VolumeResizeSuccessful"]


def test_other_volumes_wait_for_their_driver() -> None:
    plan = look(bound("2Gi", has="1Gi"), volume=bound_volume("1Gi", "csi.test"))

    assert not plan.writes
    assert [note.reason for note in plan.notes] == ["ExternalExpanding"]
