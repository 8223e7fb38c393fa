"""The names that kube-apiserver's internal types have in its messages.

Internal type → its fields, each with the JSON name of the same field in the served version.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

# Internal package → package of the served version.
_PACKAGES = {
    "apps": "apps/v1",
    "autoscaling": "autoscaling/v2",
    "batch": "batch/v1",
    "certificates": "certificates/v1",
    "core": "core/v1",
    "networking": "networking/v1",
    "policy": "policy/v1",
    "rbac": "rbac/v1",
    "storage": "storage/v1",
}
_QUALIFIERS = {
    "api": "core",
    "apimachineryapi": "meta",
    "metav1": "meta",
    "resource": "resource",
    "intstr": "intstr",
}
# What messages show whole.
_ROOTS = (
    "apps.DaemonSetSpec",
    "apps.DeploymentStrategy",
    "apps.StatefulSetSpec",
    "batch.JobSpec",
    "batch.UncountedTerminatedPods",
    "certificates.CertificateSigningRequestCondition",
    "core.Event",
    "core.PersistentVolumeClaimSpec",
    "core.PersistentVolumeSource",
    "core.PodSpec",
    "core.PodTemplateSpec",
    "core.Taint",
    "networking.IPAddressSpec",
    "policy.PodDisruptionBudgetSpec",
    "rbac.RoleRef",
    "storage.CSINodeDriver",
    "storage.VolumeAttachmentSpec",
)
_BUILTIN = frozenset({"string", "bool", "int", "int32", "int64", "float64", "byte"})
_TYPE = re.compile(r"^type (\w+) (?:= )?(.+?)\s*(?://.*)?$")
_FIELD = re.compile(r"^\s+(\w+)\s+([^`/]+?)\s*(?:`.*)?(?://.*)?$")
_EMBEDDED = re.compile(r"^\s+([\w.]+)\s*(?:`.*)?$")
_JSON = re.compile(r'^\s+(\w+)\s+[^`]+`.*json:"([^",]*)')
_WORD = re.compile(r"(?<![\w.])(?:(\w+)\.)?([A-Za-z]\w*)(?![\w.])")


def read(cache: Path) -> dict[str, Any]:
    """Read the internal types from a Go module cache."""
    found: dict[str, Any] = {}
    kubernetes = sorted(cache.glob("k8s.io/kubernetes@v1.36.*"))[-1]
    api = sorted(cache.glob("k8s.io/api@v0.36.*"))[-1]
    for package, served in _PACKAGES.items():
        names = _json_names(api / served / "types.go")
        _read_file(kubernetes / "pkg/apis" / package / "types.go", package, names, found)
    kept = _reachable(found)
    return {name: found[name] for name in sorted(kept)}


def _json_names(file: Path) -> dict[tuple[str, str], str]:
    names: dict[tuple[str, str], str] = {}
    struct = ""
    for line in file.read_text(encoding="utf-8").splitlines():
        if matched := _TYPE.match(line):
            struct = matched[1]
        elif matched := _JSON.match(line):
            names[struct, matched[1]] = matched[2]
    return names


def _read_file(
    file: Path, package: str, names: dict[tuple[str, str], str], found: dict[str, Any]
) -> None:
    struct = ""
    text = re.sub(r"/\*.*?\*/", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    for line in text.splitlines():
        if line.startswith("}"):
            struct = ""
        elif struct and not line.strip().startswith("//") and line.strip():
            found[f"{package}.{struct}"].append(_field(line, package, struct, names))
        elif matched := _TYPE.match(line):
            if matched[2] == "struct {":
                struct = matched[1]
                found[f"{package}.{struct}"] = []
            elif not matched[2].startswith(("interface", "func", "struct")):
                found[f"{package}.{matched[1]}"] = _resolve(matched[2], package)


def _field(line: str, package: str, struct: str, names: dict[tuple[str, str], str]) -> list[str]:
    if matched := _FIELD.match(line):
        go_name = matched[1]
        json_name = names.get((struct, go_name)) or go_name[:1].lower() + go_name[1:]
        return [go_name, json_name, _resolve(matched[2], package)]
    matched = _EMBEDDED.match(line)
    if matched is None:
        raise ValueError(f"cannot read a field of {package}.{struct}: {line}")
    return ["", "", _resolve(matched[1], package)]


def _resolve(type_: str, package: str) -> str:
    def full(matched: re.Match[str]) -> str:
        qualifier, name = matched[1], matched[2]
        if qualifier is None:
            return name if name in _BUILTIN or name == "map" else f"{package}.{name}"
        return f"{_QUALIFIERS.get(qualifier, qualifier)}.{name}"

    return _WORD.sub(full, type_.strip())


def _reachable(found: dict[str, Any]) -> set[str]:
    pending, kept = list(_ROOTS), set[str]()
    while pending:
        name = pending.pop()
        entry = found.get(name)
        if entry is None or name in kept:
            continue
        kept.add(name)
        types = [entry] if isinstance(entry, str) else [field[2] for field in entry]
        for type_ in types:
            pending.extend(re.findall(r"[\w.]+", type_))
    return kept
