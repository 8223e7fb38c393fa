"""Components to begin with, beside those that upstream's client was recorded to write.

Explanations are in our own words, so what is compared are the lines of the manifest, those that
stand as comments too. An empty text is `''` here, which fits when the comment is taken away.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import AsyncExitStack
from typing import Any

import pytest

from choreo_local.allinone import bundles
from choreo_local.cli import main
from choreo_local.threads import LoopThread
from tests.apiserver.harness import TOKEN, serve
from tests.golden import GOLDENS, differences, load
from tests.services import harness

pytestmark = pytest.mark.timeout(120)
_SECONDS = 60
_KINDS = {"ClusterComponentType", "ClusterTrait", "ClusterWorkflow"}
_FIELD = re.compile(r"(?:- )?[A-Za-z.]+:(?: |$)")


def _cases() -> list[Any]:
    file = GOLDENS / "occ" / "scaffold.json"
    if not file.exists():
        reason = "recordings are not here; set CHOREO_GOLDENS"
        return [pytest.param({}, marks=pytest.mark.skip(reason=reason))]
    return [
        pytest.param(case, id=case["id"])
        for case in load(file)["cases"]
        if case["exitCode"] == 0 and "-o" not in case["args"]
    ]


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    """An API with the types of a new instance; in a thread, for commands bring their own loop."""
    thread, stack = LoopThread("api of tests"), AsyncExitStack()

    async def start() -> str:
        platform = await stack.enter_async_context(harness.control_plane("core"))
        manifests = bundles.load("platform").manifests(harness.VALUES)
        await platform.apply(*(each for each in manifests if each["kind"] in _KINDS))
        return (await stack.enter_async_context(serve(platform))).url

    thread.start()
    try:
        yield thread.call(start(), timeout=_SECONDS)
    finally:
        thread.call(stack.aclose(), timeout=_SECONDS)
        thread.stop()


@pytest.mark.parametrize("case", _cases())
def test_what_is_written_to_begin_with_is_what_upstream_writes(
    case: Any,
    url: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    if reason := differences("scaffold").get(case["id"]):
        pytest.skip(f"differs: {reason}")
    for name in [name for name in os.environ if name.startswith("CHOREO_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("CHOREO_API_URL", url)
    monkeypatch.setenv("CHOREO_TOKEN", TOKEN)
    assert main.run(case["args"]) == 0
    assert list(_fields(capsys.readouterr().out)) == list(_fields(case["stdout"]))


def _fields(text: str) -> Iterator[str]:
    """The lines of a manifest without explanations; heads, which name the program, left out."""
    for line in text.splitlines():
        pad = " " * (len(line) - len(line.lstrip(" ")))
        content = line.strip()
        is_comment = content.startswith("# ")
        field = content.removeprefix("# ")
        if not _FIELD.match(field) or (is_comment and not pad):
            continue
        mark = "# " if is_comment else ""
        plain = re.sub(r"(?:^|\s)#.*", "", field).rstrip()
        yield f"{pad}{mark}{plain.removesuffix(chr(39) * 2).rstrip()}"
