"""The k3d command: what it prints is read with care, as it reports success also when it failed.

Used by the driver `k3d`. Every change is looked up afterwards; nothing that holds a cluster's token
is logged.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from choreo_local.errors import ChoreoError, PreflightError, RefusedError, WaitTimeoutError

logger = logging.getLogger(__name__)

_COLOUR = re.compile(r"\x1b\[[0-9;]*m")
_LEVEL = re.compile(r"^(?:FATA|ERRO|WARN)\[\d+\]\s*", re.MULTILINE)
_LIST_SECONDS = 30
_CHANGE_SECONDS = 120
_CREATE_SECONDS = 600
_OLDEST = (5, 6)
HOW = (
    "Install k3d from https://k3d.io (macOS: brew install k3d); the package k3d of PyPI is another "
    "thing. Or use the embedded cluster: choreo up --driver embedded"
)
_ENGINE = "Start Docker, or use the embedded cluster: choreo up --driver embedded"


class PortTakenError(PreflightError):
    """Another program has the port that a cluster was to have."""


@dataclass(frozen=True, slots=True)
class Node:
    """A container of a cluster."""

    name: str
    role: str
    state: str


@dataclass(frozen=True, slots=True)
class Cluster:
    """A cluster as k3d lists it; that a node runs does not mean that it works."""

    name: str
    nodes: Sequence[Node]

    @property
    def servers(self) -> list[Node]:
        """Those that run the Kubernetes API."""
        return [node for node in self.nodes if node.role == "server"]

    @property
    def is_running(self) -> bool:
        """Whether the containers of all its nodes run."""
        return bool(self.servers) and all(node.state == "running" for node in self.nodes)

    @property
    def is_paused(self) -> bool:
        """Whether somebody has frozen one of its nodes; k3d counts it as running."""
        return any(node.state == "paused" for node in self.nodes)


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed, without colours."""

    code: int
    out: str
    err: str

    @property
    def reason(self) -> str:
        """The last things that it complained about, in a line."""
        lines = [_LEVEL.sub("", line) for line in self.err.splitlines() if _LEVEL.match(line)]
        said = lines or [line for line in self.out.splitlines() if line.strip()]
        return "; ".join(said[-3:]) or f"exit code {self.code}"


class K3d:
    """Runs k3d, and docker for the little that k3d leaves behind."""

    def list(self) -> list[Cluster]:
        """All clusters of this engine; PreflightError when the engine does not answer."""
        output = self._run("cluster", "list", "-o", "json", within=_LIST_SECONDS)
        if output.code:
            raise _no_engine(output)
        return parsed(output.out)

    def find(self, label: str, value: str) -> Cluster | None:
        """The cluster whose servers carry a label; k3d itself lists none but its own labels."""
        form = '{{.Label "k3d.cluster"}}'
        wanted = ["--filter", f"label={label}={value}", "--format", form]
        output = _run(["docker", "ps", "-a", *wanted], _LIST_SECONDS)
        if output.code:
            raise _no_engine(output)
        names = set(output.out.split())
        return next((one for one in self.list() if one.name in names), None)

    def create(self, name: str, config: Path) -> None:
        """Make a cluster; what a failed attempt leaves behind is removed."""
        output = self._run("cluster", "create", "--config", str(config), within=_CREATE_SECONDS)
        if output.code == 0 and any(one.name == name for one in self.list()):
            return
        if "already exists" in output.err:
            raise RefusedError(
                f'cannot create the k3d cluster "{name}": there is one of that name that is not '
                "ours",
                remedy="Give the instance another name: choreo --instance NAME up",
            )
        self._sweep(name)
        raise _not_created(name, output)

    def start(self, name: str) -> None:
        """Start the nodes of a cluster."""
        output = self._run("cluster", "start", name, within=_CREATE_SECONDS)
        if output.code:
            raise ChoreoError(
                f'cannot start the k3d cluster "{name}": {output.reason}',
                remedy=f"See its log: docker logs k3d-{name}-server-0",
            )

    def stop(self, name: str) -> None:
        """Stop the nodes of a cluster; it keeps what it has."""
        output = self._run("cluster", "stop", name, within=_CHANGE_SECONDS)
        if output.code:
            raise ChoreoError(f'cannot stop the k3d cluster "{name}": {output.reason}')

    def delete(self, name: str) -> None:
        """Delete a cluster for good, and see that it is gone: k3d says so in any case."""
        output = self._run("cluster", "delete", name, within=_CHANGE_SECONDS)
        if any(one.name == name for one in self.list()):
            raise ChoreoError(
                f'cannot delete the k3d cluster "{name}": {output.reason}',
                remedy=f"Try it by hand: k3d cluster delete {name}",
            )
        self._sweep(name)

    def kubeconfig(self, name: str) -> str:
        """The kubeconfig of a cluster, whether it runs or not."""
        output = self._run("kubeconfig", "get", name, within=_LIST_SECONDS)
        if output.code:
            # Without an engine it says that there is no such cluster; the list knows better.
            self.list()
            raise ChoreoError(f'cannot read the kubeconfig of "{name}": {output.reason}')
        return output.out

    def import_images(self, name: str, images: Sequence[str]) -> None:
        """Copy images of the engine, or archives, into the nodes of a cluster.

        k3d says "Successfully imported" also when it was not; its complaints decide.
        """
        output = self._run("image", "import", "-c", name, *images, within=_CREATE_SECONDS)
        complaints = [
            line for line in output.err.splitlines() if re.match(r"(ERRO|WARN|FATA)", line)
        ]
        if output.code or complaints:
            raise ChoreoError(
                f'cannot import {", ".join(images)} into "{name}": {output.reason}',
                remedy="See what the engine has: docker image ls; the cluster must run",
            )

    def build(self, reference: str, folder: Path) -> None:
        """Make an image of a folder with a Dockerfile, with the engine."""
        output = _run(["docker", "build", "-t", reference, str(folder)], _CREATE_SECONDS)
        if output.code:
            said = " ".join((output.err or output.out).split())[-300:]
            raise ChoreoError(
                f"cannot make the image {reference}: {said}",
                remedy="Look whether the engine reaches a registry: docker pull hello-world",
            )

    def network(self, name: str) -> tuple[str, str]:
        """The network of a cluster: this machine's address on it, and its range; empty when there
        is none.
        """
        form = "{{range .IPAM.Config}}{{.Gateway}} {{.Subnet}}\n{{end}}"
        output = _run(["docker", "network", "inspect", f"k3d-{name}", "-f", form], _LIST_SECONDS)
        for line in output.out.splitlines() if output.code == 0 else ():
            address, _, network = line.partition(" ")
            if "." in address and "/" in network:
                return address, network
        return "", ""

    def _sweep(self, name: str) -> None:
        """Remove networks that are left: after a race there are two, and names do not tell them
        apart.
        """
        listed = _run(
            ["docker", "network", "ls", "-q", "--filter", f"name=^k3d-{name}$"], _LIST_SECONDS
        )
        for network in listed.out.split():
            _run(["docker", "network", "rm", network], _LIST_SECONDS)

    def _run(self, *words: str, within: float) -> Output:
        output = _run(["k3d", *words], within)
        logger.info("Ran k3d words=%s code=%d", " ".join(words[:2]), output.code)
        return output


def parsed(text: str) -> list[Cluster]:
    """The clusters of `k3d cluster list -o json`, which is `null` or `[]` for none. Pure."""
    try:
        content = json.loads(text) or []
        return [_cluster(entry) for entry in content]
    except (ValueError, TypeError, LookupError, AttributeError) as error:
        # The text holds the clusters' tokens.
        raise ChoreoError(
            f"cannot understand what k3d lists: {type(error).__name__}", remedy=HOW
        ) from None


def _cluster(entry: Mapping[str, Any]) -> Cluster:
    return Cluster(
        name=entry["name"],
        nodes=[
            Node(
                name=node["name"],
                role=node["role"],
                state=str((node.get("State") or {}).get("Status", "")),
            )
            for node in entry.get("nodes") or ()
        ],
    )


def lacking() -> str:
    """Why k3d cannot be used on this machine, empty when it can."""
    for name in ("k3d", "docker"):
        if shutil.which(name) is None:
            return f"{name} is not installed"
    version = _run(["k3d", "version"], _LIST_SECONDS)
    found = re.search(r"k3d version v?(\d+)\.(\d+)", version.out)
    if found is None:
        return "the program k3d on the path is not the k3d that runs clusters"
    if (int(found[1]), int(found[2])) < _OLDEST:
        return f"k3d {found[1]}.{found[2]} is too old; {'.'.join(map(str, _OLDEST))} is needed"
    engine = _run(["docker", "info"], _LIST_SECONDS)
    return f"no container engine answers: {engine.reason}" if engine.code else ""


def _no_engine(output: Output) -> PreflightError:
    if "permission denied" in output.err.lower():
        return PreflightError(
            "cannot use the container engine: permission denied on its socket",
            remedy="Add yourself to its group: sudo usermod -aG docker $USER, and log in again",
        )
    return PreflightError(f"cannot list k3d clusters: {output.reason}", remedy=_ENGINE)


def _not_created(name: str, output: Output) -> ChoreoError:
    message = f'cannot create the k3d cluster "{name}": {output.reason}'
    if "context deadline exceeded" in output.err:
        return WaitTimeoutError(
            message,
            remedy="Its node did not start in time, or crashes; try again, and see: docker ps",
        )
    if "failed to pull image" in output.err:
        return PreflightError(
            message,
            remedy="Pull the image where there is a network (docker pull), name another one "
            "(--kubernetes IMAGE), or do without images: choreo up --driver embedded",
        )
    if "address already in use" in output.err or "already allocated" in output.err:
        return PortTakenError(message, remedy="Another program has the port; try again")
    if "Cannot connect to the Docker daemon" in output.err or "permission denied" in output.err:
        return _no_engine(output)
    return ChoreoError(message, remedy="See: docker ps; choreo doctor")


def _run(command: Sequence[str], within: float) -> Output:
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=within,
            check=False,
        )
    except FileNotFoundError:
        raise PreflightError(f"cannot run {command[0]}: it is not installed", remedy=HOW) from None
    except subprocess.TimeoutExpired:
        raise WaitTimeoutError(
            f"{' '.join(command[:3])} did not end within {within:.0f} s",
            remedy="See whether the engine works: docker ps",
        ) from None
    return Output(done.returncode, _COLOUR.sub("", done.stdout), _COLOUR.sub("", done.stderr))
