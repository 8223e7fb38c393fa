"""What a cluster of ours is called and made of: `ClusterSpec` → the configuration of k3d. Pure."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Collection
from typing import Any

import yaml

from choreo_local.images.registry import names

LABEL = "choreo.dev/instance"
CONTEXT_PREFIX = "k3d-"
# What upstream's local installations run.
IMAGE = "rancher/k3s:v1.36.1-k3s1"
_LONGEST = 32
_TIMEOUT = "300s"


def image(wanted: str) -> str:
    """The image of the nodes for an image, a version (`v1.36.1`, `1.36`), or no wish."""
    if not wanted:
        return IMAGE
    if "/" in wanted or ":" in wanted:
        return wanted
    version = wanted if wanted.startswith("v") else f"v{wanted}"
    return f"rancher/k3s:{version if '-k3s' in version else version + '-k3s1'}"


def choose_name(instance: str, instance_id: str, *, taken: Collection[str]) -> str:
    """A name for the cluster of an instance that no other cluster has."""
    plain = re.sub(r"[^a-z0-9-]+", "-", instance.lower()).strip("-") or "instance"
    mark = hashlib.sha256(instance_id.encode()).hexdigest()[:6]
    name = f"choreo-{plain}"
    if len(name) <= _LONGEST and name not in taken:
        return name
    return f"{name[: _LONGEST - len(mark) - 1].rstrip('-')}-{mark}"


def config(
    name: str, *, instance_id: str, port: int, nodes: str, registry: int = 0
) -> dict[str, Any]:
    """One server and no load balancer: what leads to pods from outside is our gateway.

    Args:
        name: of the cluster.
        instance_id: whose it is.
        port: of the Kubernetes API, on loopback.
        nodes: image of the nodes.
        registry: port of our registry on this machine; 0 for none.
    """
    return {
        **({"registries": {"config": registries(registry)}} if registry else {}),
        "apiVersion": "k3d.io/v1alpha5",
        "kind": "Simple",
        "metadata": {"name": name},
        "servers": 1,
        "agents": 0,
        "image": nodes,
        "kubeAPI": {"hostIP": "127.0.0.1", "hostPort": str(port)},
        "options": {
            "k3d": {"wait": True, "timeout": _TIMEOUT, "disableLoadbalancer": True},
            "k3s": {
                "extraArgs": [
                    _argument("--disable=traefik"),
                    _argument("--tls-san=host.k3d.internal"),
                ]
            },
            # The person's own kubeconfig and its current context stay as they are.
            "kubeconfig": {"updateDefaultKubeconfig": False, "switchCurrentContext": False},
            "runtime": {
                "labels": [{"label": f"{LABEL}={instance_id}", "nodeFilters": ["server:*"]}]
            },
        },
    }


def registries(port: int) -> str:
    """What nodes are told of our registry: by whatever name a reference calls it, it is reached
    at this machine, without TLS.
    """
    url = f"http://{names.HOST_NAME}:{port}"
    found = {name: {"endpoint": [url]} for name in sorted(names.own_names(port))}
    return yaml.safe_dump({"mirrors": found}, default_flow_style=False, sort_keys=False)


def _argument(text: str) -> dict[str, Any]:
    return {"arg": text, "nodeFilters": ["server:*"]}
