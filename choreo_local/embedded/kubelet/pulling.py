"""Gets the image of a container by its pull policy, with back-off between failures."""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from choreo_local.embedded.kubelet import checks, kinds, references
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.runtime import Image, ImageError
from choreo_local.embedded.kubelet.tools import Tools
from choreo_local.errors import NotFoundError

ALWAYS, NEVER = "Always", "Never"


@dataclass(frozen=True, slots=True)
class _Failure:
    message: str
    at: datetime


class ImagePuller:
    """Gets images for the containers of one pod; remembers why it failed last."""

    def __init__(self, tools: Tools) -> None:
        self._tools = tools
        self._failures: dict[str, _Failure] = {}

    async def ensure(self, pod: Manifest, container: Manifest) -> Image:
        """The image, ready to run; ImageError's reason is the one to show."""
        reference = container["image"]
        policy = container.get("imagePullPolicy") or _default_policy(reference)
        present = self._tools.runtime.find_image(reference)
        path = checks.field_path(pod, container["name"])
        if present is not None and policy != ALWAYS:
            message = (
                f'Container image "{reference}" already present on machine '
                "and can be accessed by the pod"
            )
            self._tools.note(pod, "Pulled", message, field_path=path)
            return present
        if policy == NEVER:
            message = f'Container image "{reference}" is not present with pull policy of Never'
            self._tools.warn(pod, "ErrImageNeverPull", message, field_path=path)
            raise ImageError(message, reason="ErrImageNeverPull")
        self._check_back_off(pod, container, path)
        return await self._pull(pod, container, path)

    def _check_back_off(self, pod: Manifest, container: Manifest, path: str) -> None:
        failure = self._failures.get(container["name"])
        retry_at = self.retry_at(pod, container)
        if failure is None or retry_at is None or retry_at <= self._tools.now():
            return
        message = f'Back-off pulling image "{container["image"]}"'
        self._tools.note(pod, "BackOff", message, field_path=path)
        raise ImageError(f"{message}: {failure.message}", reason="ImagePullBackOff")

    def retry_at(self, pod: Manifest, container: Manifest) -> datetime | None:
        """When the image may be pulled again; None when pulling has not failed."""
        failure = self._failures.get(container["name"])
        if failure is None:
            return None
        now, key = self._tools.now(), _key(pod, container)
        return now + self._tools.pulls.remaining(key, failed_at=failure.at, now=now)

    async def _pull(self, pod: Manifest, container: Manifest, path: str) -> Image:
        reference, tools = container["image"], self._tools
        tools.note(pod, "Pulling", f'Pulling image "{reference}"', field_path=path)
        begun = tools.now()
        try:
            image = await tools.runtime.pull_image(reference, await self._credentials(pod))
        except ImageError as error:
            message = f'Failed to pull image "{reference}": {error.message}'
            tools.warn(pod, "Failed", message, field_path=path)
            failure = _Failure(f"{error.reason}: {error.message}", tools.now())
            self._failures[container["name"]] = failure
            tools.pulls.advance(_key(pod, container), failed_at=failure.at, now=failure.at)
            raise
        self._failures.pop(container["name"], None)
        taken = (tools.now() - begun).total_seconds()
        message = (
            f'Successfully pulled image "{reference}" in {taken * 1000:.0f}ms. '
            f"Image size: {image.size_bytes} bytes."
        )
        tools.note(pod, "Pulled", message, field_path=path)
        return image

    async def _credentials(self, pod: Manifest) -> Sequence[Mapping[str, str]]:
        found: list[Mapping[str, str]] = []
        for entry in pod["spec"].get("imagePullSecrets") or ():
            try:
                secret = await self._tools.client.get(
                    kinds.SECRETS, entry.get("name", ""), pod["metadata"]["namespace"]
                )
            except NotFoundError:
                continue  # As upstream: perhaps the image needs no credentials.
            found += registry_credentials(secret)
        return found


def _key(pod: Manifest, container: Manifest) -> str:
    return f"{pod['metadata']['uid']}/{container['image']}"


def _default_policy(reference: str) -> str:
    return ALWAYS if references.parse(reference).is_latest else "IfNotPresent"


def registry_credentials(secret: Manifest) -> list[Mapping[str, str]]:
    """Server, user name and password of each registry in a `kubernetes.io/dockerconfigjson`."""
    text = (secret.get("data") or {}).get(".dockerconfigjson", "")
    try:
        content: dict[str, Any] = json.loads(base64.b64decode(text) or b"{}")
        return [
            {"server": server, **_user_and_password(entry)}
            for server, entry in (content.get("auths") or {}).items()
        ]
    except (binascii.Error, ValueError, AttributeError, TypeError):
        return []


def _user_and_password(entry: Mapping[str, str]) -> dict[str, str]:
    user, password = entry.get("username", ""), entry.get("password", "")
    if entry.get("auth"):
        user, _, password = base64.b64decode(entry["auth"], validate=True).decode().partition(":")
    return {"username": user, "password": password}
