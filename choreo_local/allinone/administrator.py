"""How the owner of an instance reaches its Kubernetes API with all rights, from another process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import yaml

from choreo_local.allinone import instance as instances
from choreo_local.apimachinery import yamltext
from choreo_local.clusters import kubeconfigs
from choreo_local.errors import PreflightError
from choreo_local.kubeclient.access import KubeAccess, SocketAccess
from choreo_local.paths import InstancePaths


async def access(paths: InstancePaths, record: instances.Instance) -> KubeAccess:
    """Over the socket of the embedded cluster, else as the user of the kubeconfig."""
    if record.driver == "embedded":
        return SocketAccess(paths.socket("kube"), "")
    return await kubeconfigs.connect(content(paths, record))


def content(paths: InstancePaths, record: instances.Instance) -> Mapping[str, Any]:
    """The person's kubeconfig as it is now; if it has gone, as it was at the last start."""
    if record.driver == "existing":
        target = record.target
        try:
            found = kubeconfigs.read(kubeconfigs.sources(target.kubeconfig))
            return kubeconfigs.single(found, target.context)
        except PreflightError:
            if not paths.kubeconfig.exists():
                raise
    kept: Mapping[str, Any] = yaml.load(paths.kubeconfig.read_text("utf-8"), yamltext.LOADER)
    return kept
