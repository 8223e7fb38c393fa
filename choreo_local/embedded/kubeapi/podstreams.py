"""log, exec, attach, port-forward and proxy of a pod, through the kubelet of its node."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from datetime import timedelta
from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi import gotimes, portforward, problems, streams
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import (
    TEXT,
    Answer,
    Duplex,
    Request,
    Response,
    StreamingResponse,
    UpgradeResponse,
)
from choreo_local.embedded.kubeapi.nodes import (
    ContainerAddress,
    LogOptions,
    NodeConnection,
    StreamOptions,
)
from choreo_local.embedded.kubeapi.requests import is_true
from choreo_local.errors import BadRequestError, Cause, NotFoundError

_DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container"


async def log(core: Core, call: Call) -> Answer:
    """The output of a container."""
    pod = _pod(core, call)
    options = read_log_options(call)
    container = _container(call, pod)
    node_name = (pod.get("spec") or {}).get("nodeName")
    if not node_name:
        # Nothing has run yet, so there is nothing to say.
        return Response(204)
    node = _node(core, node_name)
    chunks = await node.logs(_address(pod, container), options)
    return StreamingResponse(200, _limited(chunks, options.limit_bytes), TEXT)


async def _limited(chunks: AsyncIterator[bytes], limit: int | None) -> AsyncIterator[bytes]:
    left = limit
    try:
        # The head goes out before the first line: followers of a silent container wait on it.
        yield b""
        async for chunk in chunks:
            if left is None:
                yield chunk
                continue
            yield chunk[:left]
            left -= len(chunk)
            if left <= 0:
                return
    finally:
        close = getattr(chunks, "aclose", None)
        if close is not None:
            await close()


def read_log_options(call: Call) -> LogOptions:
    """The options of a log request."""
    query = call.request.parameters
    causes: list[Cause] = []
    tail = _number(query, "tailLines", causes, at_least=0)
    limit = _number(query, "limitBytes", causes, at_least=1)
    seconds = _number(query, "sinceSeconds", causes, at_least=1)
    since_time = query.get("sinceTime")
    since = None
    if seconds is not None and since_time:
        detail = "at most one of `sinceTime` or `sinceSeconds` may be specified"
        causes.append(fielderrors.forbidden("[]", detail))
    elif seconds is not None:
        since = clock.now() - timedelta(seconds=seconds)
    elif since_time:
        try:
            since = clock.parse_timestamp(gotimes.time(since_time))
        except ValueError as error:
            raise problems.bad_request(str(error)) from None
    if query.get("stream"):
        # Behind a feature gate of the real server that is closed.
        causes.append(fielderrors.forbidden("stream", "may not be specified"))
    if causes:
        raise fielderrors.invalid("PodLogOptions", call.name, causes)
    return LogOptions(
        follow=is_true(query.get("follow")),
        previous=is_true(query.get("previous")),
        since=since,
        tail_lines=tail,
        limit_bytes=limit,
        timestamps=is_true(query.get("timestamps")),
        stream="All",
    )


def _number(
    query: Mapping[str, str], name: str, causes: list[Cause], *, at_least: int
) -> int | None:
    text = query.get(name)
    if not text:
        return None
    try:
        number = int(text)
    except ValueError:
        raise problems.bad_request(f'strconv.ParseInt: parsing "{text}": invalid syntax') from None
    if number < at_least:
        words = f"must be greater than {at_least - 1}"
        if at_least == 0:
            words = "must be greater than or equal to 0"
        causes.append(fielderrors.invalid_value(name, number, words))
    return number


async def exec_(core: Core, call: Call) -> Answer:
    """Run a command in a container."""
    pod, container, node = _target(core, call)
    command = [value for name, value in call.request.pairs if name == "command"]
    if not command:
        raise problems.bad_request("you must specify at least 1 command for the container")
    options = _stream_options(call)
    address = _address(pod, container)

    async def session(caller: Any) -> int:
        return await node.exec(address, command, caller, options)

    return _upgrade(call.request, session, options)


async def attach(core: Core, call: Call) -> Answer:
    """Connect to the main process of a container."""
    pod, container, node = _target(core, call)
    options = _stream_options(call)
    address = _address(pod, container)

    async def session(caller: Any) -> int:
        return await node.attach(address, caller, options)

    return _upgrade(call.request, session, options)


def _target(core: Core, call: Call) -> tuple[Manifest, str, NodeConnection]:
    pod = _pod(core, call)
    container = _container(call, pod)
    return pod, container, _node(core, _host(call, pod))


def _host(call: Call, pod: Manifest) -> str:
    name = (pod.get("spec") or {}).get("nodeName")
    if not name:
        raise problems.bad_request(f"pod {call.name} does not have a host assigned")
    return str(name)


def _stream_options(call: Call) -> StreamOptions:
    query = call.request.parameters
    options = StreamOptions(
        stdin=is_true(query.get("stdin")),
        stdout=is_true(query.get("stdout")),
        stderr=is_true(query.get("stderr")),
        tty=is_true(query.get("tty")),
    )
    if not (options.stdin or options.stdout or options.stderr):
        raise problems.bad_request("you must specify at least one of stdin, stdout, stderr")
    return options


def _upgrade(request: Request, session: streams.Session, options: StreamOptions) -> Answer:
    kind = request.header("upgrade").lower()
    if kind == "websocket":
        offered = _offered(request, "sec-websocket-protocol")
        protocol = _pick(streams.WEBSOCKET_PROTOCOLS, offered)

        async def serve_channels(duplex: Duplex) -> None:
            await streams.serve_channels(duplex, session, options, protocol)

        return UpgradeResponse(serve_channels, websocket=True, protocol=protocol)
    if kind.startswith("spdy/"):
        offered = _offered(request, "x-stream-protocol-version")
        protocol = _pick(streams.SPDY_PROTOCOLS, offered)

        async def serve_spdy(duplex: Duplex) -> None:
            await streams.serve_spdy(duplex, session, options, protocol)

        return UpgradeResponse(serve_spdy, websocket=False, protocol=protocol)
    raise BadRequestError("Upgrade request required")


def _offered(request: Request, header: str) -> list[str]:
    text = request.header(header).replace("\n", ",")
    return [part.strip() for part in text.split(",") if part.strip()]


def _pick(known: tuple[str, ...], offered: list[str]) -> str:
    if not offered:
        return ""
    for protocol in known:
        if protocol in offered:
            return protocol
    raise BadRequestError(
        f"unable to upgrade: unable to negotiate protocol: client supports {offered}, server"
        f" accepts {list(known)}"
    )


async def port_forward(core: Core, call: Call) -> Answer:
    """Connections to ports of a pod."""
    ports = _ports(call)
    pod = _pod(core, call)
    node = _node(core, _host(call, pod))
    request, namespace, name = call.request, call.namespace, call.name

    async def dial(port: int) -> Any:
        return await node.open_local_port(namespace, name, port)

    kind = request.header("upgrade").lower()
    if kind.startswith("spdy/"):
        return UpgradeResponse(_spdy(dial), websocket=False, protocol=portforward.SPDY_PROTOCOL)
    if kind != "websocket":
        raise BadRequestError("Upgrade request required")
    offered = _offered(request, "sec-websocket-protocol")
    if portforward.TUNNEL in offered:
        return UpgradeResponse(_spdy(dial), websocket=True, protocol=portforward.TUNNEL)
    protocol = _pick(portforward.CHANNELS, offered)
    if not ports:
        raise problems.bad_request('query parameter "port" is required')

    async def serve(duplex: Duplex) -> None:
        await portforward.serve_channels(duplex, ports, dial)

    return UpgradeResponse(serve, websocket=True, protocol=protocol)


def _spdy(dial: portforward.Dial) -> Callable[[Duplex], Awaitable[None]]:
    async def serve(duplex: Duplex) -> None:
        await portforward.serve_spdy(duplex, dial)

    return serve


def _pod(core: Core, call: Call) -> Manifest:
    stored = core.store.get(call.collection.storage, call.key)
    if stored is None:
        raise problems.not_found(call.collection.kind, call.name)
    return stored.object


def _node(core: Core, name: str) -> NodeConnection:
    found = core.connect(name)
    if found is None:
        raise NotFoundError(f'pods "{name}" not found', details={"kind": "pods", "name": name})
    return found


def _container(call: Call, pod: Manifest) -> str:
    """The container of a request: named, annotated as the default, or the only one."""
    spec = pod.get("spec") or {}
    names = [one["name"] for one in spec.get("containers") or ()]
    inits = [one["name"] for one in spec.get("initContainers") or ()]
    ephemeral = [one["name"] for one in spec.get("ephemeralContainers") or ()]
    wanted = call.request.parameters.get("container", "")
    if not wanted:
        annotations = pod["metadata"].get("annotations") or {}
        wanted = annotations.get(_DEFAULT_CONTAINER, "") if len(names) > 1 else ""
    if not wanted:
        if len(names) == 1:
            return str(names[0])
        known = " ".join((*inits, *names, *ephemeral))
        raise problems.bad_request(
            f"a container name must be specified for pod {call.name}, choose one of: [{known}]"
        )
    if wanted not in (*names, *inits, *ephemeral):
        raise problems.bad_request(f"container {wanted} is not valid for pod {call.name}")
    return wanted


def _address(pod: Manifest, container: str) -> ContainerAddress:
    metadata = pod["metadata"]
    return ContainerAddress(
        metadata["namespace"], metadata["name"], metadata.get("uid", ""), container
    )


def _ports(call: Call) -> list[int]:
    found = [value for key, value in call.request.pairs if key == "ports"]
    for value in found:
        if not value.isascii() or not value.isdigit():
            why = f"strconv.ParseUint: parsing {problems.quote(value)}: invalid syntax"
            raise problems.bad_request(f"cannot convert to []int32: {why}")
    return list(map(int, found))
