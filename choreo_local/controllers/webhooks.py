"""OpenChoreo's admission on clusters that are not ours: webhooks that kopf serves.

The embedded kube API has the same checks as a plugin. Elsewhere an API server asks over HTTPS,
because `configurations` say where. Whoever installs the platform writes them: the control plane's
own identity has no right to. Names are upstream's, as refusals show them.

Public: `AdmissionServer`, `configurations(server)`, `register(registry)`, `configure(…)`.
"""

from __future__ import annotations

import base64
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import kopf

from choreo_local.admission import registry as admission
from choreo_local.admission import reviews
from choreo_local.api import registry as kinds
from choreo_local.errors import ApiError

CONFIGURATION = "admission.choreo.dev"
# The part of the webhooks' names that is alike in all of them.
_DOMAIN = "kb.io"
_TIMEOUT_SECONDS = 10
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
    """Have an operator serve its webhooks."""
    settings.admission.server = server


def configurations(server: AdmissionServer) -> list[dict[str, Any]]:
    """The objects that make an API server ask `server`."""
    return [
        {
            "apiVersion": "admissionregistration.k8s.io/v1",
            "kind": f"{prefix}WebhookConfiguration",
            "metadata": {"name": CONFIGURATION},
            "webhooks": [
                _webhook(kind, server, mutating=mutating)
                for kind in admission.webhooks(mutating=mutating)
            ],
        }
        for prefix, mutating in (("Mutating", True), ("Validating", False))
    ]


def _webhook(kind: str, server: AdmissionServer, *, mutating: bool) -> dict[str, Any]:
    resource = kinds.KINDS[kind].resource
    rule = {
        "apiGroups": [resource.group],
        "apiVersions": [resource.version],
        "resources": [resource.plural],
        "operations": list(_OPERATIONS),
        "scope": "*",
    }
    path = quote(_id(kind, mutating=mutating))
    host = f"[{server.host}]" if ":" in server.host else server.host
    return {
        "name": admission.webhook_name(kind, mutating=mutating),
        "clientConfig": {
            "url": f"https://{host}:{server.port}/{path}",
            "caBundle": base64.b64encode(server.authority).decode(),
        },
        "rules": [rule],
        "sideEffects": "None",
        "failurePolicy": "Fail",
        "timeoutSeconds": _TIMEOUT_SECONDS,
        "admissionReviewVersions": ["v1"],
    }


def _id(kind: str, *, mutating: bool) -> str:
    """What kopf calls a webhook, and the path under which it serves it."""
    return admission.webhook_name(kind, mutating=mutating).removesuffix(f".{_DOMAIN}")


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
    where = (resource.group, resource.version, resource.plural)
    on(*where, id=_id(kind, mutating=mutating), operations=_OPERATIONS, registry=registry)(webhook)


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
