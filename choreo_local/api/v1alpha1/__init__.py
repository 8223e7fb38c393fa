"""The models of `openchoreo.dev/v1alpha1`, a module a family of kinds.

Import the module you need, or ask `model` when the kind is only known at run time.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from choreo_local.api import registry

if TYPE_CHECKING:
    from choreo_local.api.common import KubernetesObject


def model(kind: str) -> type[KubernetesObject]:
    """The model of a kind; KeyError when OpenChoreo has no such kind.

    Loads pydantic and the module of the kind on first use, which costs some ten milliseconds.
    """
    module = importlib.import_module(f"{__name__}.{registry.KINDS[kind].module}")
    found: type[KubernetesObject] = getattr(module, kind)
    return found
