"""Things that are kept for a short while."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest

from choreo_local.identity.vault import Vault

_THREADS = 4


@pytest.fixture
def hasty_threads() -> Iterator[None]:
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("hasty_threads")
def test_only_one_of_several_threads_gets_a_thing() -> None:
    vault: Vault[str] = Vault(seconds=60)
    for number in range(300):
        vault.put("other", name=f"other-{number}")
    barrier = Barrier(_THREADS)

    def take(name: str) -> str | None:
        barrier.wait()
        return vault.take(name)

    with ThreadPoolExecutor(_THREADS) as pool:
        for number in range(100):
            vault.put("code", name=f"code-{number}")
            found = list(pool.map(take, [f"code-{number}"] * _THREADS))
            assert found.count("code") == 1


def test_what_is_too_much_goes_oldest_first() -> None:
    vault: Vault[int] = Vault(seconds=60, most=2)
    names = [vault.put(number) for number in range(3)]
    assert [vault.find(name) for name in names] == [None, 1, 2]
    assert vault.take(names[2]) == 2
    assert vault.find(names[2]) is None
