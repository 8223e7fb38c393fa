"""What a container takes from its image when its pod says nothing: command and user. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.runtime import ContainerRequest, StartError

_SOMEBODY = 65532


def applied(
    request: ContainerRequest, image: HostImage, *, has_one_user: bool = False
) -> ContainerRequest:
    """The request with the image's user; StartError where that cannot be run.

    Host images have no user: they run as the pod says, else as root unless that is forbidden, or
    of no use because a container has one user and cannot become another one.
    """
    if not (request.command or request.arguments or image.entrypoint or image.arguments):
        raise StartError("no command specified", reason="CreateContainerError")
    security = _with_user(request.security, image, has_one_user=has_one_user)
    problem = _problem(request.security, security, image)
    if security.get("runAsNonRoot") and problem:
        pod = request.pod
        where = f'(pod: "{pod.name}_{pod.namespace}({pod.uid})", container: {request.name})'
        raise StartError(f"{problem} {where}", reason="CreateContainerConfigError")
    return replace(request, security=security)


def _with_user(
    security: Mapping[str, Any], image: HostImage, *, has_one_user: bool
) -> dict[str, Any]:
    found, own = dict(security), image.user
    is_unfit = has_one_user and image.refuses_root
    if own is None and (is_unfit or security.get("runAsNonRoot")):
        own = (_SOMEBODY, _SOMEBODY)
    if own is not None and security.get("runAsUser") is None:
        found["runAsUser"] = own[0]
        if security.get("runAsGroup") is None:
            found["runAsGroup"] = own[1]
    return found


def _problem(wanted: Mapping[str, Any], found: Mapping[str, Any], image: HostImage) -> str:
    """What is wrong where a container must not be root."""
    if wanted.get("runAsUser") is not None:
        return "container's runAsUser breaks non-root policy" if not found["runAsUser"] else ""
    if image.user_name:
        # Whoever it is may be another one in the next version of the image.
        name = f"container has runAsNonRoot and image has non-numeric user ({image.user_name})"
        return f"{name}, cannot verify user is non-root"
    is_root = found.get("runAsUser") == 0
    return "container has runAsNonRoot and image will run as root" if is_root else ""
