"""`choreo agent`: the process that serves a cluster, and the files with which a cluster joins."""

from __future__ import annotations

import asyncio
import os
import shlex
import signal
import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from choreo_local import pki
from choreo_local.allinone import bundles, ports, tunnels
from choreo_local.allinone import instance as instances
from choreo_local.clusteragent import backends
from choreo_local.clusteragent.agent import Agent, Credentials, Destination, State
from choreo_local.clusters import identities, kubeconfigs
from choreo_local.clusters.identities import ACCOUNTS, Tokens
from choreo_local.errors import NotFoundError, PreflightError
from choreo_local.kubeclient.access import ServerAccess
from choreo_local.kubeclient.client import KubeClient
from choreo_local.paths import InstancePaths
from choreo_local.tasks import TaskGroup

Tell = Callable[[State], None]

_KINDS = {"data": "DataPlane", "workflow": "WorkflowPlane", "observability": "ObservabilityPlane"}
_POD_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


@dataclass(frozen=True, slots=True)
class Wanted:
    """What an agent is to serve, and to whom.

    Attributes:
        own_rights: serve as the user of the kubeconfig, not as the account of the plane.
    """

    gateway: str
    plane: str
    plane_id: str
    certificate: Path
    key: Path
    authority: Path | None
    kubeconfig: str = ""
    context: str = ""
    own_rights: bool = False


async def run(wanted: Wanted, tell: Tell) -> int:
    """Serve until the process is told to end."""
    tasks = TaskGroup("agent")
    client = await _served(wanted, tasks)
    destination = Destination(wanted.gateway, f"{wanted.plane}plane", wanted.plane_id)
    credentials = Credentials(wanted.certificate, wanted.key, wanted.authority)
    credentials.context()
    agent = Agent(destination, credentials, backends.of_kube_api(client.transport), on_change=tell)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    serving = tasks.start(agent.run(), name="agent")
    serving.add_done_callback(lambda _: ended.set())
    try:
        await ended.wait()
    finally:
        await tasks.stop()
        await client.close()
    if "agent" in tasks.failures:
        raise tasks.failures["agent"]
    return 0


async def _served(wanted: Wanted, tasks: TaskGroup) -> KubeClient:
    """The kube API that is served, as who serves it."""
    if not wanted.kubeconfig and not wanted.context and "KUBERNETES_SERVICE_HOST" in os.environ:
        return in_pod(os.environ, _POD_ACCOUNT).client()
    found = kubeconfigs.read(kubeconfigs.sources(wanted.kubeconfig))
    content = kubeconfigs.single(found, wanted.context)
    own = await kubeconfigs.connect(content)
    if wanted.own_rights:
        return own.client()
    plane = f"{wanted.plane}-plane"

    async def connect() -> KubeClient:
        return (await kubeconfigs.connect(content)).client()

    tokens = Tokens(connect, planes=[plane])
    try:
        await tokens.renew()
    except NotFoundError as error:
        account = ACCOUNTS[plane]
        raise PreflightError(
            f"cannot serve as account {account.namespace}/{account.name}: {error.message}",
            remedy=f"Give the cluster that account: kubectl apply -f {RIGHTS}, which "
            "`choreo agent join` wrote; or serve as yourself: --own-rights",
        ) from error
    tasks.start(tokens.keep_fresh(), name="tokens")
    nobody = await kubeconfigs.connect(_without_user(content))
    return ServerAccess(nobody.server, nobody.trust, tokens.source(plane)).client()


def _without_user(content: Mapping[str, Any]) -> dict[str, Any]:
    """The same cluster, for who has credentials of his own."""
    inner = {**content["contexts"][0]["context"], "user": "nobody"}
    return {
        **content,
        "users": [{"name": "nobody", "user": {}}],
        "contexts": [{**content["contexts"][0], "context": inner}],
    }


def in_pod(environ: Mapping[str, str], account: Path) -> ServerAccess:
    """Access as the service account of the pod in which the process runs."""
    host, port = environ["KUBERNETES_SERVICE_HOST"], environ.get("KUBERNETES_SERVICE_PORT", "443")
    name = f"[{host}]" if ":" in host else host
    trust = ssl.create_default_context(cafile=account / "ca.crt")
    trust.verify_flags &= ~ssl.VERIFY_X509_STRICT
    # The file changes: tokens of pods are renewed in place.
    return ServerAccess(
        f"https://{name}:{port}",
        trust,
        lambda: (account / "token").read_text(encoding="utf-8").strip(),
    )


# Joining.

RIGHTS = "rights.yaml"
_PLANE = "plane.yaml"


@dataclass(frozen=True, slots=True)
class Joining:
    """What the other cluster is to the control plane.

    Attributes:
        host: parent of the host names of its endpoints.
        port: of its entry.
    """

    plane: str
    plane_id: str
    namespace: str
    host: str
    port: int


def join(name: str, folder: Path, joining: Joining) -> list[str]:
    """Write what a cluster needs to join an instance; the steps that remain."""
    paths = InstancePaths.of(name)
    record = instances.load(paths)
    if record is None or ports.AGENTS not in record.ports:
        raise PreflightError(
            f'there is no instance "{name}" that a cluster could join',
            remedy="Start it first: choreo up",
        )
    gateway = pki.ensure_authority(tunnels.authority_folder(paths.pki), tunnels.AUTHORITY)
    # One authority a plane: what it vouches for serves that plane and no other.
    authority = pki.ensure_authority(
        paths.pki / "planes" / f"{joining.plane}-{joining.plane_id}",
        f"choreo-{joining.plane}-{joining.plane_id}",
    )
    agent = pki.issue_client(authority, joining.plane_id, ["OpenChoreo"])
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    pki.save(folder, "agent", agent)
    pki.write_private(folder / "gateway-ca.crt", gateway.certificate)
    _write(folder / _PLANE, [plane_object(joining, authority.certificate.decode())])
    _write(folder / RIGHTS, rights(joining.plane))
    return _steps(folder, joining, ports.agents_url(record.ports))


def plane_object(joining: Joining, authority: str) -> dict[str, Any]:
    """The plane for the control plane; its agents are vouched for by the authority."""
    spec: dict[str, Any] = {
        "planeID": joining.plane_id,
        "clusterAgent": {"clientCA": {"value": authority}},
    }
    if joining.plane == "data":
        listener = {"host": joining.host, "listenerName": "http", "port": joining.port}
        gateway = {
            "name": "gateway-default",
            "namespace": "openchoreo-data-plane",
            "http": listener,
        }
        spec |= {
            "gateway": {"ingress": {"external": gateway}},
            "secretStoreRef": {"name": "default"},
        }
    if joining.plane == "observability":
        spec["observerURL"] = f"http://{joining.host}:{joining.port}"
    return {
        "apiVersion": "openchoreo.dev/v1alpha1",
        "kind": _KINDS[joining.plane],
        "metadata": {"name": joining.plane_id, "namespace": joining.namespace},
        "spec": spec,
    }


def rights(plane: str) -> list[dict[str, Any]]:
    """The account of a plane's agent on its cluster, and what it may do there."""
    account = ACCOUNTS[f"{plane}-plane"]
    homes = ("", account.namespace), (account.namespace, account.name)
    accounts = [
        manifest
        for manifest in bundles.load("accounts").manifests({})
        if (manifest["metadata"].get("namespace", ""), manifest["metadata"]["name"]) in homes
    ]
    role = f"choreo:{plane}-plane"
    own = [
        manifest
        for manifest in bundles.load("access").manifests({})
        if manifest["metadata"]["name"].startswith(role)
    ]
    return [*accounts, *(_for_account(manifest) for manifest in own)]


def _for_account(manifest: dict[str, Any]) -> dict[str, Any]:
    """A binding of its own for the account, so that one that is there stays as it is."""
    bound = dict(identities.bound_to_accounts(manifest))
    if bound["kind"] in {"ClusterRoleBinding", "RoleBinding"}:
        metadata = bound["metadata"]
        bound["metadata"] = {**metadata, "name": f"{metadata['name']}-agent"}
    return bound


def _write(path: Path, manifests: list[dict[str, Any]]) -> None:
    path.write_text(yaml.safe_dump_all(manifests, sort_keys=False), encoding="utf-8")


def _steps(folder: Path, joining: Joining, url: str) -> list[str]:
    place = shlex.quote(str(folder))
    command = (
        f"choreo agent --plane {joining.plane} --plane-id {joining.plane_id} "
        f"--gateway {url} --cert {place}/agent.crt --key {place}/agent.key "
        f"--ca {place}/gateway-ca.crt --kubeconfig KUBECONFIG"
    )
    return [
        "# Here, beside the control plane:",
        f"choreo apply -f {place}/{_PLANE}",
        "# With the kubeconfig of the other cluster:",
        f"kubectl --kubeconfig KUBECONFIG apply -f {place}/{RIGHTS}",
        command,
    ]
