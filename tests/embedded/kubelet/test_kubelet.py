"""Pods from the kube API to processes and back."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.nodes import LogOptions
from choreo_local.embedded.kubelet import kinds, kubelet, leftovers, sources
from choreo_local.embedded.kubelet.runtime import PodRequest
from choreo_local.embedded.kubelet.simulated import SimulatedRuntime
from choreo_local.errors import BadRequestError, InternalError, NotFoundError, UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.kubeclient.interfaces import PatchType
from choreo_local.kubeclient.transport import Response
from tests.embedded.kubelet.livenode import (
    IMAGE,
    LiveNode,
    condition,
    is_ready,
    live_node,
    main_status,
    phase,
    waiting,
)
from tests.embedded.kubelet.processes import Caller, Streams, until


@pytest.fixture
async def node(tmp_path: Path) -> AsyncIterator[LiveNode]:
    async with live_node(tmp_path) as found:
        await found.start()
        yield found


def restarts(pod: dict[str, Any]) -> int:
    return int(main_status(pod).get("restartCount", 0))


async def log(node: LiveNode, name: str = "p", container: str = "main", **query: str) -> str:
    answer = await node.client.transport.request(
        "GET",
        kinds.PODS.path("default", name, "log"),
        query={"container": container, **query},
    )
    assert answer.status == 200, answer.body
    return answer.body.decode()


async def test_a_pod_runs_and_is_ready(node: LiveNode) -> None:
    await node.run("print:hello", "sleep")
    pod = await node.until(is_ready)
    status = pod["status"]
    assert (status["phase"], status["hostIP"]) == ("Running", "127.0.0.1")
    assert status["podIP"].startswith("127.")
    assert main_status(pod)["containerID"].startswith("process://")
    assert main_status(pod)["imageID"].startswith("host-image/tester@sha256:")
    await node.until_event("Started")
    assert [reason for _, reason, _ in await node.events()] == ["Pulled", "Created", "Started"]
    await until_log(node, "hello\n")


async def test_a_pod_that_ends_well_has_succeeded(node: LiveNode) -> None:
    await node.run("print:done", restartPolicy="Never")
    pod = await node.until(phase("Succeeded"))
    assert main_status(pod)["state"]["terminated"]["reason"] == "Completed"
    assert condition(pod, "Ready") == "False"
    assert await log(node) == "done\n"


async def test_a_pod_that_fails_has_failed(node: LiveNode) -> None:
    await node.run("exit:3", restartPolicy="Never")
    pod = await node.until(phase("Failed"))
    assert main_status(pod)["state"]["terminated"]["exitCode"] == 3


async def test_last_words_are_in_the_status(node: LiveNode) -> None:
    await node.run("write:/dev/termination-log=no DATABASE_URL", "exit:1", restartPolicy="Never")
    pod = await node.until(phase("Failed"))
    assert main_status(pod)["state"]["terminated"]["message"] == "no DATABASE_URL"


async def test_a_crashing_container_backs_off(node: LiveNode) -> None:
    await node.run("print:attempt", "exit:1")
    pod = await node.until(lambda pod: waiting("CrashLoopBackOff")(pod) and restarts(pod) >= 2)
    status = main_status(pod)
    uid = pod["metadata"]["uid"]
    assert status["state"]["waiting"]["message"] == (
        f"back-off 200ms restarting failed container=main pod=p_default({uid})"
    )
    assert status["lastState"]["terminated"]["exitCode"] == 1
    assert pod["status"]["phase"] == "Running"
    message = await node.until_event("BackOff")
    assert message == f"Back-off restarting failed container main in pod p_default({uid})"
    assert await log(node, previous="true") == "attempt\n"


async def test_a_container_recovers_after_failures(node: LiveNode) -> None:
    await node.run("fail-until:/data/tries=2", "sleep", container=mounting("/data"), volumes=[DATA])
    pod = await node.until(lambda pod: is_ready(pod) and restarts(pod) == 2)
    assert main_status(pod)["lastState"]["terminated"]["exitCode"] == 1


DATA = {"name": "data", "emptyDir": {}}


def mounting(path: str, **more: Any) -> dict[str, Any]:
    return {"volumeMounts": [{"name": "data", "mountPath": path, **more}]}


async def test_a_command_that_does_not_exist_is_reported(node: LiveNode) -> None:
    await node.run(container={"command": ["no-such-thing"]})
    pod = await node.until(waiting("CrashLoopBackOff"))
    ended = main_status(pod)["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (128, "StartError")
    assert '"no-such-thing": executable file not found' in ended["message"]


async def test_an_image_nobody_answers_for_is_reported(node: LiveNode) -> None:
    await node.run(container={"image": "nginx:1.25"})
    pod = await node.until(waiting("ImagePullBackOff"))
    message = main_status(pod)["state"]["waiting"]["message"]
    assert message.startswith('Back-off pulling image "nginx:1.25": ErrImagePull: ')
    assert "runs host images only" in message
    assert pod["status"]["phase"] == "Pending"
    reasons = [reason for _, reason, _ in await node.events()]
    assert reasons[:3] == ["Pulling", "Failed", "Failed"]


async def test_an_image_that_must_not_be_pulled_is_reported(node: LiveNode) -> None:
    await node.run(container={"image": "nginx:1.25", "imagePullPolicy": "Never"})
    await node.until(waiting("ErrImageNeverPull"))


async def test_a_malformed_image_name_is_reported(node: LiveNode) -> None:
    await node.run(container={"image": "Not An Image"})
    await node.until(waiting("InvalidImageName"))


async def test_missing_configuration_is_reported_and_waited_for(node: LiveNode) -> None:
    source = {"configMapKeyRef": {"name": "settings", "key": "colour"}}
    variables = {"env": [{"name": "COLOUR", "valueFrom": source}]}
    await node.run("env:COLOUR", "sleep", container=variables)
    pod = await node.until(waiting("CreateContainerConfigError"))
    assert main_status(pod)["state"]["waiting"]["message"] == 'configmap "settings" not found'
    await node.create(kinds.CONFIG_MAPS, "settings", data={"colour": "green"})
    await node.until(is_ready)
    await until_log(node, "COLOUR=green\n")


async def until_log(node: LiveNode, text: str, **query: str) -> None:
    await node.settled(lambda: log(node, **query), text)


async def test_variables_come_from_everywhere(node: LiveNode) -> None:
    token = base64.b64encode(b"t0p").decode()
    await node.create(kinds.SECRETS, "login", data={"token": token})
    await node.create(kinds.CONFIG_MAPS, "settings", data={"colour": "green"})
    ports = [{"port": 80}]
    await node.create(kinds.SERVICES, "greeter", spec={"ports": ports, "selector": {"a": "b"}})
    names = ["TOKEN", "S_colour", "POD", "GREETER_SERVICE_PORT", "JOINED"]
    entries = [
        {"name": "TOKEN", "valueFrom": {"secretKeyRef": {"name": "login", "key": "token"}}},
        {"name": "POD", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "JOINED", "value": "$(POD)/$(S_colour)"},
    ]
    container = {
        "env": entries,
        "envFrom": [{"prefix": "S_", "configMapRef": {"name": "settings"}}],
        "args": [*(f"env:{name}" for name in names), "print:$(JOINED)", "sleep"],
    }
    await node.run(container=container)
    await node.until(is_ready)
    expected = (
        "TOKEN=t0p\nS_colour=green\nPOD=p\nGREETER_SERVICE_PORT=80\nJOINED=p/green\np/green\n"
    )
    await until_log(node, expected)


async def test_volumes_follow_their_objects(node: LiveNode) -> None:
    await node.create(kinds.CONFIG_MAPS, "settings", data={"colour": "green"})
    volume = {"name": "data", "configMap": {"name": "settings"}}
    await node.run(
        "cat:/etc/config/colour", "sleep", container=mounting("/etc/config"), volumes=[volume]
    )
    await node.until(is_ready)
    await until_log(node, "green\n")
    change = {"data": {"colour": "blue"}}
    await node.client.patch(kinds.CONFIG_MAPS, "settings", change, "default")
    await node.settled(lambda: exec_(node, "cat:/etc/config/colour"), "blue\n")


async def exec_(node: LiveNode, *arguments: str, name: str = "p") -> str:
    caller = Caller()
    address = Address("default", name, "", "main")
    code = await node.running.connection.exec(address, ["tester", *arguments], caller, Streams())
    assert code == 0, caller.err
    return caller.out.decode()


class Address:
    """Names a container."""

    def __init__(self, namespace: str, pod: str, uid: str, container: str) -> None:
        self.namespace = namespace
        self.pod = pod
        self.uid = uid
        self.container = container


async def test_labels_in_files_follow_the_pod(node: LiveNode) -> None:
    items = [{"path": "labels", "fieldRef": {"fieldPath": "metadata.labels"}}]
    volume = {"name": "data", "downwardAPI": {"items": items}}
    metadata = {"labels": {"app": "greeter"}}
    await node.run("sleep", container=mounting("/pod"), volumes=[volume], metadata=metadata)
    await node.until(is_ready)
    assert await exec_(node, "cat:/pod/labels") == 'app="greeter"\n'
    await node.client.patch(kinds.PODS, "p", {"metadata": {"labels": {"app": "web"}}}, "default")
    await node.settled(lambda: exec_(node, "cat:/pod/labels"), 'app="web"\n')


async def test_a_volume_that_cannot_be_mounted_is_reported_and_waited_for(node: LiveNode) -> None:
    volume = {"name": "data", "secret": {"secretName": "login"}}
    await node.run("sleep", container=mounting("/s"), volumes=[volume])
    message = await node.until_event("FailedMount")
    assert message == 'MountVolume.SetUp failed for volume "data" : secret "login" not found'
    pod = await node.until(waiting("ContainerCreating"))
    assert pod["status"]["phase"] == "Pending"
    await node.create(kinds.SECRETS, "login", data={})
    await node.until(is_ready)


async def test_a_token_of_the_service_account_is_mounted(node: LiveNode) -> None:
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}
    volume = {"name": "data", "projected": {"sources": [source]}}
    await node.run("sleep", container=mounting("/token"), volumes=[volume])
    await node.until(is_ready)
    token = (await exec_(node, "cat:/token/token")).strip()
    review = {
        "apiVersion": "authentication.k8s.io/v1",
        "kind": "TokenReview",
        "metadata": {},
        "spec": {"token": token},
    }
    answer = await node.client.request_json(
        "POST", "/apis/authentication.k8s.io/v1/tokenreviews", body=review
    )
    assert answer["status"]["user"]["username"] == "system:serviceaccount:default:default"


async def test_a_token_is_renewed_before_it_ends(
    node: LiveNode, monkeypatch: pytest.MonkeyPatch
) -> None:
    # After half a second of ten minutes.
    monkeypatch.setattr(sources, "_USED_PART", 0.5 / 600)
    source = {"serviceAccountToken": {"path": "token", "expirationSeconds": 600}}
    volume = {"name": "data", "projected": {"sources": [source]}}
    await node.run("sleep", container=mounting("/token"), volumes=[volume])
    await node.until(is_ready)
    first = await exec_(node, "cat:/token/token")
    now = first
    async with asyncio.timeout(60):
        while now == first:
            now = await exec_(node, "cat:/token/token")


async def test_init_containers_come_first(node: LiveNode) -> None:
    steps = [
        {"name": name, "image": IMAGE, "args": [f"write:/data/{name}=x"], **mounting("/data")}
        for name in ("one", "two")
    ]
    main = {"name": "main", "image": IMAGE, "args": ["ls:/data", "sleep"], **mounting("/data")}
    await node.pod(initContainers=steps, containers=[main], volumes=[DATA])
    pod = await node.until(is_ready)
    assert [each["ready"] for each in pod["status"]["initContainerStatuses"]] == [True, True]
    await until_log(node, "one two\n")


async def test_a_failing_init_container_ends_a_pod_that_never_restarts(node: LiveNode) -> None:
    step = {"name": "one", "image": IMAGE, "args": ["exit:2"]}
    main = {"name": "main", "image": IMAGE, "args": ["print:never"]}
    await node.pod(initContainers=[step], containers=[main], restartPolicy="Never")
    pod = await node.until(phase("Failed"))
    assert main_status(pod)["state"] == {"waiting": {"reason": "PodInitializing"}}


async def test_a_sidecar_ends_after_the_work(node: LiveNode) -> None:
    proxy = {
        "name": "proxy",
        "image": IMAGE,
        "args": ["on-term:0", "print:ready", "sleep"],
        "restartPolicy": "Always",
        "startupProbe": {"exec": {"command": ["tester", "print:well"]}, "periodSeconds": 1},
    }
    main = {"name": "main", "image": IMAGE, "args": ["sleep:0.1"]}
    await node.pod(initContainers=[proxy], containers=[main], restartPolicy="Never")
    await node.until(phase("Succeeded"))
    assert await log(node, container="proxy") == "ready\nasked to end\n"


async def test_readiness_follows_its_probe(node: LiveNode) -> None:
    probe = {
        "httpGet": {"path": "/health", "port": 8080},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    await node.run("serve:8080", container={"readinessProbe": probe})
    await node.until(is_ready)
    await exec_(node, "write:unhealthy=x")
    pod = await node.until(lambda pod: not is_ready(pod))
    assert restarts(pod) == 0
    failed = (
        "Warning",
        "Unhealthy",
        "Readiness probe failed: HTTP probe failed with statuscode: 503",
    )
    await node.settled(lambda: has_event(node, failed), wanted=True)


async def has_event(node: LiveNode, event: tuple[str, str, str]) -> bool:
    return event in await node.events()


async def test_a_container_that_is_not_alive_is_restarted(node: LiveNode) -> None:
    probe = {"tcpSocket": {"port": 8080}, "periodSeconds": 1, "failureThreshold": 1}
    liveness = {"livenessProbe": probe, "startupProbe": {**probe, "failureThreshold": 30}}
    await node.run("serve:8080", container={**liveness, "terminationMessagePath": "/tmp/x"})
    await node.until(is_ready)
    probe_fails = {"exec": {"command": ["tester", "exit:1"]}, "periodSeconds": 1}
    dying = {"livenessProbe": {**probe_fails, "failureThreshold": 1}}
    await node.run("sleep", name="q", container=dying)
    pod = await node.until(lambda pod: restarts(pod) >= 1, "q")
    assert main_status(pod)["lastState"]["terminated"]["exitCode"] == 143
    message = await node.until_event("Killing", "q")
    assert message == "Container main failed liveness probe, will be restarted"
    assert restarts(await node.until(is_ready)) == 0


async def test_a_startup_probe_holds_back_readiness(node: LiveNode) -> None:
    command = ["tester", "fail-until:/data/tries=2"]
    startup = {"exec": {"command": command}, "periodSeconds": 1}
    container = {"startupProbe": startup, **mounting("/data")}
    await node.run("sleep", container=container, volumes=[DATA])
    pod = await node.until(phase("Running"))
    assert main_status(pod)["started"] is False
    assert not is_ready(pod)
    pod = await node.until(is_ready)
    assert main_status(pod)["started"] is True


async def test_hooks_run_after_the_start_and_before_the_stop(node: LiveNode) -> None:
    hooks = {
        "postStart": {"exec": {"command": ["tester", "write:/data/started=x"]}},
        "preStop": {"exec": {"command": ["tester", "write:/claims/stopped=x"]}},
    }
    mounts = [{"name": "data", "mountPath": "/data"}, {"name": "kept", "mountPath": "/claims"}]
    await node.create(
        kinds.PERSISTENT_VOLUME_CLAIMS,
        "kept",
        spec={"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Mi"}}},
    )
    kept = {"name": "kept", "persistentVolumeClaim": {"claimName": "kept"}}
    container = {"lifecycle": hooks, "volumeMounts": mounts}
    await node.run("sleep", container=container, volumes=[DATA, kept])
    await node.until(is_ready)
    assert await exec_(node, "ls:/data") == "started\n"
    await node.delete()
    await node.until_gone()
    (claim,) = (node.folder / "kubelet" / "claims").iterdir()
    assert [path.name for path in claim.iterdir()] == ["stopped"]


async def test_a_failing_post_start_hook_restarts_the_container(node: LiveNode) -> None:
    hooks = {"postStart": {"exec": {"command": ["tester", "exit:1"]}}}
    await node.run("sleep", container={"lifecycle": hooks})
    await node.until(lambda pod: restarts(pod) >= 1)
    assert (await node.until_event("FailedPostStartHook")).startswith("PostStartHook failed")


async def test_a_deleted_pod_gets_time_to_end(node: LiveNode) -> None:
    await node.run("on-term:0", "print:ready", "sleep")
    await until_log_soon(node, "ready\n")
    follow = asyncio.ensure_future(log(node, follow="true"))
    await asyncio.sleep(0)
    await node.delete()
    await node.until_gone()
    assert await follow == "ready\nasked to end\n"
    assert leftovers.orphans(node.instance_id) == []
    assert list((node.folder / "kubelet" / "pods").iterdir()) == []
    assert list((node.folder / "kubelet" / "logs").iterdir()) == []


async def until_log_soon(node: LiveNode, text: str) -> None:
    await node.until(is_ready)
    await until_log(node, text)


async def test_a_pod_that_does_not_end_is_ended_after_its_grace(node: LiveNode) -> None:
    await node.run("ignore-term", "print:ready", "sleep", terminationGracePeriodSeconds=1)
    await until_log_soon(node, "ready\n")
    await node.delete()
    pod = await node.until(lambda pod: pod["metadata"].get("deletionTimestamp"))
    assert pod["status"]["phase"] == "Running"
    await node.until_gone()
    assert leftovers.orphans(node.instance_id) == []


async def test_a_forced_deletion_ends_the_pod_at_once(node: LiveNode) -> None:
    await node.run("ignore-term", "print:ready", "sleep")
    await until_log_soon(node, "ready\n")
    await node.delete(grace=0)
    await node.until_gone()
    await until(lambda: leftovers.orphans(node.instance_id) == [])


async def test_a_shorter_grace_takes_effect_while_a_pod_ends(node: LiveNode) -> None:
    await node.run("ignore-term", "print:ready", "sleep", terminationGracePeriodSeconds=600)
    await until_log_soon(node, "ready\n")
    await node.delete()
    await node.until_event("Killing")
    await node.delete(grace=1)
    await node.until_gone()


async def test_a_pod_of_the_same_name_is_another_pod(node: LiveNode) -> None:
    await node.run("print:one", "sleep")
    await until_log_soon(node, "one\n")
    await node.delete(grace=0)
    await node.run("print:two", "sleep")
    await until_log_soon(node, "two\n")


async def test_a_deadline_ends_a_pod(node: LiveNode) -> None:
    await node.run("sleep", activeDeadlineSeconds=1)
    pod = await node.until(phase("Failed"))
    assert pod["status"]["reason"] == "DeadlineExceeded"
    assert leftovers.orphans(node.instance_id) == []


async def test_what_is_not_honoured_is_a_condition(node: LiveNode) -> None:
    container = {"image": "example.com/real:2", "securityContext": {"runAsUser": 1000}}
    await node.run("sleep", container=container)
    pod = await node.until(is_ready)
    messages = {each["type"]: each.get("message") for each in pod["status"]["conditions"]}
    assert messages["choreo.local/StandIn"] == "a stand-in for tests"
    assert "securityContext.runAsUser" in str(messages["choreo.local/NotEnforced"])
    assert await node.until_event("StandIn") == "a stand-in for tests"
    assert "securityContext.runAsUser" in await node.until_event("NotEnforced")


async def test_pods_run_again_after_the_node_was_lost(node: LiveNode) -> None:
    await node.run("print:hello", "sleep")
    await node.run("sleep", name="job", restartPolicy="Never")
    before = await node.until(is_ready)
    await until_log(node, "hello\n")
    await node.until(is_ready, "job")
    await node.stop()
    assert leftovers.orphans(node.instance_id) == []
    await node.start()
    pod = await node.until(lambda pod: is_ready(pod) and restarts(pod) == 1)
    ended = main_status(pod)["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (255, "Unknown")
    assert pod["status"]["podIP"] == before["status"]["podIP"]
    assert pod["status"]["startTime"] == before["status"]["startTime"]
    assert await log(node, previous="true") == "hello\n"
    await node.until(phase("Failed"), "job")


async def test_files_of_pods_that_went_while_the_node_was_away_are_removed(node: LiveNode) -> None:
    await node.run("sleep")
    await node.until(is_ready)
    await node.stop()
    await node.delete(grace=0)
    await node.start()
    assert list((node.folder / "kubelet" / "pods").iterdir()) == []


async def test_the_log_can_be_asked_for_in_parts(node: LiveNode) -> None:
    await node.run("print:one", "print:two", "print:three", "sleep")
    await until_log_soon(node, "one\ntwo\nthree\n")
    assert await log(node, tailLines="1") == "three\n"
    assert await log(node, limitBytes="5") == "one\nt"
    assert (await log(node, timestamps="true")).splitlines()[0].endswith("Z one")


async def test_a_log_that_is_not_there_says_why(node: LiveNode) -> None:
    await node.run(container={"image": "nginx:1"})
    await node.until(waiting("ImagePullBackOff"))
    answer = await node.client.transport.request("GET", kinds.PODS.path("default", "p", "log"))
    assert answer.status == 400
    message = (
        b'container \\"main\\" in pod \\"p\\" is waiting to start: trying and failing to pull image'
    )
    assert message in answer.body


async def test_ports_of_a_pod_can_be_opened(node: LiveNode) -> None:
    await node.run("serve:8080", container={"readinessProbe": {"tcpSocket": {"port": 8080}}})
    await node.until(is_ready)
    reader, writer = await node.running.connection.open_port("default", "p", 8080)
    writer.write(b"GET /x HTTP/1.1\r\n\r\n")
    assert (await reader.read()).endswith(b"/x 127.0.0.1")
    writer.close()
    with pytest.raises(OSError, match=r"refused|failed"):
        await node.running.connection.open_port("default", "p", 9)


async def test_usage_is_sampled(node: LiveNode) -> None:
    await node.run("sleep")
    await node.until(is_ready)
    (found,) = await node.running.connection.pod_metrics()
    assert found["metadata"]["name"] == "p"
    assert found["containers"][0]["name"] == "main"
    assert int(found["containers"][0]["usage"]["memory"].removesuffix("Ki")) > 1000
    assert (await node.running.connection.node_metrics())["metadata"]["name"] == "laptop"


async def test_the_node_is_registered_and_alive(node: LiveNode) -> None:
    found = await node.client.get(kinds.NODES, "laptop")
    conditions = {each["type"]: each["status"] for each in found["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    assert found["metadata"]["labels"]["choreo.local/runtime"] == "process"
    annotations = found["metadata"]["annotations"]
    assert annotations["capability.choreo.local/network-policy"].startswith("false: ")
    await node.settled(lambda: leases(node), ["laptop"])


async def leases(node: LiveNode) -> list[str]:
    found = await node.client.list(kinds.LEASES, "kube-node-lease")
    return [each["spec"]["holderIdentity"] for each in found.items]


async def test_simulated_pods_are_ready_and_marked(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        runtime = SimulatedRuntime()
        await node.start(runtime)
        probe = {"httpGet": {"path": "/", "port": 80}}
        await node.run(container={"image": "nginx:1.25", "readinessProbe": probe})
        pod = await node.until(is_ready)
        assert condition(pod, "choreo.local/Simulated") == "True"
        assert await log(node) == "containers are simulated: nothing runs\n"
        (record,) = runtime.containers(pod["metadata"]["uid"])
        runtime.end(record.id, exit_code=1)
        await node.until(lambda pod: is_ready(pod) and restarts(pod) == 1)
        await node.delete()
        await node.until_gone()


async def test_an_image_is_pulled_each_time_when_that_is_asked(node: LiveNode) -> None:
    await node.create(kinds.SECRETS, "registry", data={})
    secrets = [{"name": "registry"}, {"name": "not-there"}]
    container = {"imagePullPolicy": "Always"}
    await node.run("sleep", container=container, imagePullSecrets=secrets)
    await node.until(is_ready)
    await node.until_event("Started")
    reasons = [reason for _, reason, _ in await node.events()]
    assert reasons == ["Pulling", "Pulled", "Created", "Started"]
    assert "Successfully pulled image" in await node.until_event("Pulled")


async def test_the_image_of_a_running_pod_can_be_changed(node: LiveNode) -> None:
    await node.run("env:CHOREO_IMAGE", "sleep")
    await until_log_soon(node, "CHOREO_IMAGE=test.local/tester:1\n")
    change = [{"op": "replace", "path": "/spec/containers/0/image", "value": "test.local/tester:2"}]
    await node.client.patch(kinds.PODS, "p", change, "default", patch_type=PatchType.JSON)
    pod = await node.until(lambda pod: is_ready(pod) and restarts(pod) == 1)
    assert main_status(pod)["image"] == "test.local/tester:2"
    await until_log(node, "CHOREO_IMAGE=test.local/tester:2\n")


@pytest.mark.parametrize(
    ("address", "error", "message"),
    [
        (("default", "none", "", "main"), NotFoundError, 'pods "none" not found'),
        (("default", "p", "other-uid", "main"), NotFoundError, 'pods "p" not found'),
        (("default", "p", "", "no"), BadRequestError, "container no is not valid for pod p"),
    ],
)
async def test_what_is_asked_of_a_container_that_is_not_there_is_refused(
    node: LiveNode, address: tuple[str, str, str, str], error: type[Exception], message: str
) -> None:
    await node.run("sleep")
    await node.until(is_ready)
    connection = node.running.connection
    with pytest.raises(error, match=message):
        await connection.exec(Address(*address), ["true"], Caller(), Streams())
    with pytest.raises(error, match=message):
        await connection.attach(Address(*address), Caller(), Streams())
    with pytest.raises(error, match=message):
        await connection.logs(Address(*address), LogOptions())


async def test_a_container_added_to_a_running_pod_runs_once(node: LiveNode) -> None:
    await node.run("sleep")
    await node.until(is_ready)
    look = {"name": "look", "image": IMAGE, "args": ["print:looking", "exit:3"]}
    await node.client.patch(
        kinds.PODS,
        "p",
        {"spec": {"ephemeralContainers": [look]}},
        "default",
        subresource="ephemeralcontainers",
    )
    pod = await node.until(
        lambda pod: (
            "terminated"
            in (pod["status"].get("ephemeralContainerStatuses") or [{"state": {}}])[0]["state"]
        )
    )
    (status,) = pod["status"]["ephemeralContainerStatuses"]
    assert status["state"]["terminated"]["exitCode"] == 3
    assert (status["restartCount"], status["ready"], "started" in status) == (0, False, False)
    assert is_ready(pod)
    assert pod["status"]["phase"] == "Running"


async def test_a_command_that_is_not_there_says_so_to_its_caller(node: LiveNode) -> None:
    await node.run("sleep")
    await node.until(is_ready)
    address = Address("default", "p", "", "main")
    with pytest.raises(InternalError, match="executable file not found"):
        await node.running.connection.exec(address, ["absent"], Caller(), Streams())


async def test_a_container_that_does_not_run_takes_no_commands(node: LiveNode) -> None:
    await node.run(restartPolicy="Never", container={"args": ["exit:0"]})
    await node.until(phase("Succeeded"))
    address = Address("default", "p", "", "main")
    with pytest.raises(NotFoundError, match="container not found"):
        await node.running.connection.exec(address, ["true"], Caller(), Streams())
    previous = LogOptions(previous=True)
    with pytest.raises(BadRequestError, match='previous terminated container "main" in pod "p"'):
        await node.running.connection.logs(address, previous)


async def test_pods_are_looked_after_while_the_kube_api_is_away(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        api = Interrupted(node)
        await node.start(client=KubeClient(api, field_manager="kubelet"))
        await node.run("sleep:0.3", "exit:1", name="crashing")
        await node.run("sleep")
        await node.until(is_ready)
        await node.until(is_ready, "crashing")
        api.is_away = True
        runtime = node.running.connection._tools.runtime
        uid = (await node.client.get(kinds.PODS, "crashing", "default"))["metadata"]["uid"]
        await until(lambda: any(each.attempt >= 1 for each in runtime.containers(uid)))
        api.is_away = False
        await node.until(lambda pod: restarts(pod) >= 1, "crashing")
        assert restarts(await node.until(is_ready)) == 0


class Interrupted(LocalTransport):
    """A way to the kube API that can be cut off."""

    def __init__(self, node: LiveNode) -> None:
        super().__init__(node.api, agent="kubelet")
        self.is_away = False

    async def request(self, *arguments: Any, **options: Any) -> Response:
        if self.is_away:
            raise UnreachableError("cannot reach the Kubernetes API: cut off")
        return await super().request(*arguments, **options)


async def test_a_fault_of_a_worker_does_not_leave_its_pod_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kubelet, "_REPLACE_SECONDS", 0.05)
    async with live_node(tmp_path) as node:
        await node.start(Faulty())
        await node.run()
        await node.until(is_ready)
        assert isinstance(node.running.failures.pop("default/p", None), KeyError)
        node.running._running.failures.clear()


class Faulty(SimulatedRuntime):
    """Fails once in a way that nobody foresaw."""

    def __init__(self) -> None:
        super().__init__()
        self._has_failed = False

    async def start_pod(self, pod: PodRequest) -> str:
        if not self._has_failed:
            self._has_failed = True
            raise KeyError("unforeseen")
        return await super().start_pod(pod)


async def test_an_address_of_before_does_not_stay(tmp_path: Path) -> None:
    async with live_node(tmp_path) as node:
        await node.start(SimulatedRuntime())
        await node.run("sleep")
        before = (await node.until(is_ready))["status"]["podIP"]
        await node.stop()
        await node.start()
        pod = await node.until(lambda found: found["status"]["podIP"] != before)
        assert pod["status"]["podIPs"] == [{"ip": pod["status"]["podIP"]}]
