"""Containers: names, ports, environment, mounts, probes, hooks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names, references, resources, security
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_PROTOCOLS = ("SCTP", "TCP", "UDP")
_PULL_POLICIES = ("Always", "IfNotPresent", "Never")
_PROPAGATIONS = ("Bidirectional", "HostToContainer", "None")
_READ_ONLY = ("Disabled", "Enabled", "IfPossible")
_SOURCES = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
_BLOCK_VOLUMES = ("persistentVolumeClaim", "ephemeral")


class PodContext:
    """What the checks of a container need to know of its pod.

    Attributes:
        volumes: the sound volumes by name.
        claims: names of the resource claims.
        restart_policy: of the pod.
        grace_seconds: how long the pod may take to end.
        host_users: the users of the host are the users of the pod.
        os: name of the operating system, empty when the pod does not say.
    """

    def __init__(self, spec: Object, volumes: Mapping[str, Object]) -> None:
        self.volumes = volumes
        self.claims = [one["name"] for one in spec.get("resourceClaims") or () if one.get("name")]
        self.restart_policy = spec.get("restartPolicy") or ""
        self.grace_seconds: int | None = spec.get("terminationGracePeriodSeconds")
        self.host_users = spec.get("hostUsers") is not False
        self.os = (spec.get("os") or {}).get("name") or ""


def validate(path: str, container: Object, pod: PodContext) -> Problems:
    """What holds for containers of any sort."""
    name = container.get("name") or ""
    if not name:
        yield fielderrors.required(f"{path}.name")
    else:
        yield from checks.fits(f"{path}.name", name, names.dns_label)
    if not container.get("image"):
        yield fielderrors.required(f"{path}.image")
    yield from checks.required_one_of(
        f"{path}.terminationMessagePolicy",
        container.get("terminationMessagePolicy"),
        ("File", "FallbackToLogsOnError"),
    )
    yield from _ports(f"{path}.ports", container.get("ports") or ())
    yield from _environment(f"{path}.env", container.get("env") or ())
    yield from _environment_from(f"{path}.envFrom", container.get("envFrom") or ())
    yield from _mounts(f"{path}.volumeMounts", container, pod)
    yield from _devices(f"{path}.volumeDevices", container, pod)
    yield from checks.required_one_of(
        f"{path}.imagePullPolicy", container.get("imagePullPolicy"), _PULL_POLICIES
    )
    yield from resources.requirements(
        f"{path}.resources", container.get("resources") or {}, claims=pod.claims
    )
    yield from _resize_policy(f"{path}.resizePolicy", container.get("resizePolicy") or (), pod)
    yield from security.container_context(
        f"{path}.securityContext", container.get("securityContext"), host_users=pod.host_users
    )


def _ports(path: str, ports: Sequence[Object]) -> Problems:
    seen: set[str] = set()
    for index, port in enumerate(ports):
        here, name = f"{path}[{index}]", port.get("name") or ""
        if name:
            problems = names.port_name(name)
            for text in problems:
                yield fielderrors.invalid_value(f"{here}.name", name, text)
            if not problems and name in seen:
                yield fielderrors.duplicate(f"{here}.name", name)
            seen.add(name)
        if not port.get("containerPort"):
            yield fielderrors.required(f"{here}.containerPort")
        else:
            yield from checks.port_number(f"{here}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            yield from checks.port_number(f"{here}.hostPort", port["hostPort"])
        yield from checks.required_one_of(f"{here}.protocol", port.get("protocol"), _PROTOCOLS)


def host_port_conflicts(path: str, containers: Iterable[Object]) -> Problems:
    """No two ports of a node are the same."""
    seen: set[str] = set()
    for index, container in enumerate(containers):
        for number, port in enumerate(container.get("ports") or ()):
            if not port.get("hostPort"):
                continue
            key = f"{port.get('protocol') or ''}/{port.get('hostIP') or ''}/{port['hostPort']}"
            if key in seen:
                yield fielderrors.duplicate(f"{path}[{index}].ports[{number}].hostPort", key)
            seen.add(key)


def _environment(path: str, variables: Sequence[Object]) -> Problems:
    for index, variable in enumerate(variables):
        here, name = f"{path}[{index}]", variable.get("name") or ""
        if not name:
            yield fielderrors.required(f"{here}.name")
        else:
            yield from checks.fits(f"{here}.name", name, names.environment_variable)
        if variable.get("valueFrom") is not None:
            yield from _value_from(f"{here}.valueFrom", variable)


def _value_from(path: str, variable: Object) -> Problems:
    source = variable["valueFrom"]
    given = [field for field, value in source.items() if value is not None]
    if source.get("fieldRef") is not None:
        yield from references.pod_field(
            f"{path}.fieldRef", source["fieldRef"], references.ENVIRONMENT_FIELDS
        )
    if source.get("resourceFieldRef") is not None:
        yield from references.container_resource(
            f"{path}.resourceFieldRef", source["resourceFieldRef"]
        )
    for field in ("configMapKeyRef", "secretKeyRef"):
        if source.get(field) is not None:
            yield from references.object_key(f"{path}.{field}", source[field])
    if source.get("fileKeyRef") is not None:
        yield from references.file_key(f"{path}.fileKeyRef", source["fileKeyRef"])
    if not given:
        yield fielderrors.invalid_value(path, "", f"must specify one of: {_SOURCES}")
    elif variable.get("value"):
        yield fielderrors.invalid_value(path, "", "may not be specified when `value` is not empty")
    elif len(given) > 1:
        yield fielderrors.invalid_value(
            path, "", "may not have more than one field specified at a time"
        )


def _environment_from(path: str, sources: Sequence[Object]) -> Problems:
    for index, source in enumerate(sources):
        here = f"{path}[{index}]"
        if source.get("prefix"):
            yield from checks.fits(f"{here}.prefix", source["prefix"], names.environment_variable)
        given = [one for one in ("configMapRef", "secretRef") if source.get(one) is not None]
        for field in given:
            name = source[field].get("name") or ""
            if not name:
                yield fielderrors.required(f"{here}.{field}.name")
            else:
                for text in names.is_prefix_of(names.dns_subdomain, name):
                    yield fielderrors.invalid_value(f"{here}.{field}.name", name, text)
        if not given:
            yield fielderrors.invalid_value(
                path, "", "must specify one of: `configMapRef` or `secretRef`"
            )
        elif len(given) > 1:
            yield fielderrors.invalid_value(
                path, "", "may not have more than one field specified at a time"
            )


def _mounts(path: str, container: Object, pod: PodContext) -> Problems:
    devices = container.get("volumeDevices") or ()
    device_names = {one.get("name") for one in devices}
    device_paths = {one.get("devicePath") for one in devices}
    seen: set[str] = set()
    for index, mount in enumerate(container.get("volumeMounts") or ()):
        here, name = f"{path}[{index}]", mount.get("name") or ""
        where = mount.get("mountPath") or ""
        if not name:
            yield fielderrors.required(f"{here}.name")
        if name not in pod.volumes:
            yield fielderrors.not_found(f"{here}.name", name)
        if not where:
            yield fielderrors.required(f"{here}.mountPath")
        if where in seen:
            yield fielderrors.invalid_value(f"{here}.mountPath", where, "must be unique")
        seen.add(where)
        if name in device_names:
            yield fielderrors.invalid_value(
                f"{here}.name", name, "must not already exist in volumeDevices"
            )
        if where in device_paths:
            yield fielderrors.invalid_value(
                f"{here}.mountPath", where, "must not already exist as a path in volumeDevices"
            )
        yield from _sub_paths(path, here, mount)
        yield from _propagation(path, mount, container)


def _sub_paths(path: str, here: str, mount: Object) -> Problems:
    sub, expression = mount.get("subPath") or "", mount.get("subPathExpr") or ""
    if sub:
        yield from checks.relative_path(f"{path}.subPath", sub)
    if expression:
        if sub:
            yield fielderrors.invalid_value(
                f"{here}.subPathExpr", expression, "subPathExpr and subPath are mutually exclusive"
            )
        yield from checks.relative_path(f"{path}.subPathExpr", expression)


def _propagation(path: str, mount: Object, container: Object) -> Problems:
    propagation = mount.get("mountPropagation")
    if propagation is not None:
        yield from checks.one_of(f"{path}.mountPropagation", propagation, _PROPAGATIONS)
        privileged = (container.get("securityContext") or {}).get("privileged")
        if propagation == "Bidirectional" and not privileged:
            yield fielderrors.forbidden(
                f"{path}.mountPropagation",
                "Bidirectional mount propagation is available only to privileged containers",
            )
    recursive = mount.get("recursiveReadOnly")
    if recursive in ("Enabled", "IfPossible"):
        if not mount.get("readOnly"):
            yield fielderrors.forbidden(
                f"{path}.recursiveReadOnly", "may only be specified when readOnly is true"
            )
        if propagation not in (None, "None"):
            yield fielderrors.forbidden(
                f"{path}.recursiveReadOnly",
                "may only be specified when mountPropagation is None or not specified",
            )
    elif recursive is not None:
        yield from checks.one_of(f"{path}.recursiveReadOnly", recursive, _READ_ONLY)


def _devices(path: str, container: Object, pod: PodContext) -> Problems:
    mounts = container.get("volumeMounts") or ()
    mount_names = {one.get("name") for one in mounts}
    mount_paths = {one.get("mountPath") for one in mounts}
    seen_names: set[str] = set()
    seen_paths: set[str] = set()
    for index, device in enumerate(container.get("volumeDevices") or ()):
        here = f"{path}[{index}]"
        name, where = device.get("name") or "", device.get("devicePath") or ""
        yield from _device_name(f"{here}.name", name, pod, seen_names)
        if not where:
            yield fielderrors.required(f"{here}.devicePath")
        if where in seen_paths:
            yield fielderrors.invalid_value(f"{here}.devicePath", where, "must be unique")
        if ".." in where.split("/"):
            yield fielderrors.invalid_value(
                f"{here}.devicePath", where, "can not contain backsteps ('..')"
            )
        else:
            seen_paths.add(where)
        if name in mount_names:
            yield fielderrors.invalid_value(
                f"{here}.name", name, "must not already exist in volumeMounts"
            )
        if where in mount_paths:
            yield fielderrors.invalid_value(
                f"{here}.devicePath", where, "must not already exist as a path in volumeMounts"
            )


def _device_name(path: str, name: str, pod: PodContext, seen: set[str]) -> Problems:
    volume = pod.volumes.get(name)
    if not name:
        yield fielderrors.required(path)
    if name in seen:
        yield fielderrors.invalid_value(path, name, "must be unique")
    if volume is None:
        yield fielderrors.not_found(path, name)
    elif not any(volume.get(one) is not None for one in _BLOCK_VOLUMES):
        yield fielderrors.invalid_value(
            path,
            name,
            "can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode",
        )
    if name:
        seen.add(name)


def _resize_policy(path: str, policies: Sequence[Object], pod: PodContext) -> Problems:
    seen: set[str] = set()
    for index, policy in enumerate(policies):
        name, restart = policy.get("resourceName") or "", policy.get("restartPolicy") or ""
        if name in seen:
            yield fielderrors.duplicate(f"{path}[{index}]", name)
        seen.add(name)
        yield from checks.required_one_of(path, name, ("cpu", "memory"))
        yield from checks.required_one_of(path, restart, ("NotRequired", "RestartContainer"))
        if pod.restart_policy == "Never" and restart != "NotRequired":
            yield fielderrors.invalid_value(
                path, restart, "must be 'NotRequired' when pod `restartPolicy` is 'Never'"
            )
