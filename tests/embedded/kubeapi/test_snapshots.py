"""Copies of a store that is in use, over the API."""

from __future__ import annotations

from pathlib import Path

from choreo_local.embedded.kubeapi.app import KubeApi
from choreo_local.embedded.kubeapi.messages import (
    ANONYMOUS,
    MASTER,
    Request,
    Response,
    StreamingResponse,
)
from choreo_local.embedded.storage.sqlite import SqliteBackend
from choreo_local.embedded.storage.store import Store
from tests.embedded.kubeapi.harness import CONFIG_MAPS, Api, config_map


async def test_an_administrator_gets_a_copy_that_opens(tmp_path: Path) -> None:
    store = Store(SqliteBackend(tmp_path / "state.db"))
    kube = KubeApi(store)
    await kube.start()
    await Api(kube).must("POST", CONFIG_MAPS, config_map("kept"))

    answer = await kube.handle(Request("GET", "/snapshot", user=MASTER))
    assert isinstance(answer, StreamingResponse)
    content = b"".join([chunk async for chunk in answer.chunks])

    (tmp_path / "copy.db").write_bytes(content)
    copy = Store(SqliteBackend(tmp_path / "copy.db"))
    assert copy.revision == store.revision
    assert copy.get("configmaps", "default/kept") is not None
    copy.close()
    await kube.stop()
    store.close()


async def test_nobody_else_gets_one() -> None:
    api = await Api.start()

    for user, method, status in ((ANONYMOUS, "GET", 403), (MASTER, "POST", 405)):
        answer = await api.kube.handle(Request(method, "/snapshot", user=user))
        assert isinstance(answer, Response)
        assert answer.status == status


async def test_a_cluster_in_memory_says_that_it_has_none() -> None:
    api = await Api.start()

    status, _ = await api.call("GET", "/snapshot")

    assert status == 500
