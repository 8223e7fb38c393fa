"""Security contexts of pods and containers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import re2

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_MAX_ID = 2**31 - 1
_PROFILE_TYPES = ("Localhost", "RuntimeDefault", "Unconfined")
_SYSCTL = r"([a-z0-9]([-_a-z0-9]*[a-z0-9])?[\./])*[a-z0-9]([-_a-z0-9]*[a-z0-9])?"
_IS_SYSCTL = re2.compile(f"^{_SYSCTL}$")
_IPC_SYSCTLS = ("kernel.shm", "kernel.msg", "fs.mqueue.")


def pod_context(path: str, context: Object | None, spec: Object) -> Problems:
    """What holds for all containers of a pod."""
    if context is None:
        return
    for field in ("fsGroup", "runAsUser", "runAsGroup"):
        yield from _identity(f"{path}.{field}", context.get(field))
    for index, group in enumerate(context.get("supplementalGroups") or ()):
        yield from _identity(f"{path}.supplementalGroups[{index}]", group)
    if spec.get("shareProcessNamespace") and spec.get("hostPID"):
        yield fielderrors.invalid_value(
            f"{path}.shareProcessNamespace",
            spec["shareProcessNamespace"],
            "ShareProcessNamespace and HostPID cannot both be enabled",
        )
    yield from _sysctls(f"{path}.sysctls", context, spec)
    for field, supported in (
        ("fsGroupChangePolicy", ("Always", "OnRootMismatch")),
        ("supplementalGroupsPolicy", ("Merge", "Strict")),
        ("seLinuxChangePolicy", ("Recursive",)),
    ):
        if context.get(field) is not None:
            yield from checks.one_of(f"{path}.{field}", context[field], supported)
    yield from _profile(f"{path}.seccompProfile", context.get("seccompProfile"), "seccomp")
    yield from _app_armor(f"{path}.appArmorProfile", context.get("appArmorProfile"))
    yield from _windows(f"{path}.windowsOptions", context.get("windowsOptions") or {})


def container_context(path: str, context: Object | None, *, host_users: bool) -> Problems:
    """What one container may do."""
    if context is None:
        return
    for field in ("runAsUser", "runAsGroup"):
        yield from _identity(f"{path}.{field}", context.get(field))
    mount = context.get("procMount")
    if mount is not None:
        yield from checks.one_of(f"{path}.procMount", mount, ("Default", "Unmasked"))
        if host_users and mount == "Unmasked":
            yield fielderrors.invalid_value(
                f"{path}.procMount", mount, "`hostUsers` must be false to use `Unmasked`"
            )
    yield from _profile(f"{path}.seccompProfile", context.get("seccompProfile"), "seccomp")
    if context.get("allowPrivilegeEscalation") is False:
        yield from _escalation(path, context)
    yield from _app_armor(f"{path}.appArmorProfile", context.get("appArmorProfile"))
    yield from _windows(f"{path}.windowsOptions", context.get("windowsOptions") or {})


def _windows(path: str, options: Object) -> Problems:
    name, credentials = options.get("gmsaCredentialSpecName"), options.get("gmsaCredentialSpec")
    if name is not None:
        yield from checks.fits(f"{path}.gmsaCredentialSpecName", name, names.dns_subdomain)
    if credentials == "":
        yield fielderrors.invalid_value(
            f"{path}.gmsaCredentialSpec", "", "gmsaCredentialSpec cannot be an empty string"
        )
    if options.get("runAsUserName") == "":
        yield fielderrors.invalid_value(
            f"{path}.runAsUserName", "", "runAsUserName cannot be an empty string"
        )


def _escalation(path: str, context: Object) -> Problems:
    shown = printed.internal("core.SecurityContext", context)
    if context.get("privileged"):
        yield fielderrors.invalid_value(
            path, shown, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true"
        )
    for capability in (context.get("capabilities") or {}).get("add") or ():
        if capability == "CAP_SYS_ADMIN":
            yield fielderrors.invalid_value(
                path,
                shown,
                "cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` "
                "CAP_SYS_ADMIN",
            )


def _identity(path: str, value: int | None) -> Problems:
    if value is not None:
        yield from checks.in_range(path, value, 0, _MAX_ID)


def _sysctls(path: str, context: Object, spec: Object) -> Problems:
    seen: set[str] = set()
    for index, sysctl in enumerate(context.get("sysctls") or ()):
        name, here = sysctl.get("name") or "", f"{path}[{index}].name"
        if not name:
            yield fielderrors.required(here)
        elif len(name) > 253 or _IS_SYSCTL.match(name) is None:
            yield fielderrors.invalid_value(
                here, name, f"must have at most 253 characters and match regex ^{_SYSCTL}$"
            )
        elif name in seen:
            yield fielderrors.duplicate(here, name)
        dotted = name.replace("/", ".")
        if spec.get("hostNetwork") and dotted.startswith("net."):
            yield fielderrors.invalid_value(
                here, name, "may not be specified when 'hostNetwork' is true"
            )
        if spec.get("hostIPC") and (dotted.startswith(_IPC_SYSCTLS) or dotted == "kernel.sem"):
            yield fielderrors.invalid_value(
                here, name, "may not be specified when 'hostIPC' is true"
            )
        seen.add(name)


def _profile(path: str, profile: Object | None, title: str) -> Problems:
    if profile is None:
        return
    type_, local = profile.get("type") or "", profile.get("localhostProfile")
    if not type_:
        yield fielderrors.required(f"{path}.type", "type is required when seccompProfile is set")
    else:
        yield from checks.one_of(f"{path}.type", type_, _PROFILE_TYPES)
    if type_ == "Localhost":
        if local is None:
            yield fielderrors.required(
                f"{path}.localhostProfile", f"must be set when {title} type is Localhost"
            )
        else:
            yield from checks.relative_path(f"{path}.localhostProfile", local)
    elif local is not None:
        yield fielderrors.invalid_value(
            f"{path}.localhostProfile",
            printed.internal("core.SeccompProfile", profile),
            f"can only be set when {title} type is Localhost",
        )


def _app_armor(path: str, profile: Object | None) -> Problems:
    if profile is None:
        return
    type_, local = profile.get("type") or "", profile.get("localhostProfile")
    path_local = f"{path}.localhostProfile"
    if not type_:
        yield fielderrors.required(f"{path}.type", "type is required when appArmorProfile is set")
    elif type_ not in _PROFILE_TYPES:
        yield fielderrors.not_supported(f"{path}.type", type_, _PROFILE_TYPES)
    elif type_ != "Localhost":
        if local is not None:
            yield fielderrors.invalid_value(
                path_local, local, "can only be set when AppArmor type is Localhost"
            )
    elif not local:
        yield fielderrors.required(path_local, "must be set when AppArmor type is Localhost")
    elif local.strip() != local:
        yield fielderrors.invalid_value(path_local, local, "must not be padded with whitespace")
    if local and type_ == "Localhost" and len(local) > 4095:
        yield fielderrors.too_long(path_local, 4095)
