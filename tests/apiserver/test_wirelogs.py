from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from tests.apiserver.harness import Api, serve, token_of
from tests.services import harness

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PATH = "/api/v1/namespaces/acme/environments/development/wirelogs"


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[Api]:
    async with harness.control_plane("core") as platform, serve(platform) as found:
        yield found


async def test_who_may_see_them_is_told_that_there_are_none(api: Api) -> None:
    status, text, _ = await api.call("GET", f"{_PATH}?project=shop&component=cart")

    assert status == 501
    assert text.startswith("wire logs are not recorded")


async def test_who_may_not_is_refused(api: Api) -> None:
    status, content, _ = await api.call("GET", _PATH, token=token_of("nobodies"))

    assert (status, content["code"]) == (403, "FORBIDDEN")


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("component=cart", "component filter requires project filter\n"),
        ("project=Shop", "invalid project parameter\n"),
        ("project=shop&component=a_b", "invalid component parameter\n"),
        (f"project={'x' * 64}", "invalid project parameter\n"),
    ],
)
async def test_names_are_checked(api: Api, query: str, text: str) -> None:
    status, answer, _ = await api.call("GET", f"{_PATH}?{query}")

    assert (status, answer) == (400, text)
