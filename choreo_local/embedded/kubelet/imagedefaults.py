"""What a container takes from its image when its pod says nothing: command and user. Pure."""

from __future__ import annotations

from dataclasses import replace

from choreo_local.embedded.kubelet.hostimages import HostImage
from choreo_local.embedded.kubelet.runtime import ContainerRequest, StartError


def applied(request: ContainerRequest, image: HostImage) -> ContainerRequest:
    """The request with the image's user; StartError where that cannot be run.

    Host images have no user: they run as the pod says, or as the user of the instance.
    """
    if not (request.command or request.arguments or image.entrypoint or image.arguments):
        raise StartError("no command specified", reason="CreateContainerError")
    if image.user is None:
        return request
    security = dict(request.security)
    if security.get("runAsUser") is None:
        security |= {"runAsUser": image.user[0]}
        if security.get("runAsGroup") is None:
            security |= {"runAsGroup": image.user[1]}
        problem = "container has runAsNonRoot and image will run as root"
    else:
        problem = "container's runAsUser breaks non-root policy"
    if security.get("runAsNonRoot") and security["runAsUser"] == 0:
        pod = request.pod
        where = f'(pod: "{pod.name}_{pod.namespace}({pod.uid})", container: {request.name})'
        raise StartError(f"{problem} {where}", reason="CreateContainerConfigError")
    return replace(request, security=security)
