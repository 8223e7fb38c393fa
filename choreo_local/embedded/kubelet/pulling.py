"""Gets the image of a container by its pull policy, with back-off between failures."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from choreo_local.embedded.kubelet import checks, kinds, references
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.runtime import Image, ImageError
from choreo_local.embedded.kubelet.tools import Tools
from choreo_local.errors import NotFoundError
from choreo_local.images import credentials
from choreo_local.images.credentials import Credential

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
        secrets = await self._credentials(pod)
        present = self._tools.runtime.find_image(reference, secrets)
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
        return await self._pull(pod, container, path, secrets)

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

    async def _pull(
        self, pod: Manifest, container: Manifest, path: str, secrets: Sequence[Credential]
    ) -> Image:
        reference, tools = container["image"], self._tools
        tools.note(pod, "Pulling", f'Pulling image "{reference}"', field_path=path)
        begun = tools.now()
        try:
            image = await tools.runtime.pull_image(reference, secrets)
        except ImageError as error:
            message = f'Failed to pull image "{reference}": {error.message}'
            tools.warn(pod, "Failed", message, field_path=path)
            failure = _Failure(f"{error.reason}: {error.message}", tools.now())
            self._failures[container["name"]] = failure
            tools.pulls.advance(_key(pod, container), failed_at=failure.at, now=failure.at)
            raise
        self._failures.pop(container["name"], None)
        taken = as_go(tools.now() - begun)
        message = (
            f'Successfully pulled image "{reference}" in {taken} ({taken} including waiting). '
            f"Image size: {image.size_bytes} bytes."
        )
        tools.note(pod, "Pulled", message, field_path=path)
        return image

    async def _credentials(self, pod: Manifest) -> Sequence[Credential]:
        found: list[Credential] = []
        for entry in pod["spec"].get("imagePullSecrets") or ():
            try:
                secret = await self._tools.client.get(
                    kinds.SECRETS, entry.get("name", ""), pod["metadata"]["namespace"]
                )
            except NotFoundError:
                continue  # As upstream: perhaps the image needs no credentials.
            found += registry_credentials(secret)
        return found


def as_go(taken: timedelta) -> str:
    """As Go prints it, to the millisecond: `64ms`, `1.5s`, `2m5.25s`."""
    milliseconds = taken // timedelta(milliseconds=1)
    if 0 < milliseconds < 1000:
        return f"{milliseconds}ms"
    minutes, rest = divmod(milliseconds, 60_000)
    return (f"{minutes}m" if minutes else "") + f"{rest / 1000:g}s"


def _key(pod: Manifest, container: Manifest) -> str:
    return f"{pod['metadata']['uid']}/{container['image']}"


def _default_policy(reference: str) -> str:
    return ALWAYS if references.parse(reference).is_latest else "IfNotPresent"


def registry_credentials(secret: Manifest) -> Sequence[Credential]:
    """The credentials of a Secret of type `kubernetes.io/dockerconfigjson` or `…/dockercfg`."""
    data = secret.get("data") or {}
    text = data.get(".dockerconfigjson") or data.get(".dockercfg") or ""
    try:
        return credentials.parse(base64.b64decode(text))
    except (binascii.Error, ValueError, TypeError):
        return []
