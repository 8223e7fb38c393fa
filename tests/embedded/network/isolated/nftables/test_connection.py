"""What the kernel makes of our messages, compared with what it makes of those of `nft`."""

from __future__ import annotations

import json
import os
import shutil
import socket
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest

from choreo_local.embedded.network.isolated.namespaces import Namespaces
from choreo_local.embedded.network.isolated.nftables.changes import (
    AddChain,
    AddRule,
    Change,
    script,
)
from choreo_local.embedded.network.isolated.nftables.connection import Connection
from choreo_local.embedded.network.isolated.nftables.difference import changes, in_stages
from choreo_local.embedded.network.isolated.nftables.fields import ADDRESS, TARGET
from choreo_local.embedded.network.isolated.nftables.statements import DROP, Is, Masquerade
from choreo_local.embedded.network.isolated.nftables.table import (
    Chain,
    Elements,
    Hook,
    Set,
    Table,
)
from choreo_local.errors import InternalError
from tests.embedded.network.isolated.machine import sandbox_tools
from tests.embedded.network.isolated.nftables import samples

EMPTY = Table("choreo", {}, {})


class Filter:
    """The packet filter of a namespace of its own."""

    def __init__(self) -> None:
        self.namespaces = Namespaces()
        self.namespace = self.namespaces.create()
        self.connection = self.namespaces.inside(self.namespace, Connection)

    def nft(self, *arguments: str, script: str = "") -> str:
        program = shutil.which("nft", path=f"{os.environ['PATH']}:/usr/sbin:/sbin")
        if program is None:
            pytest.skip("the program nft, to compare with, is not installed")
        done = self.namespaces.inside(
            self.namespace,
            lambda: subprocess.run(
                [program, *arguments], input=script, capture_output=True, text=True, check=False
            ),
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    def listed(self) -> dict[str, list[Any]]:
        """What `nft` lists: sets and chains by name, the rules of a chain in their order."""
        found: dict[str, list[Any]] = {}
        for each in json.loads(self.nft("-j", "list", "ruleset"))["nftables"]:
            ((kind, content),) = each.items()
            name = content.get("chain") or content.get("name") or ""
            if kind != "metainfo":
                found.setdefault(f"{kind} {name}", []).append(_plain(content))
        return found

    def close(self) -> None:
        self.connection.close()
        os.close(self.namespace)
        self.namespaces.close()


def _plain(value: Any) -> Any:
    """Without the kernel's own numbers; the order of elements says nothing."""
    if isinstance(value, list):
        return [_plain(each) for each in value]
    if not isinstance(value, dict):
        return value
    found = {key: _plain(each) for key, each in value.items() if key != "handle"}
    for key in found.keys() & {"elem", "set"}:
        if isinstance(found[key], list):
            found[key].sort(key=json.dumps)
    return found


@pytest.fixture
def ours() -> Iterator[Filter]:
    sandbox_tools()
    found = Filter()
    yield found
    found.close()


@pytest.fixture
def theirs() -> Iterator[Filter]:
    found = Filter()
    yield found
    found.close()


def test_the_kernel_gets_from_us_what_it_gets_from_nft(ours: Filter, theirs: Filter) -> None:
    wanted = changes(None, samples.everything())
    ours.connection.commit(wanted)
    theirs.nft("-f", "-", script=script(wanted))
    assert ours.listed() == theirs.listed()
    assert len(ours.listed()) > 30


def test_a_change_leads_to_what_a_fresh_start_leads_to(ours: Filter, theirs: Filter) -> None:
    before, after = samples.everything(), samples.later()
    ours.connection.commit(changes(None, before))
    ours.connection.commit(changes(before, after))
    theirs.connection.commit(changes(None, after))
    assert ours.listed() == theirs.listed()
    ours.connection.commit(changes(after, before))
    ours.connection.commit(changes(before, EMPTY))
    theirs.connection.commit(changes(None, EMPTY))
    assert (
        ours.listed() == theirs.listed() == {"table choreo": [{"family": "ip", "name": "choreo"}]}
    )


def test_nft_understands_our_changes_as_the_kernel_does(ours: Filter, theirs: Filter) -> None:
    before, after = samples.everything(), samples.later()
    for wanted in (changes(None, before), changes(before, after)):
        ours.connection.commit(wanted)
        theirs.nft("-f", "-", script=script(wanted))
        assert ours.listed() == theirs.listed()


def test_what_is_refused_is_named_and_nothing_of_it_happens(ours: Filter) -> None:
    good = samples.everything()
    ours.connection.commit(changes(None, good))
    wrong: list[Change] = [
        AddChain("choreo", "new", None),
        AddRule("choreo", "new", (DROP,)),
        AddRule("choreo", "forward", (Masquerade(),)),
        AddChain("choreo", "never", None),
    ]
    with pytest.raises(InternalError, match='refused "add rule ip choreo forward masquerade"'):
        ours.connection.commit(wrong)
    after = Table("choreo", good.sets, {**good.chains, "new": Chain(((DROP,),))})
    ours.connection.commit(changes(good, after))


def test_a_set_of_many_and_a_table_that_is_not_there(ours: Filter) -> None:
    many: Elements = {(f"10.{number >> 8}.{number & 255}.1",): None for number in range(10_000)}
    hook = Hook("filter", "input", 0)
    ours.connection.commit(
        changes(None, Table("choreo", {"many": Set((ADDRESS,), many)}, {"in": Chain((), hook)}))
    )
    few: Elements = dict(list(many.items())[:3])
    assert len(ours.listed()["set many"][0]["elem"]) == len(many)
    before = Table("choreo", {"many": Set((ADDRESS,), many)}, {"in": Chain((), hook)})
    after = Table("choreo", {"many": Set((ADDRESS,), few)}, {"in": Chain((), hook)})
    ours.connection.commit(changes(before, after))
    assert len(ours.listed()["set many"][0]["elem"]) == len(few)
    with pytest.raises(InternalError, match="No such file or directory"):
        ours.connection.commit([AddChain("elsewhere", "c", None)])


def test_what_is_too_long_for_one_transaction_is_loaded_in_several(
    ours: Filter, theirs: Filter
) -> None:
    good = samples.everything()
    many = {f"many-{number}": Chain(((Is(TARGET, "10.0.0.1"), DROP),)) for number in range(3000)}
    large = Table("choreo", good.sets, {**good.chains, **many})
    # What the kernel gives to those who are not root.
    ours.connection._socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 212_992)
    with pytest.raises(OSError, match="too long"):
        ours.connection.commit(changes(None, large))
    first, *middle, last = in_stages(large)
    assert any(len(stage) > 1 for stage in middle)
    for stage in (first, *middle, last):
        ours.connection.commit(stage)
    theirs.connection.commit(changes(None, large))
    assert ours.listed() == theirs.listed()


def test_until_the_last_stage_nothing_passes() -> None:
    first, *middle, last = in_stages(samples.everything())
    closed = [each.text for each in first if isinstance(each, AddRule)]
    assert "add rule ip choreo forward drop" in closed
    assert "add rule ip choreo input drop" in closed
    hooked = {each.text.split()[-2] for each in first if isinstance(each, AddRule)}
    assert not any(
        isinstance(each, AddRule) and each.chain in hooked for stage in middle for each in stage
    )
    assert "flush chain ip choreo forward" in [each.text for each in last]
