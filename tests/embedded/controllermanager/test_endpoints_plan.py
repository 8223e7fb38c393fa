"""Services to EndpointSlices and Endpoints."""

from __future__ import annotations

from typing import Any

from choreo_local.embedded.controllermanager import kinds
from choreo_local.embedded.controllermanager.endpoints_plan import Observed, plan
from choreo_local.embedded.controllermanager.plans import Plan, Verb, Write
from tests.embedded.controllermanager.builders import MOMENT, metadata, pod


def service(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": metadata("web", labels={"team": "a"}),
        "spec": {
            "clusterIP": "10.96.0.1",
            "selector": {"app": "web"},
            "ports": [{"name": "http", "port": 80, "targetPort": "web", "protocol": "TCP"}],
            **spec,
        },
    }


def member(name: str, *, port: int = 8080, **more: Any) -> dict[str, Any]:
    made = pod(name, **more)
    made["spec"]["containers"][0]["ports"] = [{"name": "web", "containerPort": port}]
    made["status"]["podIP"] = f"10.0.0.{len(name)}"
    return made


def look(obj: dict[str, Any], *pods: dict[str, Any], **more: Any) -> Plan:
    fields: dict[str, Any] = {"slices": (), "endpoints": None, "zones": {"node": ""}, **more}
    return plan(Observed(obj, pods, **fields))


def slices(made: Plan) -> list[Write]:
    return [write for write in made.writes if write.kind is kinds.ENDPOINT_SLICES]


def endpoints(made: Plan) -> dict[str, Any]:
    (write,) = [write for write in made.writes if write.kind is kinds.ENDPOINTS]
    return dict(write.obj)


def test_ready_pods_stand_behind_the_named_port() -> None:
    made = look(service(), member("a", ready=True), member("bb"))

    (write,) = slices(made)
    assert write.obj["metadata"]["generateName"] == "web-"
    assert write.obj["metadata"]["ownerReferences"][0]["uid"] == "uid-web"
    assert write.obj["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert write.obj["endpoints"][0] == {
        "addresses": ["10.0.0.1"],
        "conditions": {"ready": True, "serving": True, "terminating": False},
        "targetRef": {"kind": "Pod", "namespace": "default", "name": "a", "uid": "uid-a"},
        "nodeName": "node",
    }
    assert [each["conditions"]["ready"] for each in write.obj["endpoints"]] == [True, False]
    (subset,) = endpoints(made)["subsets"]
    assert [each["ip"] for each in subset["addresses"]] == ["10.0.0.1"]
    assert [each["ip"] for each in subset["notReadyAddresses"]] == ["10.0.0.2"]
    assert subset["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]


def test_ending_pod_is_listed_as_such_until_it_is_gone() -> None:
    made = look(service(), member("a", ready=True, deletionTimestamp=MOMENT))

    (write,) = slices(made)
    assert write.obj["endpoints"][0]["conditions"] == {
        "ready": False,
        "serving": True,
        "terminating": True,
    }
    assert "subsets" not in endpoints(made)


def test_pods_without_a_node_or_an_address_and_finished_ones_are_left_out() -> None:
    lost = member("a", ready=True)
    lost["spec"]["nodeName"] = "elsewhere"
    fresh = member("bb")
    del fresh["status"]["podIP"]

    (write,) = slices(look(service(), lost, fresh, member("ccc", phase="Succeeded")))

    assert (write.obj["endpoints"], write.obj["ports"]) == ([], [])


def test_pods_that_name_the_port_differently_get_slices_of_their_own() -> None:
    made = look(service(), member("a"), member("bb", port=9090))
    assert sorted(write.obj["ports"][0]["port"] for write in slices(made)) == [8080, 9090]


def test_headless_service_knows_the_host_names_of_its_pods() -> None:
    named = member("a", ready=True)
    named["spec"] |= {"hostname": "a", "subdomain": "web"}

    made = look(service(clusterIP="None", publishNotReadyAddresses=True), named, member("bb"))

    (write,) = slices(made)
    assert write.obj["endpoints"][0]["hostname"] == "a"
    assert [each["conditions"]["ready"] for each in write.obj["endpoints"]] == [True, True]
    assert write.obj["metadata"]["labels"]["service.kubernetes.io/headless"] == ""


def test_slice_is_reused_and_written_only_when_it_changes() -> None:
    first = look(service(), member("a", ready=True))
    slice_: dict[str, Any] = dict(slices(first)[0].obj)
    labels = slice_["metadata"]["labels"]
    slice_["metadata"] = {**slice_["metadata"], **metadata("web-x", labels=labels)}
    known = {"slices": [slice_], "endpoints": endpoints(first)}

    assert look(service(), member("a", ready=True), **known) == Plan()
    (changed,) = slices(look(service(), member("a"), **known))
    assert (changed.verb, changed.obj["metadata"]["name"]) == (Verb.UPDATE, "web-x")


def test_many_endpoints_are_spread_over_slices() -> None:
    pods = []
    for number in range(250):
        each = member(f"pod-{number}", ready=True)
        each["status"]["podIP"] = f"10.1.{number // 250}.{number % 250}"
        pods.append(each)
    sizes = [len(write.obj["endpoints"]) for write in slices(look(service(), *pods))]
    assert sizes == [100, 100, 50]
