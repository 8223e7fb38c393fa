"""KubeApi: requests in, answers out; no socket, no thread.

`server` puts it on HTTPS and a unix socket, `local` into function calls of the same loop.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import orjson

from choreo_local.embedded.kubeapi import (
    admission,
    answers,
    authn,
    bootstrap,
    builtin,
    crds,
    deleting,
    documents,
    impersonation,
    negotiation,
    openapi,
    openapi_v2,
    patching,
    plugins,
    podactions,
    problems,
    reading,
    requests,
    snapshots,
    subresources,
    usage,
    watching,
    writing,
)
from choreo_local.embedded.kubeapi.aggregation import Aggregation
from choreo_local.embedded.kubeapi.allocation import Allocator
from choreo_local.embedded.kubeapi.authz import Authorizer
from choreo_local.embedded.kubeapi.core import Call, Core
from choreo_local.embedded.kubeapi.messages import (
    TEXT,
    Answer,
    Request,
    Response,
    UpgradeResponse,
    User,
)
from choreo_local.embedded.kubeapi.negotiation import Form
from choreo_local.embedded.kubeapi.nodes import NodeConnection
from choreo_local.embedded.kubeapi.registry import Collection, Registry
from choreo_local.embedded.kubeapi.requests import RequestInfo
from choreo_local.embedded.kubeapi.reviews import Reviews
from choreo_local.embedded.kubeapi.telemetry import Telemetry
from choreo_local.embedded.kubeapi.tokens import Tokens
from choreo_local.embedded.storage.store import Store
from choreo_local.errors import ApiError, InternalError

logger = logging.getLogger(__name__)

_VERBS: dict[str, Callable[[Core, Call], Awaitable[Answer]]] = {
    "get": reading.get,
    "list": reading.list_,
    "watch": watching.watch,
    "create": writing.create,
    "update": writing.update,
    "patch": patching.patch,
    "delete": deleting.delete,
    "deletecollection": deleting.delete_collection,
}
_DEPRECATED = {
    "componentstatuses": "v1 ComponentStatus is deprecated in v1.19+",
    "endpoints": "v1 Endpoints is deprecated in v1.33+; use discovery.k8s.io/v1 EndpointSlice",
}
# Watch history of what does not change any more is given back so often.
_COMPACTION_SECONDS = 60.0
_BARE_WATCH = frozenset({"/api/v1/watch", "/api/v1/proxy"})
_OBJECT_VERBS = frozenset({"get", "watch", "update", "patch", "delete"})
_COLLECTION_VERBS = frozenset({"list", "watch", "create", "deletecollection"})
_READ_ALL_VERBS = frozenset({"list", "watch"})


@dataclass(slots=True)
class KubeApiOptions:
    """What the composition root decides.

    Attributes:
        tokens: static bearer token → user.
        connect: node name → its kubelet.
        serve_metrics: the kubelets can tell usage, so metrics.k8s.io is served.
        signing_key: file of the key that signs service-account tokens; None keeps it in memory.
        server_address: host:port that discovery documents name.
        service_range: addresses for Services, as a CIDR.
        node_port_range: first and last port for Services of type NodePort.
    """

    tokens: dict[str, User] = field(default_factory=dict)
    connect: Callable[[str], NodeConnection | None] = lambda _: None
    serve_metrics: bool = False
    signing_key: Path | None = None
    server_address: str = "127.0.0.1:6443"
    service_range: str = "10.96.0.0/16"
    node_port_range: tuple[int, int] = (30000, 32767)


class KubeApi:
    """The Kubernetes API over a store.

    Args:
        store: holds the objects; closed by whoever opened it.
        options: what the composition root decides.
    """

    def __init__(self, store: Store, options: KubeApiOptions | None = None) -> None:
        self.options = options or KubeApiOptions()
        self.telemetry = Telemetry()
        self._openapi: dict[tuple[str, str], tuple[str | None, bytes]] = {}
        self._openapi_v2: dict[bool, tuple[int, bytes]] = {}
        self._openapi_v2_made = asyncio.Lock()
        self.authorizer = Authorizer(store)
        served = builtin.resources()
        if self.options.serve_metrics:
            served += builtin.metrics()
        self.registry = Registry(served)
        self.admission = admission.Chain(plugins.standard(store, self.registry, self.authorizer))
        self.core = Core(
            store=store,
            registry=self.registry,
            admission=self.admission,
            connect=self.options.connect,
        )
        self.allocator = Allocator(
            store,
            service_range=self.options.service_range,
            node_ports=self.options.node_port_range,
        )
        self.core.completers["services"] = self.allocator.complete
        self.aggregation = Aggregation(store)
        self.definitions = crds.Definitions(self.core)
        self.authenticator = authn.Authenticator(self.options.tokens)
        self.tokens = Tokens(store, self.options.signing_key)
        self.authenticator.checks.append(self.tokens.check)
        self.reviews = Reviews(self.authorizer, self.authenticator, self.tokens)
        self._compaction: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Make what every cluster has, and begin to act upon what is stored."""
        bootstrap.ensure(
            self.core,
            service_address=self.allocator.first_address,
            server_address=self.options.server_address,
        )
        self.aggregation.start()
        self.definitions.start()
        self._compact()

    def _compact(self) -> None:
        self.core.store.forget_old()
        loop = asyncio.get_running_loop()
        self._compaction = loop.call_later(_COMPACTION_SECONDS, self._compact)

    async def stop(self) -> None:
        """End background work; the store stays open."""
        if self._compaction is not None:
            self._compaction.cancel()
        self.definitions.stop()
        self.aggregation.stop()

    def openapi_text(self, group: str, version: str) -> bytes:
        """The OpenAPI v3 document of a group and version that is served; kept until it changes."""
        served = self.registry.served()
        key = openapi.document_hash(served, group, version)
        kept = self._openapi.get((group, version))
        if kept is None or kept[0] != key:
            kept = key, orjson.dumps(openapi.document(served, group, version))
            self._openapi[group, version] = kept
        return kept[1]

    async def openapi_v2(self, *, protobuf: bool) -> bytes:
        """The OpenAPI v2 document of all that is served; kept until that changes."""
        generation = self.registry.generation
        async with self._openapi_v2_made:
            kept = self._openapi_v2.get(protobuf)
            if kept is None or kept[0] != generation:
                # Takes a good part of a second, so it is done beside all else.
                text = await asyncio.to_thread(
                    openapi_v2.text, self.registry.served(), protobuf=protobuf
                )
                kept = self._openapi_v2[protobuf] = generation, text
        return kept[1]

    async def handle(self, request: Request) -> Answer:
        """Answer a request; never raises but for cancellation."""
        info = requests.parse(request)
        if info.path in _BARE_WATCH:
            return _undetermined(info.path)
        answer = await self._answer_or_refuse(request, info)
        status = 101 if isinstance(answer, UpgradeResponse) else answer.status
        self.telemetry.count(info, status)
        return answer

    async def _answer_or_refuse(self, request: Request, info: RequestInfo) -> Answer:
        try:
            return await self._answer(request, info)
        except problems.PlainNotFoundError:
            return documents.NOT_FOUND
        except ApiError as error:
            refusal = answers.refusal(error, _form_of_refusal(request, info))
            refusal.headers += answers.warning_headers(request.warnings)
            return refusal
        except asyncio.CancelledError:
            raise
        except Exception:
            logger.exception("Request failed method=%s path=%s", request.method, request.path)
            return problems.to_response(
                InternalError("Internal error occurred: the server failed to answer the request")
            )

    async def _answer(self, request: Request, info: RequestInfo) -> Answer:
        user = request.user or self.authenticator.authenticate(request)
        user = impersonation.impersonate(self.authorizer, user, request, info)
        self.authorizer.check(user, info)
        if info.path == snapshots.PATH:
            return await snapshots.answer(self.core.store, request)
        if info.path == documents.OPENAPI_V2:
            return await documents.answer_openapi_v2(self, request)
        if not info.is_resource:
            return documents.answer(self, request, info)
        collection = self.registry.find(info.group, info.version, info.resource)
        if collection is None:
            return documents.unknown(self, info)
        return await self._dispatch(request, info, collection, user)

    async def _dispatch(
        self, request: Request, info: RequestInfo, collection: Collection, user: User
    ) -> Answer:
        namespace = _namespace(info, collection)
        _check_name(info.name)
        call = Call(
            request,
            user,
            info.verb,
            collection,
            namespace=namespace,
            name=info.name,
            subresource=info.subresource,
            rest=info.rest,
        )
        if info.subresource:
            return await subresources.answer(self.core, call, info, self.tokens)
        _check_verb(request, info, collection)
        deprecation = collection.served.deprecation or _DEPRECATED.get(
            collection.kind.group_resource
        )
        if deprecation:
            call.warnings.append(deprecation)
        review = self.reviews.find(call)
        if review is not None:
            return await review(call)
        if collection.kind.group_resource == "bindings":
            return await podactions.bind_named(self.core, call)
        if collection.kind.group == usage.GROUP:
            call.form = negotiation.negotiate(request.header("accept"))
            return await usage.answer(self.core, call)
        call.form = negotiation.negotiate(request.header("accept"), stream=info.verb == "watch")
        return await _VERBS[info.verb](self.core, call)


def _form_of_refusal(request: Request, info: RequestInfo) -> Form:
    """What a caller reads who may not accept any of the forms that there are."""
    accept = request.header("accept")
    if not info.is_resource or not (negotiation.PROTOBUF in accept or negotiation.YAML in accept):
        return negotiation.PLAIN
    try:
        return negotiation.negotiate(accept)
    except ApiError:
        return negotiation.PLAIN


def _undetermined(path: str) -> Response:
    """A watch of nothing: upstream fails on it before anything else."""
    text = (
        f'Internal Server Error: "{path}": failed to create RequestInfo: unable to determine kind'
        f" and namespace from url, {path}\n"
    )
    return Response(500, text.encode(), TEXT)


def _namespace(info: RequestInfo, collection: Collection) -> str:
    """The namespace of a request; 404 where the scope of the URL is not that of the kind."""
    kind = collection.kind
    if kind.plural == "namespaces" and not kind.group:
        return ""
    if bool(info.namespace) == kind.namespaced:
        return info.namespace
    if not kind.namespaced and collection.served.custom:
        raise problems.plain_not_found()
    if not kind.namespaced or info.name:
        raise problems.unknown_resource()
    return ""


def _check_name(name: str) -> None:
    why = "may not be '.'" if name == "." else "may not be '..'" if name == ".." else ""
    if "%" in name:
        why = "may not contain '%'"
    if why:
        raise problems.bad_request(f'Name parameter invalid: "{name}": {why}')


def _check_verb(request: Request, info: RequestInfo, collection: Collection) -> None:
    allowed = _OBJECT_VERBS if info.name else _COLLECTION_VERBS
    if collection.kind.namespaced and not info.namespace:
        allowed = _READ_ALL_VERBS
    known = info.verb in allowed and info.verb in collection.served.verbs
    if not known or request.method == "HEAD":
        raise problems.method_not_allowed()
