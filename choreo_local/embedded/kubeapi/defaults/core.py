"""Defaults of the other kinds of the core group: services, volumes, namespaces, limits."""

from __future__ import annotations

from choreo_local.embedded.kubeapi.defaults.engine import Object, defaults


@defaults("core.v1.Service")
def service(obj: Object) -> None:
    """Type, affinity, ports and traffic policies."""
    spec: Object = obj["spec"]
    affinity = spec.setdefault("sessionAffinity", "None")
    if affinity == "None":
        spec.pop("sessionAffinityConfig", None)
    elif affinity == "ClientIP":
        config = spec.get("sessionAffinityConfig") or {}
        if (config.get("clientIP") or {}).get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    type_ = spec.setdefault("type", "ClusterIP")
    for port in spec.get("ports") or ():
        port.setdefault("protocol", "TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    if _is_external(spec):
        spec.setdefault("externalTrafficPolicy", "Cluster")
    if type_ in ("ClusterIP", "NodePort", "LoadBalancer"):
        spec.setdefault("internalTrafficPolicy", "Cluster")
    if type_ == "LoadBalancer":
        spec.setdefault("allocateLoadBalancerNodePorts", True)
        _ingress_modes(obj)


def _is_external(spec: Object) -> bool:
    if spec["type"] in ("NodePort", "LoadBalancer"):
        return True
    return spec["type"] == "ClusterIP" and bool(spec.get("externalIPs"))


def _ingress_modes(obj: Object) -> None:
    balancer = (obj.get("status") or {}).get("loadBalancer") or {}
    for ingress in balancer.get("ingress") or ():
        if ingress.get("ip"):
            ingress.setdefault("ipMode", "VIP")


@defaults("core.v1.EndpointPort")
def port(found: Object) -> None:
    """Ports are TCP."""
    found.setdefault("protocol", "TCP")


@defaults("core.v1.Secret")
def secret(obj: Object) -> None:
    """A secret for anything."""
    obj.setdefault("type", "Opaque")


@defaults("core.v1.PersistentVolume")
def persistent_volume(obj: Object) -> None:
    """A volume that is kept, and has a file system."""
    spec: Object = obj["spec"]
    spec.setdefault("persistentVolumeReclaimPolicy", "Retain")
    spec.setdefault("volumeMode", "Filesystem")
    obj.setdefault("status", {}).setdefault("phase", "Pending")


@defaults("core.v1.PersistentVolumeClaim")
def claim(obj: Object) -> None:
    """A claim waits."""
    obj.setdefault("status", {}).setdefault("phase", "Pending")


@defaults("core.v1.PersistentVolumeClaimSpec")
def claim_spec(spec: Object) -> None:
    """A claim wants a file system."""
    spec.setdefault("volumeMode", "Filesystem")


@defaults("core.v1.Namespace")
def namespace(obj: Object) -> None:
    """A namespace is labelled with its name."""
    name = obj["metadata"].get("name")
    if name:
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


@defaults("core.v1.NamespaceStatus")
def namespace_status(status: Object) -> None:
    """A namespace is in use."""
    status.setdefault("phase", "Active")


@defaults("core.v1.NodeStatus")
def node_status(status: Object) -> None:
    """All of a node can be used."""
    if status.get("capacity") and "allocatable" not in status:
        status["allocatable"] = dict(status["capacity"])


@defaults("core.v1.ReplicationController")
def replication_controller(obj: Object) -> None:
    """The labels of the template as selector and labels."""
    spec: Object = obj["spec"]
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        if not obj["metadata"].get("labels"):
            obj["metadata"]["labels"] = dict(labels)


@defaults("core.v1.LimitRangeItem")
def limit_range_item(item: Object) -> None:
    """Limits follow the maximum, requests the limits or the minimum."""
    if item.get("type") != "Container":
        return
    limits = item.setdefault("default", {})
    requests = item.setdefault("defaultRequest", {})
    for target, source in (
        (limits, item.get("max")),
        (requests, limits),
        (requests, item.get("min")),
    ):
        for name, amount in (source or {}).items():
            target.setdefault(name, amount)
    for name in ("default", "defaultRequest"):
        if not item[name]:
            del item[name]


@defaults("core.v1.NodeSpec")
def node_spec(spec: Object) -> None:
    """The one range of older clients is the first of the newer list, and wins."""
    first, ranges = spec.get("podCIDR"), spec.get("podCIDRs") or []
    if first and first not in ranges[:1]:
        spec["podCIDRs"] = [first]
    elif ranges:
        spec["podCIDR"] = ranges[0]


@defaults("core.v1.PodStatus")
def pod_status(status: Object) -> None:
    """The one address of older kubelets is the first of the newer list, and wins."""
    first, addresses = status.get("podIP"), status.get("podIPs") or []
    if first and first != (addresses[0].get("ip") if addresses else None):
        status["podIPs"] = [{"ip": first}]
    elif addresses and addresses[0].get("ip"):
        status["podIP"] = addresses[0]["ip"]
