"""One instance whose pods run in sandboxes, and what stories about pods need of it."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import shutil
import ssl
import tempfile
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest
import yaml

from choreo_local.embedded import podruntime
from tests.e2e.user import Printed, User, until
from tests.images import builders
from tests.images.builders import entry, folder, layer, symlink

Object = dict[str, Any]
HOST_IMAGE = "choreo.local/web"
BUSYBOX = "registry.invalid/busybox:1"
PATIENCE_SECONDS = 90


@dataclass(slots=True)
class Cluster:
    """A person with a running instance, and kubectl at hand.

    Attributes:
        user: the person.
    """

    user: User
    _kubeconfig: str = ""
    _api: KubeApi | None = None
    _images: set[str] = field(default_factory=set)

    def start(self, *options: str) -> None:
        """Start the instance, without the demo."""
        self.user.choreo("up", "--no-tui", *options)
        self._kubeconfig = self.user.choreo("kubeconfig")
        self._api = KubeApi(Path(self._kubeconfig))

    def command(self, *arguments: str) -> list[str]:
        """A command of kubectl, as words."""
        return ["kubectl", "--kubeconfig", self._kubeconfig, *arguments]

    def tries(self, *arguments: str, text: str = "") -> Printed:
        """Run kubectl, whatever becomes of it."""
        return self.user.types(*self.command(*arguments), text=text)

    def kubectl(self, *arguments: str, text: str = "") -> str:
        """Run kubectl; it must succeed."""
        printed = self.tries(*arguments, text=text)
        assert printed.code == 0, f"kubectl {' '.join(arguments)}: {printed.err}{printed.out}"
        return printed.out.strip()

    def apply(self, *objects: Object) -> None:
        """Apply objects."""
        whole = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
        self.kubectl("apply", "-f", "-", text=json.dumps(whole))

    def asks(self, path: str) -> Object:
        """What the kube API answers; for what is asked often, as kubectl takes a while."""
        assert self._api is not None
        return self._api.get(path)

    def get(self, kind: str, name: str, namespace: str = "default") -> Object:
        """An object of one of the first kinds, by their plural."""
        return self.asks(f"/api/v1/namespaces/{namespace}/{kind}/{name}")

    def status(self, pod: str) -> Object:
        """The status of a pod."""
        found: Object = self.get("pods", pod).get("status", {})
        return found

    def log(self, pod: str, name: str = "main") -> str:
        """The log of a container until now."""
        assert self._api is not None
        return self._api.text(f"/api/v1/namespaces/default/pods/{pod}/log?container={name}")

    def container(self, pod: str, name: str = "main") -> Object:
        """The status of a container of any kind."""
        status = self.status(pod)
        kinds = ("containerStatuses", "initContainerStatuses", "ephemeralContainerStatuses")
        found = [each for kind in kinds for each in status.get(kind, ()) if each["name"] == name]
        assert found, f"pod {pod} tells nothing of {name}: {status}"
        told: Object = found[0]
        return told

    def until_ready(self, *pods: str) -> None:
        """Wait for pods."""
        names = [f"pod/{pod}" for pod in pods]
        timeout = f"--timeout={PATIENCE_SECONDS}s"
        self.kubectl("wait", *names, "--for=condition=Ready", timeout)

    def until_ended(self, pod: str) -> Object:
        """Wait until all containers of a pod have ended; its status."""
        until(
            lambda: self.status(pod).get("phase") in {"Succeeded", "Failed"},
            what=f"pod {pod} has ended",
            within=PATIENCE_SECONDS,
        )
        return self.status(pod)

    def runs(self, pod: str, *command: str, container: str = "main", text: str = "") -> str:
        """What a command prints in a container; it must succeed."""
        interactive = ["-i"] if text else []
        return self.kubectl("exec", *interactive, pod, "-c", container, "--", *command, text=text)

    def python(self, pod: str, program: str) -> Any:
        """What a program prints in a pod, as JSON."""
        return json.loads(self.runs(pod, "python3", "-c", textwrap.dedent(program)))

    def events(self, name: str) -> list[str]:
        """Reason and message of the events about an object."""
        chosen = f"fieldSelector=involvedObject.name%3D{name}"
        found = self.asks(f"/api/v1/namespaces/default/events?{chosen}")["items"]
        return [f"{each['reason']}: {each['message']}" for each in found]

    def commands(self, part: str) -> list[str]:
        """The commands of the instance's processes that contain something."""
        found = []
        for process in self.user.children(self.user.record()["id"]):
            with contextlib.suppress(psutil.Error):
                found.append(" ".join(process.cmdline()))
        return [each for each in found if part in each]

    def import_busybox(self) -> str:
        """Make an image of a static busybox and import it; its name."""
        if BUSYBOX not in self._images:
            layout = builders.oci_layout(self.user.home / "busybox", busybox_image())
            self.user.choreo("image", "import", str(layout), "--name", BUSYBOX)
            self._images.add(BUSYBOX)
        return BUSYBOX


class KubeApi:
    """Reads from the kube API as the owner of an instance.

    Args:
        kubeconfig: that of the instance.
    """

    def __init__(self, kubeconfig: Path) -> None:
        content = yaml.safe_load(kubeconfig.read_text())
        cluster, user = content["clusters"][0]["cluster"], content["users"][0]["user"]
        self._place = urlsplit(cluster["server"]).netloc
        decoded = [base64.b64decode(user[f"client-{part}-data"]) for part in ("certificate", "key")]
        authority = base64.b64decode(cluster["certificate-authority-data"]).decode()
        self._context = ssl.create_default_context(cadata=authority)
        with tempfile.NamedTemporaryFile(suffix=".pem") as file:
            file.write(b"".join(decoded))
            file.flush()
            self._context.load_cert_chain(file.name)

    def text(self, path: str) -> str:
        """The body of an answer, which must be a good one."""
        connection = http.client.HTTPSConnection(self._place, context=self._context, timeout=60)
        try:
            connection.request("GET", path)
            answer = connection.getresponse()
            body = answer.read().decode()
        finally:
            connection.close()
        assert answer.status == http.HTTPStatus.OK, f"{path}: {body}"
        return body

    def get(self, path: str) -> Object:
        """An object or a list."""
        found: Object = json.loads(self.text(path))
        return found


def busybox_image() -> builders.MadeImage:
    """An image with nothing but busybox; skips the test where there is no static one."""
    program = shutil.which("busybox")
    if program is None:
        pytest.skip("busybox is not installed")
    content = Path(program).read_bytes()
    if b"/lib64/ld-linux" in content or b"/lib/ld-musl" in content:
        pytest.skip("the busybox of this machine needs libraries (package busybox-static)")
    links = ("sh", "sleep", "cat", "nslookup", "wget", "ls", "tar", "nc", "id", "echo", "env")
    return builders.image(
        layer(
            folder("bin"),
            folder("etc"),
            folder("tmp", mode=0o1777),
            entry("bin/busybox", content, mode=0o755),
            *(symlink(f"bin/{name}", "busybox") for name in links),
            entry("etc/passwd", b"root:x:0:0::/:/bin/sh\n"),
        ),
        config={"Cmd": ["/bin/sh"], "Env": ["PATH=/bin"]},
    )


def sandboxed(user: User) -> Cluster:
    """Have this person's pods run in sandboxes; skips the test where there can be none."""
    found = podruntime.probe()
    if found.tools is None:
        pytest.skip(f"no sandboxes on this machine: {found.obstacle}")
    user.extra["CHOREO_UP_RUNTIME"] = "sandbox"
    return Cluster(user)


def container(*command: str, name: str = "main", **fields: Any) -> Object:
    """A container of the bundled image that runs a command of the machine."""
    return {"name": name, "image": HOST_IMAGE, "command": list(command), **fields}


def python(program: str, *arguments: str, **fields: Any) -> Object:
    """A container that runs a program."""
    return container("python3", "-u", "-c", textwrap.dedent(program), *arguments, **fields)


def idle(**fields: Any) -> Object:
    """A container that does nothing until it is told to end."""
    return container("sleep", "100000", **fields)


def pod(
    name: str, *containers: Object, labels: Mapping[str, str] | None = None, **spec: Any
) -> Object:
    """A pod that ends at once when it is deleted."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(labels or {})},
        "spec": {"terminationGracePeriodSeconds": 1, "containers": list(containers), **spec},
    }


def service(name: str, selector: Mapping[str, str] | None, *ports: Object, **spec: Any) -> Object:
    """A Service; without ports it has one, 80, that leads to the port named http."""
    given: Sequence[Object] = ports or [{"name": "web", "port": 80, "targetPort": "http"}]
    chosen = {"selector": dict(selector)} if selector else {}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"ports": list(given), **chosen, **spec},
    }
