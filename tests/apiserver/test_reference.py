from __future__ import annotations

import re
from collections.abc import AsyncIterator
from html.parser import HTMLParser

import pytest
import pytest_asyncio

from choreo_local.apiserver import openapi, reference
from tests.apiserver.harness import Api, serve
from tests.services import harness

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def api() -> AsyncIterator[Api]:
    async with harness.control_plane("core") as platform, serve(platform) as found:
        yield found


class _Links(HTMLParser):
    """What a page refers to, and the places in it."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.targets: set[str] = set()
        self.places: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        for name, value in attrs:
            if name in {"href", "src"} and value:
                self.targets.add(value)
            if name == "id" and value:
                self.places.add(value)


async def test_the_page_needs_no_token_and_nothing_from_elsewhere(api: Api) -> None:
    status, page, headers = await api.call("GET", "/docs", token=None)

    assert status == 200
    assert headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'none'" in headers["Content-Security-Policy"]
    links = _Links()
    links.feed(page)
    assert not links.tags & {"script", "link", "img", "iframe"}
    assert {target for target in links.targets if not target.startswith("#")} == {"/openapi.json"}
    assert {target[1:] for target in links.targets if target.startswith("#")} <= links.places


async def test_every_operation_and_schema_is_on_the_page(api: Api) -> None:
    _, document, _ = await api.call("GET", "/openapi.json", token=None)
    _, page, _ = await api.call("GET", "/docs", token=None)

    for path, item in document["paths"].items():
        for method in item.keys() - {"parameters"}:
            assert item[method]["operationId"] in page, (method, path)
    shown = set(re.findall(r'<h3 id="(\w+)">', page))
    assert shown == set(document["components"]["schemas"])


async def test_words_of_the_description_are_no_markup() -> None:
    document = openapi.document("<b>1</b>")

    assert "<b>1</b>" not in reference.page(document)
