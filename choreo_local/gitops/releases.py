"""Component + type + traits + workload of a repository → its next release; pure."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from choreo_local.errors import NotFoundError, UsageError
from choreo_local.gitops.index import Entry, Index, Manifest
from choreo_local.rendering import release as snapshots
from choreo_local.services.components import trait_problem

_CLUSTER_TYPE = "ClusterComponentType"


@dataclass(frozen=True, slots=True)
class NextRelease:
    """A release that may be written.

    Attributes:
        is_new: whether it differs from the latest one.
    """

    manifest: Manifest
    is_new: bool

    @property
    def name(self) -> str:
        """Its name."""
        return str(self.manifest["metadata"]["name"])


def next_release(index: Index, component: Entry, *, day: str, name: str = "") -> NextRelease:
    """Freeze a component as the repository describes it.

    A name is made of `day`, which is YYYYMMDD, unless one is given.

    Raises:
        NotFoundError: the repository lacks something that belongs to it.
        UsageError: its traits do not fit together, or the name is taken.
    """
    existing = index.releases(component.owner("projectName"), component.name)
    names = {entry.name for entry in existing}
    if name in names:
        raise UsageError(f'release "{name}" exists already', remedy="Choose another --name")
    manifest = content(index, component)
    manifest["metadata"]["name"] = name or next_name(component.name, names, day)
    newest = latest(component.name, existing)
    is_new = newest is None or newest.manifest.get("spec") != manifest["spec"]
    return NextRelease(manifest, is_new)


def content(index: Index, component: Entry) -> Manifest:
    """The release that the repository's present state makes; its name is not yet the right one."""
    manifest = _completed(component.manifest)
    component_type = _type_of(index, component, manifest)
    problem = trait_problem(manifest, component_type)
    if problem:
        raise UsageError(problem)
    project = component.owner("projectName")
    workload = index.workload(project, component.name)
    if workload is None:
        raise NotFoundError(f"workload of component {project}/{component.name} not found")
    return snapshots.component_release(
        manifest,
        component_type,
        workload=workload.manifest,
        traits=[*_traits(index, component_type), *_traits(index, manifest)],
    ).manifest


def next_name(component: str, existing: Iterable[str], day: str) -> str:
    """The name of a release that nobody named: one more than the highest number of the day."""
    numbers = [_number(name, component, day) for name in existing]
    return f"{component}-{day}-{1 + max(numbers, default=0)}"


def latest(component: str, existing: Sequence[Entry]) -> Entry | None:
    """The newest release: by day, then by number."""

    def age(entry: Entry) -> tuple[str, int, str]:
        day, _, number = entry.name.removeprefix(f"{component}-").rpartition("-")
        return day, int(number) if number.isdecimal() else -1, entry.name

    return max(existing, key=age, default=None)


def _number(name: str, component: str, day: str) -> int:
    found = re.fullmatch(rf"{re.escape(component)}-{re.escape(day)}-([0-9]{{1,9}})", name)
    return int(found[1]) if found else 0


def _completed(component: Mapping[str, Any]) -> Manifest:
    """With the kinds that admission would fill in."""
    made = copy.deepcopy(dict(component))
    for trait in made["spec"].get("traits") or ():
        trait.setdefault("kind", "Trait")
    made["metadata"].setdefault("namespace", "default")
    return made


def _type_of(index: Index, component: Entry, manifest: Manifest) -> Manifest:
    reference = manifest["spec"].get("componentType") or {}
    kind = reference.get("kind") or "ComponentType"
    name = str(reference.get("name") or "").rpartition("/")[2]
    found = index.find(kind, name, component.namespace)
    if found is None:
        raise NotFoundError(f'{kind} "{name}" of component {component.name} not found')
    made = copy.deepcopy(found.manifest)
    default = "ClusterTrait" if kind == _CLUSTER_TYPE else "Trait"
    for field in ("traits", "allowedTraits"):
        for trait in made["spec"].get(field) or ():
            trait.setdefault("kind", default)
    return made


def _traits(index: Index, owner: Manifest) -> list[Manifest]:
    found = []
    for reference in owner["spec"].get("traits") or ():
        kind, name = snapshots.trait_key(reference)
        trait = index.find(kind, name, str(owner["metadata"].get("namespace") or ""))
        if trait is None:
            raise NotFoundError(f'{kind} "{name}" not found')
        found.append(trait.manifest)
    return found
