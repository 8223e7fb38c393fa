"""What the Go types of the builtin kinds add to their OpenAPI definitions.

Which fields are pointers, which are left out when empty, the names of types in decoding errors,
protobuf field numbers: facts that other programs see in answers, and that only the source says.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

# module → packages below it whose types can be part of a request or an answer
_MODULES: dict[str, tuple[str, ...]] = {
    "k8s.io/api": (
        "admission/v1",
        "admissionregistration/v1",
        "apps/v1",
        "authentication/v1",
        "authorization/v1",
        "autoscaling/v1",
        "autoscaling/v2",
        "batch/v1",
        "certificates/v1",
        "coordination/v1",
        "core/v1",
        "discovery/v1",
        "events/v1",
        "flowcontrol/v1",
        "networking/v1",
        "node/v1",
        "policy/v1",
        "rbac/v1",
        "resource/v1",
        "scheduling/v1",
        "storage/v1",
    ),
    "k8s.io/apimachinery": (
        "pkg/api/resource",
        "pkg/apis/meta/v1",
        "pkg/runtime",
        "pkg/types",
        "pkg/util/intstr",
    ),
    "k8s.io/apiextensions-apiserver": ("pkg/apis/apiextensions/v1",),
    "k8s.io/kube-aggregator": ("pkg/apis/apiregistration/v1",),
    "k8s.io/metrics": ("pkg/apis/metrics/v1beta1",),
}
_IMPORT = re.compile(r'^\s*(?:(\w+)\s+)?"([\w./-]+)"\s*$')
_TYPE = re.compile(r"^type (\w+) =? ?(.+?)\s*$")
_FIELD = re.compile(r"^\s+(\w+)\s+([^`]+?)\s+`([^`]*)`")
_EMBEDDED = re.compile(r"^\s+([\w.]+)\s+`([^`]*)`")
_CONSTANT = re.compile(r'^\s*(?:const\s+)?(\w+)\s+([\w.]+)\s*=\s*(?:\w+\()?"([^"]*)"')
_CONVERTED = re.compile(r'^\s*(?:const\s+)?(\w+)\s*=\s*([A-Z]\w*)\("([^"]*)"\)')
_UNTYPED = re.compile(r'^\s*(?:const\s+)?(\w+)\s*=\s*"([^"]*)"')
_DEFAULT = re.compile(r"^\s*//\s*\+default=(.+?)\s*$")
_ENUM = re.compile(r"^\s*//\s*\+(?:k8s:)?enum\s*$")
_TAG = re.compile(r'(\w+):"([^"]*)"')
_WORD = re.compile(r"(?<![\w./])(?:(\w+)\.)?([A-Za-z]\w*)")
_BUILTIN = frozenset(
    {"string", "bool", "int", "int32", "int64", "uint32", "float64", "byte", "map", "struct"}
)


@dataclass(slots=True)
class Types:
    """All types found: structs with their fields, names of other types, values of enumerations."""

    structs: dict[str, list[list[Any]]] = field(default_factory=dict)
    named: dict[str, str] = field(default_factory=dict)
    enums: set[str] = field(default_factory=set)
    values: dict[str, list[str]] = field(default_factory=dict)
    constants: dict[str, str] = field(default_factory=dict)


def read(cache: Path) -> dict[str, Any]:
    """Read the types from a Go module cache (`go env GOMODCACHE`)."""
    found = Types()
    for module, packages in _MODULES.items():
        root = _newest(cache, module)
        for package in packages:
            for file in sorted((root / package).glob("*.go")):
                if not re.search(r"_test\.go$|^zz_|^generated\.", file.name):
                    _read_file(file, f"{module}/{package}", found)
    return _pruned(found)


def _newest(cache: Path, module: str) -> Path:
    versions = sorted(cache.glob(f"{module}@v0.36.*"))
    if not versions:
        raise FileNotFoundError(f"{cache} has no {module} v0.36; get it with `go mod download`")
    return versions[-1]


def _pruned(found: Types) -> dict[str, Any]:
    """Only what a kind (a struct with a TypeMeta) can hold."""
    pending = [name for name, fields in found.structs.items() if fields and _is_kind(fields[0])]
    kept: set[str] = set()
    while pending:
        name = pending.pop()
        if name in kept or (name not in found.structs and name not in found.named):
            continue
        kept.add(name)
        types = [entry[1] for entry in found.structs.get(name, ())]
        for type_ in [*types, found.named.get(name, "")]:
            pending.extend(match[0] for match in re.finditer(r"[\w.-]+", type_))
    for owner, fields in found.structs.items():
        for entry in fields:
            if len(entry) > 4:
                entry[4] = _default(entry[4], owner, found)
            # Only a list that has a name of its own can be one message instead of many.
            if not found.named.get(entry[1], "").startswith("[]"):
                entry[2] = entry[2].replace("1", "")
    everything: dict[str, Any] = {**found.named, **found.structs}
    for name in found.enums & kept:
        everything[name] = {"type": found.named[name], "enum": sorted(set(found.values[name]))}
    return {name: everything[name] for name in sorted(kept)}


def _default(text: str, owner: str, found: Types) -> Any:
    """The value of a `+default` marker: JSON, or the name of a constant."""
    if text.startswith("ref("):
        return found.constants[f"{owner.rpartition('.')[0]}.{text[4:-1]}"]
    return json.loads(text)


def _is_kind(entry: list[Any]) -> bool:
    return bool(entry[1] == definition_name("k8s.io/apimachinery/pkg/apis/meta/v1", "TypeMeta"))


def definition_name(package: str, name: str) -> str:
    """As in OpenAPI: `k8s.io/api/core/v1`, `Pod` → `io.k8s.api.core.v1.Pod`."""
    return f"io.{package.removeprefix('k8s.io/').join(('k8s.', '')).replace('/', '.')}.{name}"


def _read_file(file: Path, package: str, found: Types) -> None:
    lines = file.read_text(encoding="utf-8").splitlines()
    imports = dict(_imports(lines))
    fields: list[list[Any]] | None = None
    default, is_enum = "", False
    for line in lines:
        if fields is not None:
            if line.startswith("}"):
                fields = None
            elif matched := _DEFAULT.match(line):
                default = matched[1]
            elif not line.lstrip().startswith("//"):
                for entry in _field(line, package, imports):
                    fields.append([*entry, default] if default else entry)
                default = ""
        elif matched := _TYPE.match(line):
            name, body = definition_name(package, matched[1]), matched[2]
            if body == "struct {":
                fields = found.structs[name] = []
            elif not body.startswith(("interface", "func", "struct")):
                found.named[name] = _resolve(body.partition("//")[0].strip(), package, imports)
                if is_enum:
                    found.enums.add(name)
            is_enum = False
        elif _ENUM.match(line):
            is_enum = True
        elif matched := _CONSTANT.match(line) or _CONVERTED.match(line):
            type_ = _resolve(matched[2], package, imports)
            found.values.setdefault(type_, []).append(matched[3])
            found.constants[definition_name(package, matched[1])] = matched[3]
        elif matched := _UNTYPED.match(line):
            found.constants[definition_name(package, matched[1])] = matched[2]


def _imports(lines: list[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        matched = _IMPORT.match(line.removeprefix("import"))
        if matched:
            path = matched[2]
            yield matched[1] or path.rpartition("/")[2], path


def _field(line: str, package: str, imports: dict[str, str]) -> Iterator[list[Any]]:
    matched = _FIELD.match(line)
    embedded = None if matched else _EMBEDDED.match(line)
    if matched:
        type_, tags = matched[2], dict(_TAG.findall(matched[3]))
    elif embedded:
        type_, tags = embedded[1], dict(_TAG.findall(embedded[2]))
    else:
        return
    name, *options = tags.get("json", "").split(",")
    if name == "-":
        return
    flags = "".join(
        letter
        for option, letter in (("omitempty", "o"), ("omitzero", "z"), ("inline", "i"))
        if option in options
    )
    wire = tags.get("protobuf", "").split(",")
    number = int(wire[1]) if len(wire) > 1 else 0
    if wire[2:3] == ["opt"]:
        flags += "1"
    yield [name, _resolve(type_, package, imports), flags, number]


def _resolve(type_: str, package: str, imports: dict[str, str]) -> str:
    def full(matched: re.Match[str]) -> str:
        qualifier, name = matched[1], matched[2]
        if qualifier is None:
            return name if name in _BUILTIN else definition_name(package, name)
        return definition_name(imports.get(qualifier, qualifier), name)

    return _WORD.sub(full, type_)
