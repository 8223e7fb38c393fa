"""OpenChoreo's admission on clusters that are not ours: webhooks that kopf serves and registers.

The embedded kube API has the same checks as a plugin. Elsewhere an API server asks over HTTPS; kopf
keeps the webhook configurations pointed at where this process listens. Names are upstream's, as
refusals show them.

Public: `AdmissionServer`, `register(registry)`, `configure(settings, server)`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import kopf

from choreo_local.admission import registry as admission
from choreo_local.admission import reviews
from choreo_local.api import registry as kinds
from choreo_local.errors import ApiError

# The part of the webhooks' names that is alike in all of them, and the name of the configurations.
_DOMAIN = "kb.io"
_OPERATIONS = ("CREATE", "UPDATE")


@dataclass(frozen=True, slots=True)
class AdmissionServer:
    """Where an API server reaches this process.

    Attributes:
        host: name or address as the API server sees it; in the certificate.
        port: to listen on.
        certificate, key: PEM files of the server.
        authority: PEM of who signed the certificate.
        address: to listen on; the default is this machine alone.
    """

    host: str
    port: int
    certificate: Path
    key: Path
    authority: bytes
    address: str = "127.0.0.1"

    async def __call__(self, answer: kopf.WebhookFn) -> AsyncIterator[kopf.WebhookClientConfig]:
        """Serve until cancelled; gives the client configuration for the API server."""
        server = kopf.WebhookServer(
            addr=self.address,
            port=self.port,
            host=self.host,
            cadata=self.authority,
            certfile=self.certificate,
            pkeyfile=self.key,
        )

        async def detailed(request: Any, **more: Any) -> Any:
            return reviews.detailed(request, await answer(request, **more))

        async with server:
            async for configuration in server(detailed):
                yield configuration


def configure(settings: kopf.OperatorSettings, server: AdmissionServer) -> None:
    """Have an operator serve and register its webhooks."""
    settings.admission.server = server
    settings.admission.managed = _DOMAIN


def register(registry: kopf.OperatorRegistry) -> None:
    """Add the webhooks of all kinds to an operator."""
    for kind in admission.webhooks(mutating=True):
        _register(registry, kopf.on.mutate, kind, _completing(kind), mutating=True)
    for kind in admission.webhooks(mutating=False):
        _register(registry, kopf.on.validate, kind, _judging(kind), mutating=False)


def _register(
    registry: kopf.OperatorRegistry,
    on: Callable[..., Any],
    kind: str,
    webhook: Callable[..., Awaitable[None]],
    *,
    mutating: bool,
) -> None:
    resource = kinds.KINDS[kind].resource
    name = admission.webhook_name(kind, mutating=mutating).removesuffix(f".{_DOMAIN}")
    where = (resource.group, resource.version, resource.plural)
    on(*where, id=name, operations=_OPERATIONS, registry=registry)(webhook)


def _completing(kind: str) -> Callable[..., Awaitable[None]]:
    async def complete(
        *, body: kopf.Body, old: kopf.Body | None, operation: str, patch: kopf.Patch, **_: Any
    ) -> None:
        try:
            completed = admission.completed(operation, kind, dict(body), old and dict(old))
        except ApiError as error:
            raise kopf.AdmissionError(error.message, code=error.code) from error
        if completed != dict(body):
            spec = completed["spec"]
            patch.fns.append(lambda obj: obj.update({"spec": spec}))

    return complete


def _judging(kind: str) -> Callable[..., Awaitable[None]]:
    async def judge(
        *, body: kopf.Body, old: kopf.Body | None, operation: str, warnings: list[str], **_: Any
    ) -> None:
        try:
            found = admission.review(operation, kind, dict(body), old and dict(old))
        except ApiError as error:
            raise kopf.AdmissionError(error.message, code=error.code) from error
        warnings.extend(found.warnings)
        if found.causes:
            refusal = admission.refusal(kind, dict(body), found.causes)
            raise kopf.AdmissionError(refusal.message, code=refusal.code)

    return judge
