"""Pods and pod templates."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import (
    checks,
    containers,
    metadata,
    names,
    printed,
    probes,
    references,
    resources,
    scheduling,
    security,
    volumes,
)
from choreo_local.embedded.kubeapi.validation.containers import PodContext
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

MIRROR = "kubernetes.io/config.mirror"
_DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
_MAX_INT32 = 2**31 - 1
_DNS_POLICIES = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_EPHEMERAL = frozenset(
    {
        "args",
        "command",
        "env",
        "envFrom",
        "image",
        "imagePullPolicy",
        "name",
        "securityContext",
        "stdin",
        "stdinOnce",
        "targetContainerName",
        "terminationMessagePath",
        "terminationMessagePolicy",
        "tty",
        "volumeDevices",
        "volumeMounts",
        "workingDir",
    }
)


def validate(obj: dict[str, Any]) -> Problems:
    """The problems of a pod, new or changed."""
    meta, spec = obj["metadata"], obj["spec"]
    yield from _annotations(meta.get("annotations") or {}, spec, "metadata.annotations")
    yield from validate_spec(
        spec, "spec", pod=meta.get("name") or "", annotations=meta.get("annotations")
    )
    if not spec.get("serviceAccountName"):
        for index, volume in enumerate(spec.get("volumes") or ()):
            yield from _token_without_account(f"spec.volumes[{index}].projected", volume)
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            yield from _padded_image(f"spec.{field}[{index}].image", container.get("image") or "")


def _token_without_account(path: str, volume: Object) -> Problems:
    for index, source in enumerate((volume.get("projected") or {}).get("sources") or ()):
        if source.get("serviceAccountToken") is not None:
            yield fielderrors.forbidden(
                f"{path}.sources[{index}].serviceAccountToken",
                "must not be specified when serviceAccountName is not set",
            )


def _padded_image(path: str, image: str) -> Problems:
    if image != image.strip():
        yield fielderrors.invalid_value(path, image, "must not have leading or trailing whitespace")


def validate_new(obj: dict[str, Any]) -> Problems:
    """The problems of a new pod."""
    yield from validate(obj)
    spec = obj["spec"]
    if spec.get("ephemeralContainers"):
        yield fielderrors.forbidden("spec.ephemeralContainers", "cannot be set on create")
    if spec.get("nodeName") and spec.get("schedulingGates"):
        yield fielderrors.forbidden(
            "spec.nodeName", "cannot be set until all schedulingGates have been cleared"
        )


def validate_template(template: Object | None, path: str) -> Problems:
    """The problems of a pod template."""
    found = template or {}
    meta, spec = found.get("metadata") or {}, found.get("spec") or {}
    yield from metadata.check_labels(meta.get("labels"), f"{path}.labels")
    yield from metadata.check_annotations(meta.get("annotations"), f"{path}.annotations")
    yield from _annotations(meta.get("annotations") or {}, spec, f"{path}.annotations")
    yield from validate_spec(spec, f"{path}.spec")
    if spec.get("ephemeralContainers"):
        yield fielderrors.forbidden(
            f"{path}.spec.ephemeralContainers",
            "ephemeral containers not allowed in pod template",
        )


def _annotations(found: Mapping[str, str], spec: Object, path: str) -> Problems:
    if MIRROR in found and not spec.get("nodeName"):
        yield fielderrors.invalid_value(
            f"{path}[{MIRROR}]",
            found[MIRROR],
            "must set spec.nodeName if mirror pod annotation is set",
        )
    cost = found.get(_DELETION_COST)
    if cost is not None and not _is_int32(cost):
        yield fielderrors.invalid_value(
            f"{path}[{_DELETION_COST}]", cost, "must be a 32bit integer"
        )


def _is_int32(text: str) -> bool:
    digits = text[1:] if text[:1] in ("-", "+") else text
    if not digits.isascii() or not digits.isdigit() or len(digits) > 10:
        return False
    if text[:1] == "+" or (len(digits) > 1 and digits[0] == "0"):
        return False
    return -_MAX_INT32 - 1 <= int(text) <= _MAX_INT32


def validate_spec(
    spec: Object, path: str, *, pod: str = "", annotations: Mapping[str, str] | None = None
) -> Problems:
    """The problems of what a pod says of itself.

    Args:
        spec: of a pod or template.
        path: where it is.
        pod: the pod's name, empty in templates.
        annotations: the pod's.
    """
    if spec.get("terminationGracePeriodSeconds") is None:
        yield fielderrors.required(f"{path}.terminationGracePeriodSeconds")
    sound, problems = volumes.validate(spec.get("volumes") or (), f"{path}.volumes", pod=pod)
    yield from problems
    yield from _resource_claims(f"{path}.resourceClaims", spec, annotations or {})
    yield from _containers(path, spec, PodContext(spec, sound))
    yield from references.file_volumes(path, spec)
    if spec.get("resources") is not None:
        yield from _pod_resources(f"{path}.resources", spec)
    yield from _host_ports(f"{path}.containers", spec, is_pod=annotations is not None or bool(pod))
    yield from checks.required_one_of(
        f"{path}.restartPolicy", spec.get("restartPolicy"), ("Always", "OnFailure", "Never")
    )
    yield from metadata.check_labels(spec.get("nodeSelector"), f"{path}.nodeSelector")
    yield from security.pod_context(f"{path}.securityContext", spec.get("securityContext"), spec)
    yield from _dns(path, spec)
    yield from _scheduling(path, spec)
    yield from _identity(path, spec)
    yield from _host_users(path, spec)


def _scheduling(path: str, spec: Object) -> Problems:
    yield from scheduling.affinity(f"{path}.affinity", spec.get("affinity"))
    for index, gate in enumerate(spec.get("readinessGates") or ()):
        yield from checks.fits(
            f"{path}.readinessGates[{index}].conditionType",
            gate.get("conditionType") or "",
            names.qualified_name,
        )
    yield from scheduling.gates(f"{path}.schedulingGates", spec.get("schedulingGates") or ())
    yield from scheduling.spread(
        f"{path}.topologySpreadConstraints", spec.get("topologySpreadConstraints") or ()
    )
    yield from scheduling.tolerations(f"{path}.tolerations", spec.get("tolerations") or ())


def _containers(path: str, spec: Object, pod: PodContext) -> Problems:
    regular, init = spec.get("containers") or (), spec.get("initContainers") or ()
    if not regular:
        yield fielderrors.required(f"{path}.containers")
    seen: set[str] = set()
    for index, container in enumerate(regular):
        here = f"{path}.containers[{index}]"
        yield from containers.validate(here, container, pod)
        yield from _unique_name(here, container, seen)
        yield from probes.validate(here, container, pod)
        yield from probes.restart(here, container)
    yield from containers.host_port_conflicts(f"{path}.containers", regular)
    for index, container in enumerate(init):
        here = f"{path}.initContainers[{index}]"
        yield from containers.validate(here, container, pod)
        yield from probes.restart(here, container, is_first=True)
        yield from _unique_name(here, container, seen)
        yield from containers.host_port_conflicts(f"{path}.initContainers", [container])
        check = probes.validate if container.get("restartPolicy") == "Always" else None
        yield from check(here, container, pod) if check else probes.none_allowed(here, container)
    others = set(seen)
    for index, container in enumerate(spec.get("ephemeralContainers") or ()):
        here = f"{path}.ephemeralContainers[{index}]"
        yield from containers.validate(here, container, pod)
        yield from _unique_name(here, container, seen)
        yield from _ephemeral(here, container, others)


def _unique_name(path: str, container: Object, seen: set[str]) -> Problems:
    name = container.get("name") or ""
    if name in seen:
        yield fielderrors.duplicate(f"{path}.name", name)
    elif name:
        seen.add(name)


def _ephemeral(path: str, container: Object, others: set[str]) -> Problems:
    target = container.get("targetContainerName") or ""
    if target and target not in others:
        yield fielderrors.not_found(f"{path}.targetContainerName", target)
    for field, value in container.items():
        if field not in _EPHEMERAL and value not in (None, {}, [], ""):
            yield fielderrors.forbidden(
                f"{path}.{field}", "cannot be set for an Ephemeral Container"
            )
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        for field in ("subPath", "subPathExpr"):
            if mount.get(field):
                yield fielderrors.forbidden(
                    f"{path}.volumeMounts[{index}].{field}",
                    "cannot be set for an Ephemeral Container",
                )


def _resource_claims(path: str, spec: Object, annotations: Mapping[str, str]) -> Problems:
    seen: set[str] = set()
    for index, claim in enumerate(spec.get("resourceClaims") or ()):
        here, name = f"{path}[{index}]", claim.get("name") or ""
        if MIRROR in annotations:
            yield fielderrors.forbidden("", "static pods do not support resource claims")
            continue
        if not name:
            yield fielderrors.required(f"{here}.name")
        elif name in seen:
            yield fielderrors.duplicate(f"{here}.name", name)
        else:
            yield from checks.fits(f"{here}.name", name, names.dns_label)
        seen.add(name)
        yield from _claim_source(here, claim)


def _claim_source(path: str, claim: Object) -> Problems:
    fields = ("resourceClaimName", "resourceClaimTemplateName")
    given = [field for field in fields if claim.get(field) is not None]
    shown = printed.internal("core.PodResourceClaim", claim)
    if len(given) > 1:
        yield fielderrors.invalid_value(
            path,
            shown,
            "at most one of `resourceClaimName` or `resourceClaimTemplateName` may be specified",
        )
    if not given:
        yield fielderrors.invalid_value(
            path, shown, "must specify one of: `resourceClaimName`, `resourceClaimTemplateName`"
        )
    for field in given:
        yield from checks.fits(f"{path}.{field}", claim[field], names.dns_subdomain)


def _pod_resources(path: str, spec: Object) -> Problems:
    found = spec["resources"]
    if found.get("claims"):
        yield fielderrors.forbidden(
            f"{path}.claims", "claims may not be set for Resources at pod-level"
        )
    known = [one["name"] for one in spec.get("resourceClaims") or () if one.get("name")]
    yield from resources.requirements(path, found, claims=known, pod_level=True)


def _host_ports(path: str, spec: Object, *, is_pod: bool) -> Problems:
    if not spec.get("hostNetwork"):
        return
    for index, container in enumerate(spec.get("containers") or ()):
        for number, port in enumerate(container.get("ports") or ()):
            host, own = port.get("hostPort") or 0, port.get("containerPort") or 0
            if (is_pod or host) and host != own:
                yield fielderrors.invalid_value(
                    f"{path}[{index}].ports[{number}].hostPort",
                    host,
                    "must match `containerPort` when `hostNetwork` is true",
                )


def _dns(path: str, spec: Object) -> Problems:
    policy, config = spec.get("dnsPolicy"), spec.get("dnsConfig")
    yield from checks.required_one_of(f"{path}.dnsPolicy", policy, _DNS_POLICIES)
    path = f"{path}.dnsConfig"
    if policy == "None" and config is None:
        yield fielderrors.required(path, "must provide `dnsConfig` when `dnsPolicy` is None")
        return
    found = config or {}
    servers, searches = found.get("nameservers") or [], found.get("searches") or []
    if policy == "None" and not servers:
        yield fielderrors.required(
            f"{path}.nameservers",
            "must provide at least one DNS nameserver when `dnsPolicy` is None",
        )
        return
    if len(servers) > 3:
        yield fielderrors.invalid_value(
            f"{path}.nameservers", servers, "must not have more than 3 nameservers"
        )
    for index, server in enumerate(servers):
        yield from checks.ip_address(f"{path}.nameservers[{index}]", server)
    if len(searches) > 32:
        yield fielderrors.invalid_value(
            f"{path}.searches", searches, "must not have more than 32 search paths"
        )
    if len(" ".join(searches)) > 2048:
        yield fielderrors.invalid_value(
            f"{path}.searches",
            searches,
            "must not have more than 2048 characters (including spaces) in the search list",
        )
    for index, search in enumerate(searches):
        if search != ".":
            yield from checks.fits(
                f"{path}.searches[{index}]", search.removesuffix("."), names.underscored_subdomain
            )
    for index, option in enumerate(found.get("options") or ()):
        if not option.get("name"):
            yield fielderrors.required(f"{path}.options[{index}]", "must not be empty")


def _identity(path: str, spec: Object) -> Problems:
    for field, check in (
        ("serviceAccountName", names.dns_subdomain),
        ("nodeName", names.dns_subdomain),
        ("hostname", names.dns_label),
        ("subdomain", names.dns_label),
        ("priorityClassName", names.dns_subdomain),
    ):
        if spec.get(field):
            yield from checks.fits(f"{path}.{field}", spec[field], check)
    if spec.get("hostnameOverride") is not None:
        yield from _host_name(path, spec)
    if spec.get("runtimeClassName") is not None:
        yield from checks.fits(
            f"{path}.runtimeClassName", spec["runtimeClassName"], names.dns_subdomain
        )
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None:
        yield from checks.in_range(f"{path}.activeDeadlineSeconds", deadline, 1, _MAX_INT32)
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        here = f"{path}.hostAliases[{index}]"
        yield from checks.ip_address(f"{here}.ip", alias.get("ip") or "")
        for number, name in enumerate(alias.get("hostnames") or ()):
            yield from checks.fits(f"{here}.hostnames[{number}]", name, names.dns_subdomain)
    if spec.get("preemptionPolicy") is not None:
        yield from checks.required_one_of(
            f"{path}.preemptionPolicy", spec["preemptionPolicy"], ("PreemptLowerPriority", "Never")
        )
    yield from resources.requirements(f"{path}.overhead", {"limits": spec.get("overhead") or {}})
    if spec.get("os") is not None:
        name = spec["os"].get("name") or ""
        if not name:
            yield fielderrors.required(f"{path}.os.name")
        else:
            yield from checks.one_of(f"{path}.os", name, ("linux", "windows"))


def _host_name(path: str, spec: Object) -> Problems:
    here, name = f"{path}.hostnameOverride", spec["hostnameOverride"]
    for field in ("setHostnameAsFQDN", "hostNetwork"):
        if spec.get(field):
            yield fielderrors.forbidden(here, f"may not be specified when {field} is true")
    yield from checks.at_most_bytes(here, name, 64)
    yield from checks.fits(here, name, names.dns_subdomain)


def _host_users(path: str, spec: Object) -> Problems:
    if spec.get("hostUsers") is not False:
        return
    for field, shown in (("hostPID", "HostPID"), ("hostIPC", "HostIPC")):
        if spec.get(field):
            yield fielderrors.forbidden(f"{path}.{shown}", "when `hostUsers` is false")
