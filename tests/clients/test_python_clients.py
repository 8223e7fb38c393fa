"""The Python clients: the official one (typed, dynamic, asyncio), kubernetes_asyncio, kr8s."""

from __future__ import annotations

import asyncio
import errno
import importlib
from collections.abc import Iterator
from typing import Any

import pytest

from tests.clients.kubectl import Kubectl
from tests.e2e.user import until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.timeout(300),
    # Their own: a client newer than a server is not a fault of the server.
    pytest.mark.filterwarnings("default"),
]

# Their annotations differ from release to release; what they do is tested here.
kubernetes: Any = importlib.import_module("kubernetes")
dynamic: Any = importlib.import_module("kubernetes.dynamic")
rest: Any = importlib.import_module("kubernetes.client.rest")
stream: Any = importlib.import_module("kubernetes.stream")
utils: Any = importlib.import_module("kubernetes.utils")
watch: Any = importlib.import_module("kubernetes.watch")
kr8s: Any = importlib.import_module("kr8s")
objects: Any = importlib.import_module("kr8s.asyncio.objects")

LABELS = {"app": "web"}
WEB: dict[str, Any] = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "labels": LABELS},
    "spec": {
        "replicas": 1,
        "selector": {"matchLabels": LABELS},
        "template": {
            "metadata": {"labels": LABELS},
            "spec": {
                "terminationGracePeriodSeconds": 1,
                "containers": [{"name": "web", "image": "choreo.local/web:1.0"}],
            },
        },
    },
}
SETTINGS: dict[str, Any] = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"name": "settings", "labels": LABELS},
    "data": {"colour": "red"},
}


def crd(group: str) -> dict[str, Any]:
    schema = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
    names = {"plural": "things", "singular": "thing", "kind": "Thing"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"things.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }


@pytest.fixture
def official(admin: Kubectl) -> Iterator[Any]:
    """The API client of the official package."""
    configuration = kubernetes.client.Configuration()
    kubernetes.config.load_kube_config(
        admin.user.extra["KUBECONFIG"], client_configuration=configuration
    )
    with kubernetes.client.ApiClient(configuration) as client:
        yield client


def test_the_official_client_works_with_typed_objects(official: Any, admin: Kubectl) -> None:
    namespace = admin.namespace
    core, apps = kubernetes.client.CoreV1Api(official), kubernetes.client.AppsV1Api(official)
    assert kubernetes.client.VersionApi(official).get_code().git_version.startswith("v1.36")
    apps.create_namespaced_deployment(namespace, WEB)
    until(
        lambda: apps.read_namespaced_deployment("web", namespace).status.ready_replicas == 1,
        what="the deployment is ready",
        within=60,
    )
    patched = apps.patch_namespaced_deployment("web", namespace, {"spec": {"paused": True}})
    assert patched.spec.paused is True
    scale = apps.patch_namespaced_deployment_scale("web", namespace, {"spec": {"replicas": 2}})
    assert scale.spec.replicas == 2
    chosen = {"label_selector": "app=web", "field_selector": "status.phase=Running"}
    name = core.list_namespaced_pod(namespace, **chosen).items[0].metadata.name
    assert "listening" in core.read_namespaced_pod_log(name, namespace)
    said = stream.stream(
        core.connect_get_namespaced_pod_exec,
        name,
        namespace,
        command=["sh", "-c", "echo out; echo err >&2"],
        stdout=True,
        stderr=True,
        stdin=False,
        tty=False,
    )
    assert sorted(said.split()) == ["err", "out"]
    made = core.create_namespaced_config_map(namespace, SETTINGS)
    made.data["colour"] = "blue"
    replaced = core.replace_namespaced_config_map("settings", namespace, made)
    with pytest.raises(rest.ApiException) as stale:
        core.replace_namespaced_config_map("settings", namespace, made)
    assert stale.value.status == 409
    assert replaced.data == {"colour": "blue"}
    page = core.list_namespaced_config_map(namespace, limit=1)
    rest_ = core.list_namespaced_config_map(namespace, limit=1, _continue=page.metadata._continue)
    assert {page.items[0].metadata.name, rest_.items[0].metadata.name} == {
        "kube-root-ca.crt",
        "settings",
    }
    assert core.delete_namespaced_pod(name, namespace).metadata.name == name
    deleted = apps.delete_namespaced_deployment("web", namespace)
    assert (deleted["kind"], deleted["status"]) == ("Status", "Success")
    with pytest.raises(rest.ApiException) as gone:
        core.read_namespaced_config_map("absent", namespace)
    assert gone.value.status == 404


def test_the_official_client_forwards_ports(official: Any, admin: Kubectl) -> None:
    core = kubernetes.client.CoreV1Api(official)
    pod = {"metadata": {"name": "web"}, "spec": WEB["spec"]["template"]["spec"]}
    core.create_namespaced_pod(admin.namespace, pod)
    admin("wait", "pod/web", "--for=condition=Ready", "--timeout=120s")
    forward = stream.portforward(
        core.connect_get_namespaced_pod_portforward, "web", admin.namespace, ports="8080"
    )
    connection = forward.socket(8080)
    connection.settimeout(30)
    connection.sendall(b"GET /healthz HTTP/1.0\r\n\r\n")
    answer = b""
    while chunk := connection.recv(4096):
        answer += chunk
    connection.close()
    assert answer.endswith(b"ok\n")


def test_the_official_client_watches_from_a_list_on(official: Any, admin: Kubectl) -> None:
    core = kubernetes.client.CoreV1Api(official)
    listed = core.list_namespaced_config_map(admin.namespace)
    core.create_namespaced_config_map(admin.namespace, SETTINGS)
    core.delete_namespaced_config_map("settings", admin.namespace)
    seen = []
    events = watch.Watch().stream(
        core.list_namespaced_config_map,
        admin.namespace,
        resource_version=listed.metadata.resource_version,
        field_selector="metadata.name=settings",
        timeout_seconds=60,
    )
    for event in events:
        seen.append(event["type"])
        if len(seen) == 2:
            break
    assert seen == ["ADDED", "DELETED"]


def test_the_dynamic_client_finds_kinds_and_applies(official: Any, admin: Kubectl) -> None:
    namespace, group = admin.namespace, f"{admin.namespace}.example.com"
    client = dynamic.DynamicClient(official)
    maps = client.resources.get(api_version="v1", kind="ConfigMap")
    maps.create(body=SETTINGS, namespace=namespace)
    applied = maps.server_side_apply(
        body={**SETTINGS, "data": {"size": "large"}}, namespace=namespace, field_manager="test"
    )
    assert applied.data.to_dict() == {"colour": "red", "size": "large"}
    events = maps.watch(namespace=namespace, name="settings", timeout=60)
    assert next(iter(events))["object"].data.colour == "red"
    crds = client.resources.get(api_version="apiextensions.k8s.io/v1", kind=crd(group)["kind"])
    crds.create(body=crd(group))
    try:
        admin("wait", f"crd/things.{group}", "--for=condition=Established", "--timeout=60s")
        things = client.resources.get(api_version=f"{group}/v1", kind="Thing")
        thing = {"apiVersion": f"{group}/v1", "kind": "Thing", "metadata": {"name": "one"}}
        things.create(body=thing, namespace=namespace)
        patch = {"spec": {"a": 1}}
        content = "application/merge-patch+json"
        things.patch(name="one", namespace=namespace, body=patch, content_type=content)
        assert things.get(name="one", namespace=namespace).spec.a == 1
        custom = kubernetes.client.CustomObjectsApi(official)
        listed = custom.list_namespaced_custom_object(group, "v1", namespace, "things")
        assert [item["metadata"]["name"] for item in listed["items"]] == ["one"]
        things.delete(name="one", namespace=namespace)
    finally:
        crds.delete(name=f"things.{group}")
    utils.create_from_dict(
        official, {**SETTINGS, "metadata": {"name": "other"}}, namespace=namespace
    )
    assert maps.get(name="other", namespace=namespace).data.colour == "red"


@pytest.mark.parametrize("package", ["kubernetes.aio", "kubernetes_asyncio"])
async def test_the_asyncio_clients_work_and_watch(package: str, admin: Kubectl) -> None:
    module: Any = importlib.import_module(package)
    configuration = module.client.Configuration()
    await module.config.load_kube_config(
        admin.user.extra["KUBECONFIG"], client_configuration=configuration
    )
    async with module.client.ApiClient(configuration) as client:
        core = module.client.CoreV1Api(client)
        listed = await core.list_namespaced_config_map(admin.namespace)
        revision = listed.metadata.resource_version
        seen = []

        async def follow() -> None:
            async with module.watch.Watch().stream(
                core.list_namespaced_config_map,
                admin.namespace,
                resource_version=revision,
                timeout_seconds=60,
            ) as events:
                async for event in events:
                    seen.append((event["type"], event["object"].data.get("colour")))
                    if event["type"] == "DELETED":
                        return

        following = asyncio.create_task(follow())
        await core.create_namespaced_config_map(admin.namespace, SETTINGS)
        change = {"data": {"colour": "blue"}}
        await core.patch_namespaced_config_map("settings", admin.namespace, change)
        await core.delete_namespaced_config_map("settings", admin.namespace)
        await asyncio.wait_for(following, 60)
    assert seen == [("ADDED", "red"), ("MODIFIED", "blue"), ("DELETED", "blue")]


async def forwarded(pod: objects.Pod) -> bytes:
    """What a pod answers through a port that kr8s chooses, which somebody may take before it."""
    for _ in range(10):
        try:
            async with pod.portforward(8080, local_port="auto") as port:
                reader, writer = await asyncio.open_connection("127.0.0.1", port)
                writer.write(b"GET /healthz HTTP/1.0\r\n\r\n")
                answer = await asyncio.wait_for(reader.read(), 30)
                writer.close()
                return answer
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise
    raise AssertionError("kr8s found no port")


async def test_kr8s_lives_with_objects_and_pods(admin: Kubectl) -> None:
    api = await kr8s.asyncio.api(
        kubeconfig=admin.user.extra["KUBECONFIG"], namespace=admin.namespace
    )
    assert (await api.version())["gitVersion"].startswith("v1.36")
    deployment = await objects.Deployment(WEB, namespace=admin.namespace, api=api)
    await deployment.create()
    await asyncio.wait_for(deployment.wait("condition=Available"), 60)
    await deployment.scale(2)
    await asyncio.wait_for(deployment.wait("jsonpath='{.status.readyReplicas}'=2"), 60)
    pods = await deployment.pods()
    assert len(pods) == 2
    done = await pods[0].exec(["sh", "-c", "echo said"])
    assert done.stdout.strip() == b"said"
    assert any(["listening" in line async for line in pods[0].logs()])
    await deployment.label(team="blue")
    await deployment.annotate({"why": "test"})
    found = [one async for one in api.get("deployments", label_selector={"team": "blue"})]
    assert [one.name for one in found] == ["web"]
    settings = await objects.ConfigMap(SETTINGS, namespace=admin.namespace, api=api)
    await settings.create()
    await settings.patch({"data": {"colour": "blue"}})
    await settings.refresh()
    assert settings.data.colour == "blue"
    assert (await api.whoami()) != ""
    assert (await forwarded(pods[0])).endswith(b"ok\n")
    await settings.delete()
    assert not await settings.exists()
    await deployment.delete(propagation_policy="Foreground")
