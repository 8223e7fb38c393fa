"""The gateway itself: admits agents, keeps their rights in step with plane objects, asks them.

Everything in here runs in one loop. `access` is for callers in other threads.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from choreo_local import __version__, clock
from choreo_local.clustergateway.agentsocket import AgentSocket, Hello
from choreo_local.clustergateway.connections import (
    Agent,
    AgentConnection,
    Connections,
    Deliver,
    LostError,
)
from choreo_local.clustergateway.planedirectory import PlaneDirectory, Verdict
from choreo_local.errors import UnreachableError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup
from choreo_local.tunnel import planes
from choreo_local.tunnel.messages import StreamInit, TunnelRequest, TunnelResponse

logger = logging.getLogger(__name__)

_REPEATABLE = frozenset({"GET", "HEAD", "OPTIONS"})
_INVALID_TYPE = "invalid planeType: must be 'dataplane', 'workflowplane', or 'observabilityplane'"
# Who dials in names the plane: what is remembered of refusals must stay small.
_MOST_REFUSALS = 256
_LONGEST_TIMER_SECONDS = 24 * 3600.0

# Told of each plane, type and id, whose connections or refusals changed.
OnChange = Callable[[str, str], None]


@dataclass(frozen=True, slots=True)
class Refusal:
    """An agent that was sent away.

    Attributes:
        objections: key of a plane object → why it did not trust the agent.
    """

    at: datetime
    remote: str
    objections: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Change:
    """What a change of a plane object meant for the connected agents."""

    granted: int = 0
    revoked: int = 0


class RejectedError(Exception):
    """An agent may not come in."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status
        self.text = text


class ClusterGateway:
    """Knows the connected agents.

    Args:
        client: the control plane, for this loop.
        on_change: told of changes, in this loop.
    """

    def __init__(self, client: KubeClient, *, on_change: OnChange) -> None:
        self.connections = Connections()
        self.refusals: dict[str, Refusal] = {}
        self._expiries: dict[AgentConnection, asyncio.TimerHandle] = {}
        self._client = client
        self._on_change = on_change
        self._tasks = TaskGroup("cluster-gateway")
        self._directory = PlaneDirectory(client, on_change=self._plane_changed)

    async def stop(self) -> None:
        """Send all agents away."""
        for connection in self.connections:
            connection.close("the gateway stops")
        await self._tasks.stop()
        await self._directory.stop()

    # Agents.

    async def greet(self, socket: AgentSocket, hello: Hello) -> None:
        """Decide about an agent that dialled in."""
        try:
            connection = await self._admitted(socket, hello)
        except RejectedError as error:
            logger.info("Agent rejected remote=%s reason=%s", hello.remote, error.text)
            socket.reject(error.status, error.text)
            return
        except UnreachableError as error:
            socket.reject(503, error.message)
            return
        headers = {planes.AGENT_VERSION: __version__, planes.AGENT_FEATURES: planes.FEATURES}
        self.connections.add(connection)
        if not socket.accept(connection, headers):
            self.connections.remove(connection)
            return
        agent = connection.agent
        self._replace(connection)
        self.refusals.pop(agent.serves, None)
        self._await_expiry(connection)
        logger.info(
            "Agent connected plane=%s remote=%s version=%s",
            agent.serves,
            agent.remote,
            agent.version,
        )
        self._on_change(agent.plane, agent.plane_id)

    def _replace(self, connection: AgentConnection) -> None:
        """An agent that dials again has lost its old connection, whether we noticed or not."""
        agent = connection.agent
        for other in self.connections.of_plane(agent.plane, agent.plane_id):
            same = other is not connection and other.agent.process == agent.process
            if same and agent.process and other.agent.presented.leaf == agent.presented.leaf:
                other.abandon("the agent dialled again")

    async def _admitted(self, socket: AgentSocket, hello: Hello) -> AgentConnection:
        if hello.path != "/ws":
            raise RejectedError(404, "404 page not found")
        plane, plane_id = _claimed(hello)
        if hello.presented is None:
            raise RejectedError(401, "no client certificate presented")
        verdict = await self._directory.judge(
            hello.presented, plane=plane, plane_id=plane_id, now=clock.now()
        )
        if not verdict.accepted:
            self._remember_refusal(plane, plane_id, hello, verdict)
            text = f"client certificate verification failed: {verdict.reason}"
            raise RejectedError(401, text)
        agent = Agent(
            plane,
            plane_id,
            hello.presented,
            hello.remote,
            version=hello.headers.get(planes.AGENT_VERSION.lower(), "")[:64],
            process=hello.headers.get(planes.AGENT_PROCESS.lower(), "")[:64],
            features=_features(hello.headers.get(planes.AGENT_FEATURES.lower(), "")),
        )
        return AgentConnection(agent, verdict.accepted, socket=socket, on_lost=self._lost)

    def _remember_refusal(self, plane: str, plane_id: str, hello: Hello, verdict: Verdict) -> None:
        if not verdict.objections:
            return
        serves = planes.identifier(plane, plane_id)
        refusal = Refusal(clock.now(), hello.remote, verdict.explained())
        before = self.refusals.get(serves)
        if before is None and len(self.refusals) >= _MOST_REFUSALS:
            self.refusals.pop(next(iter(self.refusals)))
        self.refusals[serves] = refusal
        if before is None or before.objections != refusal.objections:
            self._on_change(plane, plane_id)

    def _await_expiry(self, connection: AgentConnection) -> None:
        """Look at an agent again when its certificate ends; long ones in several steps."""
        left = connection.agent.presented.leaf.not_valid_after_utc - clock.now()
        seconds = min(max(left.total_seconds(), 0.0) + 1.0, _LONGEST_TIMER_SECONDS)
        loop = asyncio.get_running_loop()
        self._expiries[connection] = loop.call_later(seconds, self._look_at, connection)

    def _look_at(self, connection: AgentConnection) -> None:
        agent = connection.agent
        for resource in connection.resources:
            self._plane_changed(agent.plane, agent.plane_id, resource)
        self._await_expiry(connection)

    def _lost(self, connection: AgentConnection, reason: str) -> None:
        self.connections.remove(connection)
        expiry = self._expiries.pop(connection, None)
        if expiry is not None:
            expiry.cancel()
        agent = connection.agent
        logger.info("Agent lost plane=%s remote=%s reason=%s", agent.serves, agent.remote, reason)
        self._on_change(agent.plane, agent.plane_id)

    # Plane objects.

    def _plane_changed(self, plane: str, plane_id: str, resource: str) -> None:
        if self.connections.of_plane(plane, plane_id):
            self._tasks.start(
                self._look_again(plane, plane_id, resource), name=f"look again at {plane_id}"
            )

    async def _look_again(self, plane: str, plane_id: str, resource: str) -> None:
        try:
            await self.revalidate(plane, plane_id, resource)
        except UnreachableError as error:
            logger.warning("Cannot check agents planeID=%s error=%s", plane_id, error.message)

    async def revalidate(self, plane: str, plane_id: str, resource: str) -> Change:
        """Ask anew whether a plane object trusts the connected agents of an id.

        Raises UnreachableError when what it trusts cannot be read; then all stays as it is.
        """
        await self._directory.ready()
        granted = revoked = 0
        for connection in self.connections.of_plane(plane, plane_id):
            why = await self._objection(connection.agent, resource)
            if why and resource in connection.resources:
                connection.revoke(resource, why)
                revoked += 1
                self._revoked(connection, resource, why)
            elif not why and resource not in connection.resources:
                connection.resources |= {resource}
                granted += 1
        if granted or revoked:
            self._on_change(plane, plane_id)
        return Change(granted, revoked)

    async def _objection(self, agent: Agent, resource: str) -> str:
        """Why a plane object does not trust an agent, by what it says when this returns."""
        while True:
            revision = self._directory.revision
            obj = self._directory.find(agent.plane, agent.plane_id, resource)
            if obj is None:
                return "the plane object is gone or has another plane ID"
            why = await self._directory.objection(obj, agent.presented, now=clock.now())
            if revision == self._directory.revision:
                return why

    def _revoked(self, connection: AgentConnection, resource: str, why: str) -> None:
        agent = connection.agent
        logger.info(
            "Agent not trusted any more plane=%s resource=%s reason=%s", agent.serves, resource, why
        )
        self.refusals[agent.serves] = Refusal(clock.now(), agent.remote, {resource: why})
        if not connection.resources:
            # It may serve nobody: let it dial again, and hear why.
            connection.close("no plane object trusts the certificate any more")

    def disconnect(self, plane: str, plane_id: str, reason: str) -> int:
        """Send the agents of a plane away; they dial again. How many there were."""
        found = self.connections.of_plane(plane, plane_id)
        for connection in found:
            connection.close(reason)
        return len(found)

    def release(self, plane: str, plane_id: str, resource: str) -> int:
        """A plane object is gone: send away the agents that serve no other. How many those were."""
        gone = 0
        for connection in self.connections.of_plane(plane, plane_id):
            connection.revoke(resource, "the plane object was deleted")
            if not connection.resources:
                connection.close("its plane object was deleted")
                gone += 1
        self._on_change(plane, plane_id)
        return gone

    # Requests.

    async def request(
        self,
        plane: str,
        plane_id: str,
        resource: str,
        *,
        request: TunnelRequest,
        timeout_seconds: float,
    ) -> TunnelResponse:
        """Have an agent make a request; one that changes nothing is repeated by another agent.

        Raises:
            UnreachableError: no agent, or none that answers.
            ForbiddenError: none that may serve this plane object.
        """
        connection = self.connections.choose(plane, plane_id, resource)
        try:
            return await connection.request(request, timeout_seconds=timeout_seconds)
        except LostError:
            others = self.connections.of_resource(plane, plane_id, resource)
            if request.method not in _REPEATABLE or not others:
                raise
        connection = self.connections.choose(plane, plane_id, resource)
        return await connection.request(request, timeout_seconds=timeout_seconds)

    def open(
        self, plane: str, plane_id: str, resource: str, *, init: StreamInit, deliver: Deliver
    ) -> AgentConnection:
        """Begin a stream with an agent; raises as `request`."""
        connection = self.connections.choose(plane, plane_id, resource)
        connection.open(init, resource, deliver)
        return connection


def _claimed(hello: Hello) -> tuple[str, str]:
    plane, plane_id = hello.query.get("planeType", ""), hello.query.get("planeID", "")
    if not plane:
        raise RejectedError(400, "missing planeType parameter")
    if not plane_id:
        raise RejectedError(400, "missing planeID parameter")
    if plane not in planes.TYPES:
        raise RejectedError(400, _INVALID_TYPE)
    return plane, plane_id


def _features(text: str) -> frozenset[str]:
    return frozenset(found.strip() for found in text[:500].split(",") if found.strip())
