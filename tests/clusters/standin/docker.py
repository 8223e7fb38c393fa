"""The stand-in for docker: the engine's answer to `info`, networks, and the names of clusters."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from tests.clusters.standin import STATE, World

DOWN = (
    "Cannot connect to the Docker daemon at unix:///var/run/docker.sock. "
    "Is the docker daemon running?"
)

# An address of its own, as the network of a cluster has; this machine's only on Linux.
GATEWAY, NETWORK = "127.0.0.2", "127.0.0.2/8"


def main(words: list[str]) -> int:
    """Run a command; its exit code."""
    world = World(Path(os.environ[STATE]))
    if world.fault("engine") == "down":
        sys.stderr.write(f"{DOWN}\n")
        return 1
    match words:
        case ["info"]:
            sys.stdout.write("Server Version: 20.10.24\n")
            return 0
        case ["ps", "-a", "--filter", wanted, "--format", '{{.Label "k3d.cluster"}}']:
            name, value = wanted.removeprefix("label=").split("=", 1)
            for cluster, facts in world.clusters.items():
                labels = facts["labels"]
                if isinstance(labels, dict) and labels.get(name) == value:
                    sys.stdout.write(f"{cluster}\n")
            return 0
        case ["network", "ls", "-q", "--filter", wanted]:
            name = wanted.removeprefix("name=^").removesuffix("$")
            for identity, found in world.networks.items():
                if found == name:
                    sys.stdout.write(f"{identity}\n")
            return 0
        case ["network", "rm", identity]:
            networks = world.networks
            if list(networks.values()).count(identity) > 1:
                sys.stderr.write(f"Error response: network {identity} is ambiguous\n")
                return 1
            if networks.pop(identity, None) is None:
                sys.stderr.write(f"Error response: network {identity} not found\n")
                return 1
            world.set_networks(networks)
            return 0
        case ["build", "-t", name, folder] if (Path(folder) / "Dockerfile").exists():
            world.note(["docker", "build", name])
            sys.stdout.write(f"Successfully tagged {name}\n")
            return 0
        case ["network", "inspect", name, "-f", form] if "Gateway" in form:
            if name not in world.networks.values():
                sys.stderr.write("Error: No such network\n")
                return 1
            # The second family's line is what engines with IPv6 print.
            sys.stdout.write(f"{GATEWAY} {NETWORK}\nfd00::1 fd00::/64\n")
            return 0
    sys.stderr.write(f"docker: '{' '.join(words)}' is not a docker command.\n")
    return 1
