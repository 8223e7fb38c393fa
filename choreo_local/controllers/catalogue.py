"""All controllers of the platform, in one list."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.api import registry
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.controllers.alerting import handlers as alerting
from choreo_local.controllers.component import handlers as component
from choreo_local.controllers.environment import handlers as environment
from choreo_local.controllers.plane import handlers as plane
from choreo_local.controllers.project import handlers as project
from choreo_local.controllers.releasebinding import handlers as releasebinding
from choreo_local.controllers.renderedrelease import handlers as renderedrelease
from choreo_local.controllers.resource import handlers as resource
from choreo_local.controllers.runtime import Controller
from choreo_local.controllers.workflowrun import handlers as workflowrun


def all_controllers(
    connection: plane.Connections, read_secret: alerting.ReadSecret
) -> list[Controller[Any]]:
    """One controller for each kind that is reconciled."""
    return [
        component.CONTROLLER,
        releasebinding.CONTROLLER,
        renderedrelease.CONTROLLER,
        project.PROJECTS,
        project.BINDINGS,
        resource.RESOURCES,
        resource.BINDINGS,
        workflowrun.CONTROLLER,
        environment.ENVIRONMENTS,
        environment.PIPELINES,
        alerting.RULES,
        alerting.channels_controller(read_secret),
        *plane.controllers(connection),
    ]


def watched_kinds() -> Mapping[str, ResourceKind]:
    """Every kind that some controller reads; authorization kinds are watched by their own part."""
    return {kind: entry.resource for kind, entry in registry.KINDS.items() if "Authz" not in kind}
