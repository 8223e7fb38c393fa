"""What stands behind the receivers of component templates, e.g. `configurations.toVolumes()`; pure.

Computed once a render and offered as the hidden variable `derived`. Names of the ConfigMaps and
Secrets in it are upstream's, as manifests on both sides of a promotion or an export must agree.

Public: `build(…)`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from . import hashing, names

Items = Iterable[Mapping[str, Any]]

_PORT_NAME_LENGTH = 15


def build(
    *,
    component: str,
    environment: str,
    configurations: Mapping[str, Any],
    workload: Mapping[str, Any],
    dependencies: Mapping[str, Any],
    endpoint_resources: Mapping[str, Any],
) -> dict[str, Any]:
    """The variable `derived`, from the variables that templates see."""
    prefix = f"{component}-{environment}"
    configs, secrets = configurations["configs"], configurations["secrets"]
    config_files = [_config_file(prefix, file) for file in configs["files"]]
    secret_files = [_secret_file(prefix, file) for file in secrets["files"]]
    config_envs = _env_group(configs["envs"], names.generate(prefix, "env-configs"))
    secret_envs = _env_group(secrets["envs"], _secret_env_name(prefix, secrets["envs"]))
    return {
        "configFileList": config_files,
        "secretFileList": secret_files,
        "configEnvs": config_envs,
        "secretEnvs": secret_envs,
        "containerEnvFrom": [
            *({"configMapRef": {"name": group["resourceName"]}} for group in config_envs),
            *({"secretRef": {"name": group["resourceName"]}} for group in secret_envs),
        ],
        "configVolumeMounts": [_mount(file) for file in (*config_files, *secret_files)],
        "configVolumes": _volumes(config_files, secret_files),
        "servicePorts": service_ports(workload["endpoints"]),
        "dependencyEnvVars": dependencies["envVars"],
        "dependencyVolumeMounts": dependencies["volumeMounts"],
        "dependencyVolumes": dependencies["volumes"],
        "endpointResources": dict(endpoint_resources),
    }


def service_ports(endpoints: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """The ports of a Service for these endpoints, one for each port and protocol."""
    result: list[dict[str, Any]] = []
    used: set[str] = set()
    seen: set[tuple[Any, str]] = set()
    for endpoint_name in sorted(endpoints):
        endpoint = endpoints[endpoint_name]
        port, protocol = endpoint["port"], "UDP" if endpoint["type"] == "UDP" else "TCP"
        if (port, protocol) in seen:
            continue
        seen.add((port, protocol))
        name = _unused(_port_name(endpoint_name) or f"port-{int(port)}", used)
        used.add(name)
        target = endpoint["targetPort"]
        entry = {"name": name, "port": port, "targetPort": target, "protocol": protocol}
        result.append(entry)
    return result


def _config_file(prefix: str, file: Mapping[str, Any]) -> dict[str, Any]:
    name = names.generate(prefix, "config", file["name"].replace(".", "-"))
    return {**file, "resourceName": name}


def _secret_file(prefix: str, file: Mapping[str, Any]) -> dict[str, Any]:
    remote = file.get("remoteRef")
    # A new version of the secret gets a new name, so that pods roll over to it.
    extra = hashing.fnv_hex("\0".join(_remote_parts(remote))) if remote else ""
    name = names.generate(prefix, "secret", file["name"].replace(".", "-"), extra=extra)
    shown = {key: value for key, value in file.items() if key != "value"}
    return {**shown, "resourceName": name}


def _secret_env_name(prefix: str, envs: Items) -> str:
    text = "".join(
        f"{part}\0"
        for env in envs
        if env.get("remoteRef")
        for part in (env["name"], *_remote_parts(env["remoteRef"]))
    )
    extra = hashing.fnv_hex(text) if text else ""
    return names.generate(prefix, "env-secrets", extra=extra)


def _remote_parts(remote: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(str(remote.get(field, "")) for field in ("key", "property", "version"))


def _env_group(envs: list[Any], name: str) -> list[dict[str, Any]]:
    return [{"resourceName": name, "envs": envs}] if envs else []


def _path(file: Mapping[str, Any]) -> str:
    return f"{file['mountPath']}/{file['name']}"


def _volume_name(file: Mapping[str, Any]) -> str:
    return f"file-mount-{hashing.fnv_hex(_path(file))}"


def _mount(file: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": _volume_name(file), "mountPath": _path(file), "subPath": file["name"]}


def _volumes(config_files: Items, secret_files: Items) -> list[dict[str, Any]]:
    volumes = {}
    for file in config_files:
        volumes[_volume_name(file)] = {"configMap": {"name": file["resourceName"]}}
    for file in secret_files:
        volumes[_volume_name(file)] = {"secret": {"secretName": file["resourceName"]}}
    return [{"name": name, **volumes[name]} for name in sorted(volumes)]


def _port_name(endpoint: str) -> str:
    lowered = endpoint.lower().replace("_", "-")
    kept = "".join(char for char in lowered if char.isascii() and (char.isalnum() or char == "-"))
    return kept.strip("-")[:_PORT_NAME_LENGTH].rstrip("-")


def _unused(name: str, used: set[str]) -> str:
    candidate, number = name, 2
    while candidate in used:
        suffix = f"-{number}"
        candidate = name[: _PORT_NAME_LENGTH - len(suffix)].rstrip("-") + suffix
        number += 1
    return candidate
