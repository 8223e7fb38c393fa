"""The rules of each kind, loaded when the first object of a group arrives: there are many."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from importlib import import_module

from choreo_local.embedded.kubeapi.validation.rules import Rules

_MODULES = {
    "": "core",
    "admissionregistration.k8s.io": "admission",
    "apps": "apps",
    "batch": "batch",
    "coordination.k8s.io": "records",
    "discovery.k8s.io": "records",
    "events.k8s.io": "records",
    "flowcontrol.apiserver.k8s.io": "flow",
    "networking.k8s.io": "networking",
    "rbac.authorization.k8s.io": "rbac",
    "resource.k8s.io": "resource",
    "storage.k8s.io": "storage",
}
_REST = "others"


@functools.cache
def of_group(group: str) -> Mapping[str, Rules]:
    """The rules of the kinds of a group, perhaps among others."""
    module = import_module(f"{__name__}.{_MODULES.get(group, _REST)}")
    rules: Mapping[str, Rules] = module.RULES
    return rules
