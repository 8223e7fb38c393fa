"""Defaults of pods, their containers and volumes."""

from __future__ import annotations

import re2

from choreo_local.embedded.kubeapi import quantity
from choreo_local.embedded.kubeapi.defaults.engine import Object, defaults

# Users choose image names: this engine does not backtrack.
_IMAGE = re2.compile(
    r"(?P<name>(?:(?:[a-zA-Z0-9.-]+|\[[a-fA-F0-9:]+\])(?::[0-9]+)?/)?"
    r"[a-z0-9]+(?:[._-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._-]+[a-z0-9]+)*)*)"
    r"(?::(?P<tag>\w[\w.-]{0,127}))?"
    r"(?:@(?P<digest>[A-Za-z][A-Za-z0-9.+_-]*:[0-9a-fA-F]{32,}))?"
)
_MAX_NAME = 255
_POD_LEVEL = frozenset({"cpu", "memory"})


@defaults("core.v1.ResourceList")
def resource_list(found: Object) -> None:
    """Amounts are rounded up to thousandths."""
    for name, text in found.items():
        try:
            found[name] = quantity.parse(str(text)).rounded_to_milli().text
        except quantity.QuantityError:
            continue


@defaults("core.v1.Pod")
def pod(obj: Object) -> None:
    """Requests follow limits; only for pods themselves, not in templates."""
    spec: Object = obj["spec"]
    for container in _containers(spec):
        resources = container.setdefault("resources", {})
        limits = resources.get("limits")
        if limits:
            requests = resources.setdefault("requests", {})
            for name, amount in limits.items():
                requests.setdefault(name, amount)
    _pod_level_requests(spec)
    spec.setdefault("enableServiceLinks", True)
    if (spec.get("terminationGracePeriodSeconds") or 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    if spec.get("hostNetwork"):
        for container in _containers(spec):
            for port in container.get("ports") or ():
                port.setdefault("hostPort", port.get("containerPort", 0))


def _containers(spec: Object) -> list[Object]:
    return [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]


def _pod_level_requests(spec: Object) -> None:
    resources = spec.get("resources") or {}
    if not resources.get("limits"):
        return
    requests = resources.setdefault("requests", {})
    for name, amount in _summed_requests(spec).items():
        if name in _POD_LEVEL:
            requests.setdefault(name, amount)
    for name, amount in resources["limits"].items():
        if name in _POD_LEVEL or name.startswith("hugepages-"):
            requests.setdefault(name, amount)
    if not requests:
        del resources["requests"]


def _summed_requests(spec: Object) -> dict[str, str]:
    sums: dict[str, int] = {}
    for container in spec.get("containers") or ():
        for name, text in ((container.get("resources") or {}).get("requests") or {}).items():
            sums[name] = sums.get(name, 0) + quantity.parse(text).nanos
    return {name: quantity.from_nanos(nanos).text for name, nanos in sums.items()}


@defaults("core.v1.PodSpec")
def pod_spec(spec: Object) -> None:
    """How a pod runs unless it says otherwise."""
    spec.setdefault("dnsPolicy", "ClusterFirst")
    spec.setdefault("restartPolicy", "Always")
    spec.setdefault("securityContext", {})
    spec.setdefault("terminationGracePeriodSeconds", 30)
    spec.setdefault("schedulerName", "default-scheduler")
    account = spec.get("serviceAccountName")
    if account:
        # The older name of the field is kept in step with the newer one.
        spec["serviceAccount"] = account
    elif spec.get("serviceAccount"):
        spec["serviceAccountName"] = spec["serviceAccount"]


@defaults("core.v1.Container", "core.v1.EphemeralContainer")
def container(found: Object) -> None:
    """How a container is pulled and how it reports its end."""
    found.setdefault("imagePullPolicy", _pull_policy(found.get("image") or ""))
    found.setdefault("terminationMessagePath", "/dev/termination-log")
    found.setdefault("terminationMessagePolicy", "File")


def _pull_policy(image: str) -> str:
    """A tag that moves is pulled each time; so is one that is not given, but for a digest."""
    matched = _IMAGE.fullmatch(image)
    if matched is None or len(matched["name"]) > _MAX_NAME:
        return "IfNotPresent"
    tag, digest = matched["tag"], matched["digest"]
    return "Always" if tag == "latest" or not (tag or digest) else "IfNotPresent"


@defaults("core.v1.Probe")
def probe(found: Object) -> None:
    """How often a probe runs and how many results count."""
    found.setdefault("timeoutSeconds", 1)
    found.setdefault("periodSeconds", 10)
    found.setdefault("successThreshold", 1)
    found.setdefault("failureThreshold", 3)


@defaults("core.v1.HTTPGetAction")
def http_get(action: Object) -> None:
    """What a probe asks for."""
    action.setdefault("path", "/")
    action.setdefault("scheme", "HTTP")


@defaults("core.v1.ObjectFieldSelector")
def field_selector(selector: Object) -> None:
    """Fields are those of the first version of pods."""
    selector.setdefault("apiVersion", "v1")


@defaults("core.v1.Volume")
def volume(found: Object) -> None:
    """A volume that says nothing is an empty directory."""
    if not any(value is not None for name, value in found.items() if name != "name"):
        found["emptyDir"] = {}
    image = found.get("image")
    if image is not None:
        image.setdefault("pullPolicy", _pull_policy(image.get("reference") or ""))


@defaults(
    "core.v1.ConfigMapVolumeSource",
    "core.v1.SecretVolumeSource",
    "core.v1.DownwardAPIVolumeSource",
    "core.v1.ProjectedVolumeSource",
)
def file_mode(source: Object) -> None:
    """Files are readable by all."""
    source.setdefault("defaultMode", 0o644)


@defaults("core.v1.ServiceAccountTokenProjection")
def token(projection: Object) -> None:
    """Tokens live for an hour."""
    projection.setdefault("expirationSeconds", 3600)


@defaults("core.v1.HostPathVolumeSource")
def host_path(source: Object) -> None:
    """The type of a path is not checked."""
    source.setdefault("type", "")
