"""A kube API without sockets, and short ways to talk to it."""

from __future__ import annotations

from typing import Any

import orjson

from choreo_local.embedded.kubeapi.app import KubeApi, KubeApiOptions
from choreo_local.embedded.kubeapi.local import LocalTransport
from choreo_local.embedded.kubeapi.messages import MASTER, Request, Response, User
from choreo_local.embedded.storage.store import MemoryBackend, Store
from choreo_local.kubeclient.client import KubeClient

CONFIG_MAPS = "/api/v1/namespaces/default/configmaps"


class Api:
    """Speaks to a KubeApi as one user."""

    def __init__(self, api: KubeApi, user: User | None = MASTER) -> None:
        self.kube = api
        self.user = user

    @classmethod
    async def start(cls, options: KubeApiOptions | None = None) -> Api:
        """A new cluster in memory."""
        api = KubeApi(Store(MemoryBackend()), options)
        await api.start()
        return cls(api)

    def client(self) -> KubeClient:
        """The kube client over function calls."""
        return KubeClient(LocalTransport(self.kube))

    async def call(
        self, method: str, path: str, body: Any = None, **headers: str
    ) -> tuple[int, Any]:
        """Status and decoded body of an answer."""
        answer = await self.send(method, path, body, **headers)
        try:
            return answer.status, orjson.loads(answer.body)
        except orjson.JSONDecodeError:
            return answer.status, answer.body.decode()

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> Response:
        """The whole answer."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        content = body if isinstance(body, bytes) else b"" if body is None else orjson.dumps(body)
        path, _, query = path.partition("?")
        request = Request(method, path, query, named, content, self.user)
        answer = await self.kube.handle(request)
        assert isinstance(answer, Response)
        return answer

    async def must(self, method: str, path: str, body: Any = None, **headers: str) -> Any:
        """The body of an answer that must be a success."""
        status, answered = await self.call(method, path, body, **headers)
        assert status < 300, answered
        return answered


def config_map(name: str = "a", **metadata: Any) -> dict[str, Any]:
    """A ConfigMap."""
    return {"metadata": {"name": name, **metadata}, "data": {"k": "v"}}
