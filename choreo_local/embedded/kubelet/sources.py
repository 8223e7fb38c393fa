"""Reads what pods refer to: ConfigMaps, Secrets, Services, claims, tokens of service accounts."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.embedded.kubelet import environment, kinds, podspec, projections
from choreo_local.embedded.kubelet.environment import Surroundings
from choreo_local.embedded.kubelet.podspec import Manifest
from choreo_local.embedded.kubelet.projections import Sources
from choreo_local.errors import NotFoundError
from choreo_local.kubeclient.client import KubeClient

# A token is renewed when a fifth of its life is left.
_USED_PART = 0.8


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    renew_at: datetime


@dataclass(frozen=True, slots=True)
class VolumeSources:
    """What the volumes of a pod are made of, as of one moment; `claims` gives uids by name."""

    sources: Sources
    claims: Mapping[str, str]


class SourceReader:
    """Asks the kube API, not a cache: a pod may refer to what was made a moment before it.

    Args:
        host_addresses: of the node.
        allocatable: of the node.
        services: all Services, for the variables made from them.
    """

    def __init__(
        self,
        client: KubeClient,
        *,
        host_addresses: Sequence[str],
        allocatable: Mapping[str, Any],
        services: Callable[[], Iterable[Manifest]],
    ) -> None:
        self._client = client
        self._host_addresses = host_addresses
        self._allocatable = allocatable
        self._services = services
        self._tokens: dict[tuple[str, str], _Token] = {}

    async def for_volumes(self, pod: Manifest, addresses: Sequence[str]) -> VolumeSources:
        """Read what the volumes of a pod refer to; objects that do not exist are left out."""
        namespace = pod["metadata"]["namespace"]
        specs = pod["spec"].get("volumes") or ()
        names = [projections.needed(volume) for volume in specs]
        config_maps, secrets, claims = await asyncio.gather(
            self._objects(kinds.CONFIG_MAPS, namespace, *(found for found, _ in names)),
            self._objects(kinds.SECRETS, namespace, *(found for _, found in names)),
            self._objects(kinds.PERSISTENT_VOLUME_CLAIMS, namespace, _claims(pod)),
        )
        tokens = {
            projections.token_key(source): await self._token(pod, source)
            for volume in specs
            for source in projections.needed_tokens(volume)
        }
        surroundings = self._surroundings(addresses)
        return VolumeSources(
            Sources(config_maps, secrets, tokens, surroundings),
            {name: claim["metadata"]["uid"] for name, claim in claims.items()},
        )

    async def for_variables(
        self, pod: Manifest, container: Manifest, addresses: Sequence[str]
    ) -> Surroundings:
        """Read what the variables of a container refer to."""
        namespace = pod["metadata"]["namespace"]
        needed = environment.needed(container)
        config_maps, secrets = await asyncio.gather(
            self._objects(kinds.CONFIG_MAPS, namespace, needed[0]),
            self._objects(kinds.SECRETS, namespace, needed[1]),
        )
        everything = pod["spec"].get("enableServiceLinks", True)
        return replace(
            self._surroundings(addresses),
            config_maps={name: obj.get("data") or {} for name, obj in config_maps.items()},
            secrets={name: _decoded(obj) for name, obj in secrets.items()},
            service_links=environment.service_links(
                service
                for service in self._services()
                if _is_linked(service, namespace, everything=everything)
            ),
        )

    def _surroundings(self, addresses: Sequence[str]) -> Surroundings:
        return Surroundings(addresses, self._host_addresses, allocatable=self._allocatable)

    async def _objects(
        self, kind: ResourceKind, namespace: str, *names: Iterable[str]
    ) -> dict[str, Manifest]:
        found: dict[str, Manifest] = {}
        for name in sorted({name for some in names for name in some if name}):
            try:
                found[name] = await self._client.get(kind, name, namespace)
            except NotFoundError:
                continue
        return found

    async def _token(self, pod: Manifest, source: Manifest) -> str:
        metadata = pod["metadata"]
        key = (metadata["uid"], projections.token_key(source))
        known = self._tokens.get(key)
        if known is None or known.renew_at <= clock.now():
            known = self._tokens[key] = await self._request_token(pod, source)
        return known.text

    async def _request_token(self, pod: Manifest, source: Manifest) -> _Token:
        metadata = pod["metadata"]
        lifetime = int(source.get("expirationSeconds") or 3600)
        reference = {"kind": "Pod", "apiVersion": "v1", "name": metadata["name"]}
        spec: dict[str, Any] = {
            "expirationSeconds": lifetime,
            "boundObjectRef": {**reference, "uid": metadata["uid"]},
            "audiences": [source["audience"]] if source.get("audience") else [],
        }
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "metadata": {
                "name": pod["spec"].get("serviceAccountName") or "default",
                "namespace": metadata["namespace"],
            },
            "spec": spec,
        }
        answer = await self._client.create(kinds.SERVICE_ACCOUNTS, request, subresource="token")
        renew_at = clock.now() + timedelta(seconds=lifetime * _USED_PART)
        return _Token(str(answer["status"]["token"]), renew_at)

    def next_renewal(self, uid: str) -> datetime | None:
        """When the first token of a pod has to be renewed."""
        return min(
            (token.renew_at for (owner, _), token in self._tokens.items() if owner == uid),
            default=None,
        )

    def forget(self, uid: str) -> None:
        """Drop the tokens of a pod."""
        for key in [key for key in self._tokens if key[0] == uid]:
            del self._tokens[key]


def _claims(pod: Manifest) -> list[str]:
    found = (podspec.claim_of(pod, volume) for volume in pod["spec"].get("volumes") or ())
    return [name for name in found if name is not None]


def _decoded(secret: Manifest) -> dict[str, str]:
    data = secret.get("data") or {}
    return {
        key: projections.decoded(value).decode(errors="surrogateescape")
        for key, value in data.items()
    }


def _is_linked(service: Manifest, namespace: str, *, everything: bool) -> bool:
    metadata = service["metadata"]
    if (metadata.get("namespace"), metadata["name"]) == ("default", "kubernetes"):
        return True
    return everything and metadata.get("namespace") == namespace
