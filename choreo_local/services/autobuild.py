"""Builds that a push to a repository starts: the git provider calls, WorkflowRuns are made."""

from __future__ import annotations

import base64
import binascii
import copy
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson

from choreo_local.api import labels, registry
from choreo_local.api.rest import ErrorCode
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.errors import ApiError, BadRequestError, InternalError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.rendering import schema
from choreo_local.rendering.errors import RenderError, SchemaError
from choreo_local.services import pushes
from choreo_local.services.cluster import Cluster, owner_of
from choreo_local.services.pushes import Provider, Push

logger = logging.getLogger(__name__)

Manifest = dict[str, Any]

SECRET = "git-webhook-secrets"
_SECRETS = ResourceKind("", "v1", "Secret", "secrets")
_WORKFLOWS: Mapping[str, ResourceKind] = {
    kind.kind: kind for kind in (registry.WORKFLOW, registry.CLUSTER_WORKFLOW)
}
_LONGEST_NAME = 63
_RANDOM_BYTES = 4


class UnknownProviderError(BadRequestError):
    """The request is of no git provider that we know."""

    default_reason = ErrorCode.UNKNOWN_GIT_PROVIDER


class SignatureError(ApiError):
    """The sender does not know the shared secret."""

    code = 401
    default_reason = ErrorCode.UNAUTHORIZED


class SecretMissingError(InternalError):
    """Nobody has agreed on a secret with the provider; the caller is told."""

    default_reason = ErrorCode.INTERNAL_ERROR


class AutoBuild:
    """Use case: a git provider tells of a push."""

    def __init__(self, client: KubeClient, cluster: Cluster) -> None:
        self._client = client
        self._cluster = cluster

    async def on_push(self, headers: Mapping[str, str], body: bytes) -> Manifest:
        """Start the builds of the components that a push concerns.

        Raises:
            UnknownProviderError: the headers, which are in lower case, are of no known provider.
            SignatureError: the sender does not know the shared secret.
            SecretMissingError: there is no shared secret.
        """
        provider = pushes.provider_of(headers)
        if provider is None:
            raise UnknownProviderError("unknown git provider")
        secret = await self._secret(provider)
        if not pushes.is_genuine(provider, headers, body, secret=secret):
            raise SignatureError("Invalid webhook signature")
        concerned, started = [], 0
        for push in pushes.parse(provider, _event(body)):
            for source in await self._concerned(push):
                concerned.append(source.title)
                started += await self._build(source, push)
        return {
            "success": True,
            "message": "Webhook processed successfully",
            "affectedComponents": concerned,
            "triggeredBuilds": started,
        }

    async def _secret(self, provider: Provider) -> bytes:
        found = await self._cluster.get(_SECRETS, SECRET, labels.CONTROL_PLANE_NAMESPACE)
        text = ((found or {}).get("data") or {}).get(provider.key) or ""
        try:
            secret = base64.b64decode(text, validate=True)
        except binascii.Error:
            secret = b""
        if not secret:
            raise SecretMissingError(
                "Webhook secret not configured",
                remedy=f"Put {provider.key} into Secret {SECRET} of namespace "
                f"{labels.CONTROL_PLANE_NAMESPACE}",
            )
        return secret

    async def _concerned(self, push: Push) -> list[Source]:
        found = []
        for component in await self._cluster.list(registry.COMPONENT):
            spec = component.get("spec") or {}
            if spec.get("autoBuild") and spec.get("workflow"):
                source = source_of(component, await self._workflow(component))
                if source is not None and source.is_concerned(push):
                    found.append(source)
        return found

    async def _workflow(self, component: Manifest) -> Manifest | None:
        selected = component["spec"]["workflow"]
        kind = _WORKFLOWS.get(selected.get("kind") or "ClusterWorkflow")
        if kind is None:
            return None
        namespace = component["metadata"]["namespace"]
        return await self._cluster.get(kind, selected["name"], namespace)

    async def _build(self, source: Source, push: Push) -> int:
        try:
            await self._client.create(registry.WORKFLOW_RUN, source.run(push))
        except ApiError as error:
            logger.warning("Build not started Component=%s error=%s", source.title, error.message)
            return 0
        return 1


@dataclass(frozen=True, slots=True)
class Source:
    """Where the source of a component is.

    Attributes:
        roles: role of a repository's parameter → its dotted path among the workflow's parameters.
        parameters: those of the component, with the schema's defaults.
    """

    component: Manifest
    roles: Mapping[str, str]
    parameters: Mapping[str, Any]

    @property
    def title(self) -> str:
        """Namespace and name of the component."""
        metadata = self.component["metadata"]
        return f"{metadata['namespace']}/{metadata['name']}"

    def is_concerned(self, push: Push) -> bool:
        """Whether a push changed the component's source."""
        return (
            pushes.normalised(self._value("url")) == push.repository
            and self._value("branch") == push.branch
            and pushes.is_below(push.changed, self._value("app-path"))
        )

    def run(self, push: Push) -> Manifest:
        """The WorkflowRun that builds the component as it was pushed."""
        metadata, spec = self.component["metadata"], self.component["spec"]
        selected = spec["workflow"]
        parameters = copy.deepcopy(selected.get("parameters") or {})
        if push.commit and "commit" in self.roles:
            _set(parameters, self.roles["commit"].split("."), push.commit)
        ending = f"-run-{secrets.token_hex(_RANDOM_BYTES)}"
        name = metadata["name"]
        return {
            "apiVersion": labels.API_VERSION,
            "kind": "WorkflowRun",
            "metadata": {
                "name": name[: _LONGEST_NAME - len(ending)] + ending,
                "namespace": metadata["namespace"],
                "labels": {
                    labels.PROJECT: owner_of(self.component, "projectName"),
                    labels.COMPONENT: name,
                },
            },
            "spec": {
                "workflow": {
                    "kind": selected.get("kind") or "ClusterWorkflow",
                    "name": selected["name"],
                    "parameters": parameters,
                }
            },
        }

    def _value(self, role: str) -> str:
        found: Any = self.parameters
        for field in self.roles.get(role, "").split("."):
            found = found.get(field) if isinstance(found, Mapping) else None
        return found if isinstance(found, str) else ""


def source_of(component: Manifest, workflow: Manifest | None) -> Source | None:
    """Where a component's source is; None where its workflow does not say."""
    section = ((workflow or {}).get("spec") or {}).get("parameters")
    given = component["spec"]["workflow"].get("parameters") or {}
    try:
        roles = schema.repository_parameters(section)
        parameters = schema.defaulted(section, given)
    except (RenderError, SchemaError):
        return None
    return Source(component, roles, parameters) if "url" in roles else None


def _set(parameters: Manifest, path: list[str], value: str) -> None:
    for field in path[:-1]:
        below = parameters.setdefault(field, {})
        if not isinstance(below, dict):
            return
        parameters = below
    parameters[path[-1]] = value


def _event(body: bytes) -> Mapping[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise BadRequestError("Invalid request body") from error
    return content if isinstance(content, dict) else {}
