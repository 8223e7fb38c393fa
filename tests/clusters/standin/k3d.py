"""The stand-in for k3d 5.9: its words, exit codes and lies, as they were seen.

INFO goes to stdout, everything else to stderr, coloured in any case.
"""

from __future__ import annotations

import base64
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil
import yaml

from choreo_local import pki
from tests.clusters.standin import STATE, World
from tests.clusters.standin.docker import DOWN

_END_SECONDS = 60
Facts = dict[str, Any]


def main(words: list[str]) -> int:
    """Run a command; its exit code."""
    world = World(Path(os.environ[STATE]))
    world.note(words)
    k3d = _K3d(world)
    match words:
        case ["version"]:
            sys.stdout.write("k3d version v5.9.0\nk3s version v1.35.5-k3s1 (default)\n")
            return 0
        case ["cluster", "list", "-o", "json"]:
            return k3d.list_clusters()
        case ["cluster", "create", "--config", file]:
            return k3d.create(yaml.safe_load(Path(file).read_text()))
        case ["cluster", "start", name]:
            return k3d.start(name)
        case ["cluster", "stop", name]:
            return k3d.stop(name)
        case ["cluster", "delete", name]:
            return k3d.delete(name)
        case ["kubeconfig", "get", name]:
            return k3d.kubeconfig(name)
        case ["image", "import", "-c", name, *images]:
            return k3d.import_images(name, images)
    # An unknown command prints help, and succeeds.
    sys.stdout.write("Usage:\n  k3d [flags]\n  k3d [command]\n")
    return 0


def info(text: str) -> None:
    sys.stdout.write(f"\x1b[36mINFO\x1b[0m[0000] {text}\n")


def complain(level: str, text: str) -> None:
    sys.stderr.write(f"\x1b[31m{level}\x1b[0m[0000] {text}\n")


class _K3d:
    def __init__(self, world: World) -> None:
        self._world = world

    def _no_engine(self) -> str:
        """Why the engine does not answer, empty when it does."""
        return {
            "down": DOWN,
            "denied": "permission denied while trying to connect to the Docker daemon socket at "
            "unix:///var/run/docker.sock",
        }.get(self._world.fault("engine"), "")

    def list_clusters(self) -> int:
        if problem := self._no_engine():
            complain(
                "FATA",
                "runtime failed to list nodes: docker failed to get containers with labels "
                f"'map[app:k3d]': failed to list containers: {problem}",
            )
            return 1
        found = [self._described(name, facts) for name, facts in self._world.clusters.items()]
        sys.stdout.write(json.dumps(found or None) + "\n")
        return 0

    def _described(self, name: str, facts: Facts) -> Facts:
        state = facts["state"]
        node = {
            "name": f"k3d-{name}-server-0",
            "role": "server",
            "image": "sha256:0123",
            "env": [f"K3S_TOKEN={facts['token']}"],
            "Cmd": None,
            "runtimeLabels": {
                # Of the labels that somebody else gave, it lists none.
                "k3d.cluster": name,
                "k3d.cluster.token": facts["token"],
                "k3d.server.api.port": str(facts["port"]),
            },
            "State": {"Running": state != "exited", "Status": state, "Started": ""},
        }
        running = int(state != "exited")
        return {
            "name": name,
            "network": {"name": f"k3d-{name}", "id": "", "Members": None},
            "nodes": [node],
            "serversRunning": running,
            "serversCount": 1,
            "agentsRunning": 0,
            "agentsCount": 0,
        }

    def create(self, config: Facts) -> int:
        name = config["metadata"]["name"]
        if problem := self._no_engine():
            complain("ERRO", f"Failed to create cluster network: {problem}")
            complain("FATA", "Cluster creation FAILED, also FAILED to rollback changes!")
            return 1
        if name in self._world.clusters:
            complain(
                "FATA",
                f"Failed to create cluster '{name}' because a cluster with that name "
                "already exists",
            )
            return 1
        fault = self._world.fault("create")
        if not _is_free(int(config["kubeAPI"]["hostPort"])):
            fault = "port"
        if fault in _REFUSALS:
            complain("ERRO", _REFUSALS[fault])
            if fault == "race":
                first, second = secrets.token_hex(6), secrets.token_hex(6)
                self._world.set_networks(
                    {**self._world.networks, first: f"k3d-{name}", second: f"k3d-{name}"}
                )
            complain("FATA", "Cluster creation FAILED, all changes have been rolled back!")
            return 1
        self._made(name, config)
        if fault == "killed":
            # The container carries on when the command is ended.
            os.kill(os.getpid(), signal.SIGTERM)
        info(f"Cluster '{name}' created successfully!")
        return 0

    def _made(self, name: str, config: Facts) -> None:
        api = config["kubeAPI"]
        labels = config["options"]["runtime"]["labels"]
        facts: Facts = {
            "state": "running",
            "port": int(api["hostPort"]),
            "host": api.get("hostIP", "0.0.0.0"),
            "labels": dict(entry["label"].split("=", 1) for entry in labels),
            "token": secrets.token_hex(12),
            "image": config["image"],
        }
        folder = self._folder(name)
        folder.mkdir(parents=True)
        authority = pki.ensure_authority(folder / "pki", f"choreo k3d-{name}")
        pki.ensure_client(
            folder / "pki", "admin", authority=authority, user="admin", groups=["system:masters"]
        )
        networks = {**self._world.networks, secrets.token_hex(6): f"k3d-{name}"}
        self._world.set_networks(networks)
        self._world.set_cluster(name, {**facts, "pid": self._run_node(name, facts)})

    def _folder(self, name: str) -> Path:
        return self._world.folder / name

    def _run_node(self, name: str, facts: Facts) -> int:
        """Start the node and return at once: that it is ready is for others to find out."""
        folder = self._folder(name)
        # As with an engine, the port is the container's from the first moment.
        with (folder / "log").open("ab") as log, _listener(int(facts["port"])) as held:
            command = [sys.executable, "-m", "tests.clusters.standin.node", str(folder), name]
            process = subprocess.Popen(
                [*command, str(held.fileno())],
                pass_fds=[held.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                cwd=Path(__file__).parents[3],
            )
        return process.pid

    def _found(self, name: str) -> Facts | None:
        if problem := self._no_engine():
            complain("ERRO", problem)
        elif name in self._world.clusters:
            return self._world.clusters[name]
        complain("FATA", "No nodes found for given cluster")
        return None

    def start(self, name: str) -> int:
        facts = self._found(name)
        if facts is None:
            return 1
        if facts["state"] == "exited":
            facts = {**facts, "state": "running", "pid": self._run_node(name, facts)}
            self._world.set_cluster(name, facts)
        info(f"Started cluster '{name}'")
        return 0

    def stop(self, name: str) -> int:
        facts = self._found(name)
        if facts is None:
            return 1
        _end(int(facts["pid"]))
        self._world.set_cluster(name, {**facts, "state": "exited"})
        info(f"Stopped cluster '{name}'")
        return 0

    def delete(self, name: str) -> int:
        if problem := self._no_engine():
            complain("ERRO", problem)
            info("No clusters found")
            return 0
        facts: Facts | None = self._world.clusters.get(name)
        if facts is None:
            info(f"No nodes found for cluster '{name}', nothing to delete.")
            return 0
        if self._world.fault("delete") == "refused":
            complain("ERRO", "failed to delete node")
            return 0
        _end(int(facts["pid"]))
        self._world.set_cluster(name, None)
        if self._world.fault("delete") != "orphan":
            kept = {
                key: found for key, found in self._world.networks.items() if found != f"k3d-{name}"
            }
            self._world.set_networks(kept)
        info(f"Successfully deleted cluster {name}!")
        return 0

    def kubeconfig(self, name: str) -> int:
        facts = self._found(name)
        if facts is None:
            return 1
        folder = self._folder(name) / "pki"
        user = {
            "client-certificate-data": _encoded(folder / "admin.crt"),
            "client-key-data": _encoded(folder / "admin.key"),
        }
        cluster = {
            "server": f"https://{facts['host']}:{facts['port']}",
            "certificate-authority-data": _encoded(folder / "ca.crt"),
        }
        context = {"cluster": f"k3d-{name}", "user": f"admin@k3d-{name}"}
        content = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": f"k3d-{name}",
            "clusters": [{"name": f"k3d-{name}", "cluster": cluster}],
            "users": [{"name": f"admin@k3d-{name}", "user": user}],
            "contexts": [{"name": f"k3d-{name}", "context": context}],
        }
        sys.stdout.write(f"---\n{yaml.safe_dump(content)}")
        return 0

    def import_images(self, name: str, images: list[str]) -> int:
        facts = self._found(name)
        if facts is None:
            return 1
        if not [image for image in images if "missing" not in image]:
            complain("FATA", "no valid images specified")
            return 1
        for image in images:
            if "missing" in image:
                complain("WARN", f"Image '{image}' is not a file and couldn't be found")
        if facts["state"] == "exited" or self._world.fault("import") == "fails":
            complain("ERRO", f"failed to import images in node 'k3d-{name}-server-0'")
        info(f"Successfully imported {len(images)} image(s) into 1 cluster(s)")
        return 0


_REFUSALS = {
    "port": "Error starting userland proxy: listen tcp4 127.0.0.1:6550: bind: address already "
    "in use",
    "pull": "docker failed to pull image 'rancher/k3s:v1.36.1-k3s1': no such host",
    "timeout": "error waiting for log line `k3s is up and running` from node: context deadline "
    "exceeded",
    "race": "network k3d is ambiguous",
}


def _is_free(port: int) -> bool:
    try:
        _listener(port).close()
    except OSError:
        return False
    return True


def _listener(port: int) -> socket.socket:
    return socket.create_server(("127.0.0.1", port))


def _encoded(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()


def _end(pid: int) -> None:
    """End a node and wait, as the engine would."""
    try:
        process = psutil.Process(pid)
        process.terminate()
        process.wait(_END_SECONDS)
    except psutil.NoSuchProcess:
        return
    except psutil.TimeoutExpired:
        process.kill()
