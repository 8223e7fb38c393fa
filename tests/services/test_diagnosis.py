"""Why is it not ready: from objects to words."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.services.diagnosis import Evidence, diagnose
from tests.builders import component
from tests.services.objects import binding, crash, pod, rendered

_APPLIED = {
    "type": "ResourcesApplied",
    "status": "True",
    "reason": "ApplySucceeded",
    "message": "All resources applied successfully",
}


def _ready_component(**condition: str) -> dict[str, Any]:
    found = component()
    ready = {"type": "Ready", "status": "True", "reason": "ComponentReleaseReady", **condition}
    found["status"] = {"conditions": [ready]}
    return found


def _progressing() -> dict[str, Any]:
    return binding(ready="False", reason="ResourcesProgressing", message="Deployment progresses")


def _rendered(**condition: str) -> dict[str, Any]:
    found = rendered(ready=0)
    found["status"]["conditions"] = [{**_APPLIED, **condition}]
    return found


def _deployment(**status: Any) -> dict[str, Any]:
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "greeter", "namespace": "dp-dev", "uid": "uid-deployment"},
        "spec": {"replicas": 1},
        "status": status,
    }


def _replica_set() -> dict[str, Any]:
    owner = {"kind": "Deployment", "name": "greeter", "uid": "uid-deployment", "controller": True}
    return {
        "apiVersion": "apps/v1",
        "kind": "ReplicaSet",
        "metadata": {
            "name": "greeter-1",
            "namespace": "dp-dev",
            "uid": "uid-set",
            "ownerReferences": [owner],
        },
    }


def _event(reason: str, message: str, uid: str) -> dict[str, Any]:
    return {
        "metadata": {"name": "e"},
        "type": "Warning",
        "reason": reason,
        "message": message,
        "involvedObject": {"uid": uid},
    }


def _evidence(**parts: Any) -> Evidence:
    defaults = {
        "environment": "development",
        "component": _ready_component(),
        "binding": _progressing(),
        "rendered": _rendered(),
        "objects": [_deployment()],
        "replica_sets": [_replica_set()],
    }
    return Evidence(**(defaults | parts))


def test_a_component_without_a_workload_is_the_first_cause() -> None:
    broken = _ready_component(status="False", reason="WorkloadNotFound", message="no Workload")
    found = diagnose(_evidence(component=broken, binding=None, rendered=None, objects=()))
    assert found.ready is False
    assert found.summary == "no Workload"
    assert found.fix == "Apply a Workload whose spec.owner.componentName is greeter"
    assert [step.object for step in found.steps] == ["Component/default/greeter"]


def test_a_component_that_was_never_deployed_says_how_to_deploy() -> None:
    found = diagnose(_evidence(binding=None, rendered=None, objects=()))
    assert found.summary == "greeter is not deployed in development"
    assert found.fix == "Bring it there: choreo promote greeter --to development"


@pytest.mark.parametrize(
    ("reason", "message", "fix"),
    [
        ("RenderingFailed", "no such parameter", "choreo diff greeter --to development"),
        ("ComponentReleaseNotFound", "not found", "choreo get componentreleases"),
        ("EnvironmentNotFound", "not found", "Create the environment development"),
    ],
)
def test_a_release_that_does_not_reach_its_plane_is_the_cause(
    reason: str, message: str, fix: str
) -> None:
    failing = binding(ready="False", reason=reason, message=message)
    found = diagnose(_evidence(binding=failing, rendered=None, objects=()))
    assert found.summary == message
    assert fix in found.fix
    assert found.steps[-1].object == "ReleaseBinding/default/greeter-development"


def test_awaited_connections_are_named_one_by_one() -> None:
    pending = [
        {"component": "api", "endpoint": "http", "reason": "component is undeployed"},
        {"component": "db", "endpoint": "tcp", "reason": "not yet resolved"},
    ]
    waiting = binding(
        ready="False", reason="ConnectionsPending", status={"pendingConnections": pending}
    )
    found = diagnose(_evidence(binding=waiting))
    assert found.summary == (
        "waits for api/http: component is undeployed; db/tcp: not yet resolved"
    )


def test_what_the_plane_refuses_is_the_cause() -> None:
    refused = _rendered(status="False", reason="ApplyFailed", message="spec.replicas: Invalid")
    found = diagnose(_evidence(rendered=refused, objects=()))
    assert found.summary == "spec.replicas: Invalid"
    assert found.steps[-1].object == "RenderedRelease/default/greeter-development"


def test_a_crash_ends_the_walk_with_the_log() -> None:
    found = diagnose(
        _evidence(
            pods=[pod(container=crash())],
            log_tails={("greeter-abc", "main"): ["starting", "no DATABASE_URL"]},
        )
    )
    assert found.summary == 'CrashLoopBackOff: exit 1, "no DATABASE_URL"'
    assert [step.object for step in found.steps] == [
        "Component/default/greeter",
        "ReleaseBinding/default/greeter-development",
        "RenderedRelease/default/greeter-development",
        "Deployment/dp-dev/greeter",
        "Pod/dp-dev/greeter-abc/main",
        "Log of Pod/dp-dev/greeter-abc/main",
    ]
    assert found.steps[-1].message == "starting\nno DATABASE_URL"
    assert "choreo logs greeter --env development --previous" in found.fix


def test_an_image_that_cannot_be_had_names_the_field() -> None:
    waiting = {"state": {"waiting": {"reason": "ImagePullBackOff", "message": "no such image"}}}
    found = diagnose(_evidence(pods=[pod(phase="Pending", container=waiting)]))
    assert found.summary == "ImagePullBackOff: no such image"
    assert "spec.container.image" in found.fix


def test_a_probe_that_fails_is_told_by_its_event() -> None:
    unready = {"ready": False, "state": {"running": {}}}
    found = diagnose(
        _evidence(
            pods=[pod(container=unready)],
            events=[_event("Unhealthy", "Readiness probe failed: refused", "uid-greeter-abc")],
        )
    )
    assert found.summary == "Readiness probe failed: refused"
    assert "port of the probe" in found.fix


def test_pods_that_cannot_be_created_are_told_by_their_owner() -> None:
    found = diagnose(_evidence(events=[_event("FailedCreate", "exceeded quota", "uid-set")]))
    assert found.summary == "exceeded quota"
    assert found.steps[-1].object == "ReplicaSet/dp-dev/greeter-1"


def test_an_unreachable_plane_is_said_instead_of_guessed() -> None:
    found = diagnose(_evidence(objects=(), unreachable="no agent of that plane is connected"))
    assert found.summary == "no agent of that plane is connected"
    assert found.fix == "See which planes are connected: choreo status"


def test_what_is_only_slow_is_not_blamed() -> None:
    found = diagnose(_evidence(pods=[pod(container={"ready": False, "state": {"running": {}}})]))
    assert (found.ready, found.summary) == (
        False,
        "greeter is on its way in development: Deployment progresses",
    )
    assert found.fix == "Wait, and ask again: choreo why greeter --env development"


def test_what_is_ready_needs_nothing() -> None:
    running = pod(conditions=[{"type": "Ready", "status": "True"}])
    found = diagnose(_evidence(binding=binding(), pods=[running]))
    assert (found.ready, found.summary, found.fix) == (
        True,
        "greeter is ready in development, 1 of 1 pods ready",
        "There is nothing to do",
    )


def _route(*found: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "greeter", "namespace": "dp-dev", "generation": 2},
        "status": {"parents": [{"conditions": list(found)}]},
    }


def _said(type_: str, status: str, message: str = "", generation: int = 2) -> dict[str, Any]:
    return {
        "type": type_,
        "status": status,
        "reason": f"{type_}Reason",
        "message": message,
        "observedGeneration": generation,
    }


_SERVED = (_said("Accepted", "True"), _said("ResolvedRefs", "True"))

CLOSED: list[tuple[dict[str, Any], str, str]] = [
    (_route(_said("Accepted", "False", "no such listener")), "no such listener", "the route"),
    (
        _route(_said("Accepted", "True"), _said("ResolvedRefs", "False", "no such Service")),
        "no such Service",
        "what the route sends requests to",
    ),
    (_route(*_SERVED, _said("PartiallyInvalid", "True", "Dropped Rule")), "Dropped Rule", "route"),
]


@pytest.mark.parametrize(("route", "words", "fix"), CLOSED)
def test_a_route_that_is_not_served_is_the_cause_though_pods_run(
    route: dict[str, Any], words: str, fix: str
) -> None:
    running = pod(conditions=[{"type": "Ready", "status": "True"}])
    found = diagnose(_evidence(binding=binding(), pods=[running], routes=[route]))
    assert not found.ready
    assert found.summary.startswith(f"HTTPRoute/dp-dev/greeter: {words}")
    assert fix in found.fix


def test_a_policy_that_closes_its_routes_is_the_cause() -> None:
    conditions = [_said("Accepted", "False", 'field "extAuth" is not carried out here')]
    policy = {
        "kind": "TrafficPolicy",
        "metadata": {"name": "auth", "namespace": "dp-dev", "generation": 2},
        "status": {"ancestors": [{"conditions": conditions}]},
    }
    found = diagnose(_evidence(binding=binding(), routes=[_route(*_SERVED)], policies=[policy]))
    assert not found.ready
    assert found.steps[-2].state == "served"
    assert found.summary == ('TrafficPolicy/dp-dev/auth: field "extAuth" is not carried out here')
    assert found.fix.startswith("Correct the policy")


def test_a_route_that_no_gateway_has_taken_is_told() -> None:
    found = diagnose(_evidence(binding=binding(), routes=[_route() | {"status": {}}]))
    assert found.ready
    assert (found.steps[-1].object, found.steps[-1].state) == (
        "HTTPRoute/dp-dev/greeter",
        "not attached",
    )


def test_what_was_said_of_an_older_route_is_not_held_against_it() -> None:
    old = _route(_said("Accepted", "False", "bad", generation=1))
    assert diagnose(_evidence(binding=binding(), routes=[old])).ready
