"""Where files belong: as configured, beside what is there already, or as usual; pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any

from choreo_local.api import labels
from choreo_local.errors import UsageError
from choreo_local.gitops.index import Entry

CONFIG_FILE = "release-config.yaml"
RELEASES = "releases"
BINDINGS = "release-bindings"
_SECTIONS = {RELEASES: "componentReleaseDefaults", BINDINGS: "releaseBindingDefaults"}


@dataclass(frozen=True, slots=True)
class ReleaseConfig:
    """The repository's `release-config.yaml`; empty where it has none."""

    content: Mapping[str, Any]

    def folder(self, what: str, project: str, component: str) -> PurePosixPath | None:
        """Where it wants releases or bindings of a component."""
        section = _mapping(self.content.get(_SECTIONS[what]))
        of_project = _mapping(_mapping(section.get("projects")).get(project))
        of_component = _mapping(of_project.get("components")).get(component)
        for found in (
            of_component,
            of_project.get("defaultOutputDir"),
            section.get("defaultOutputDir"),
        ):
            if isinstance(found, str) and found:
                return PurePosixPath(found)
        return None


def release_config(document: Any) -> ReleaseConfig:
    """Read the configuration; UsageError when it is something else."""
    content = _mapping(document)
    if (content.get("apiVersion"), content.get("kind")) != (labels.API_VERSION, "ReleaseConfig"):
        raise UsageError(
            f"{CONFIG_FILE} must have apiVersion {labels.API_VERSION} and kind ReleaseConfig"
        )
    return ReleaseConfig(content)


def release_folder(
    config: ReleaseConfig, component: Entry, existing: Sequence[Entry], *, output: str
) -> PurePosixPath:
    """Where a new release of a component goes."""
    project = component.owner("projectName")
    configured = config.folder(RELEASES, project, component.name)
    if configured is not None:
        return configured
    if output:
        return PurePosixPath(output)
    return existing[0].path.parent if existing else component.path.parent / RELEASES


def binding_folder(
    config: ReleaseConfig, component: Entry, existing: Sequence[Entry], *, output: str
) -> PurePosixPath:
    """Where a new binding of a component goes."""
    if output:
        return PurePosixPath(output)
    project = component.owner("projectName")
    configured = config.folder(BINDINGS, project, component.name)
    if configured is not None:
        return configured
    return existing[0].path.parent if existing else component.path.parent / BINDINGS


def workload_file(component: Entry | None, existing: Entry | None, *, output: str) -> PurePosixPath:
    """Where the workload of a component goes; UsageError when nothing tells."""
    if output:
        return PurePosixPath(output)
    if existing is not None:
        return existing.path
    if component is None:
        raise UsageError(
            "the repository does not hold the component, so its workload has no place",
            remedy="Name a file: --output-path FILE",
        )
    return component.path.parent / "workload.yaml"


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
