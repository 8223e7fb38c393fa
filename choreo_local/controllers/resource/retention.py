"""Whether an OpenChoreo Resource outlives its binding. Pure."""

from __future__ import annotations

from choreo_local.controllers.observed import Manifest

RETAIN = "Retain"
_DELETE = "Delete"


def is_retained(binding: Manifest, release: Manifest | None) -> bool:
    """Whether what the binding deployed must stay; the type decides unless the binding does.

    Without its release, which holds the type, nothing says that it must.
    """
    own = (binding.get("spec") or {}).get("retainPolicy")
    of_type = release["spec"]["resourceType"]["spec"].get("retainPolicy") if release else None
    return (own or of_type or _DELETE) == RETAIN
