"""Read and follow what one container writes."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import dataclass

import orjson

from choreo_local.apiclient.types import LogLine
from choreo_local.apimachinery import status
from choreo_local.apimachinery.gvk import ResourceKind
from choreo_local.kubeclient.client import KubeClient

PODS = ResourceKind("", "v1", "Pod", "pods")

# A container that writes without line ends must not fill our memory.
_LONGEST_LINE = 1024 * 1024
_LIMIT_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which lines.

    Attributes:
        tail: only the last so many.
        since_seconds: only those of the last so many seconds.
        since_time: only those written at or after this moment.
        previous: of the instance before the running one.
    """

    tail: int | None = None
    since_seconds: int | None = None
    since_time: str = ""
    previous: bool = False
    follow: bool = False


async def lines(
    client: KubeClient, namespace: str, pod: str, container: str, wanted: Wanted
) -> AsyncGenerator[LogLine, None]:
    """The lines of a container, with the time at which each was written.

    Raises ApiError when the node refuses, e.g. because the container has not started.
    """
    query = {"container": container, "timestamps": "true"}
    if wanted.follow:
        query["follow"] = "true"
    else:
        query["limitBytes"] = str(_LIMIT_BYTES)
    if wanted.previous:
        query["previous"] = "true"
    if wanted.tail is not None:
        query["tailLines"] = str(wanted.tail)
    if wanted.since_seconds is not None:
        query["sinceSeconds"] = str(wanted.since_seconds)
    if wanted.since_time:
        query["sinceTime"] = wanted.since_time
    path = PODS.path(namespace, pod, "log")
    async with client.transport.stream("GET", path, query=query) as response:
        if response.status >= 400:
            body = b"".join([chunk async for chunk in response.chunks()])
            raise status.to_error(_decoded(body), code=response.status)
        async for line in _split(response.chunks()):
            found = parse(line, pod=pod, container=container)
            if found is not None:
                yield found


def parse(line: bytes, *, pod: str, container: str) -> LogLine | None:
    """A line as the node sends it, time first; None when it has no time."""
    time, _, text = line.decode(errors="replace").partition(" ")
    if len(time) < len("2006-01-02T15:04:05Z") or time[4:5] != "-" or "T" not in time:
        return None
    return LogLine(time, pod, container, text.rstrip("\r"))


async def _split(chunks: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    rest = b""
    async for chunk in chunks:
        *complete, rest = (rest + chunk).split(b"\n")
        for line in complete:
            yield line
        if len(rest) > _LONGEST_LINE:
            yield rest
            rest = b""
    if rest:
        yield rest


def _decoded(body: bytes) -> dict[str, object]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {"message": body.decode(errors="replace").strip()}
    return content if isinstance(content, dict) else {}
