"""A disk that runs full: who has to go, and that nobody else does."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet import pressure
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.pressure import Consumer, DiskWatch, Space
from tests.embedded.kubelet.builders import container, pod

MIB = 1 << 20
FULL = Space(total=10_000 * MIB, free=50 * MIB)


def asking(amount: str) -> dict[str, Any]:
    return {"resources": {"requests": {"ephemeral-storage": amount}}}


def consumer(name: str, used: int, *, asked: str = "0", priority: int = 0) -> Consumer:
    made = pod(
        metadata={"name": name},
        containers=[container(**asking(asked))],
        priority=priority,
    )
    return Consumer(made, {"main": used}, volumes=0)


def name_of(found: Consumer | None) -> str:
    return found.pod["metadata"]["name"] if found else ""


def test_little_is_reserved() -> None:
    assert Space(total=1000 * MIB, free=0).reserved == 10 * MIB
    assert Space(total=10_000_000 * MIB, free=0).reserved == 256 * MIB


@pytest.mark.parametrize(
    ("free", "before", "is_short"),
    [(99, False, True), (100, False, False), (150, True, True), (200, True, False)],
)
def test_a_disk_that_ran_full_takes_more_to_be_well(
    free: int, *, before: bool, is_short: bool
) -> None:
    assert Space(total=10_000, free=free).is_short(before=before) is is_short


def test_who_takes_most_goes_first() -> None:
    assert name_of(pressure.worst([consumer("small", 10), consumer("big", 20)])) == "big"


def test_who_asked_for_it_stays_longer() -> None:
    modest = consumer("modest", 20 * MIB, asked="30Mi")
    assert name_of(pressure.worst([modest, consumer("greedy", 10 * MIB)])) == "greedy"
    assert name_of(pressure.worst([modest])) == "modest"


def test_low_priority_goes_first() -> None:
    found = [consumer("important", 20, priority=1000), consumer("plain", 10)]
    assert name_of(pressure.worst(found)) == "plain"


def test_pods_of_the_cluster_and_those_that_take_nothing_stay() -> None:
    system = consumer("system", 20, priority=2_000_001_000)
    assert pressure.worst([system, consumer("empty", 0)]) is None


def test_it_is_worded_as_kubelets_do() -> None:
    found = consumer("filler", 3 * MIB, asked="1Mi")
    assert pressure.message(FULL, found) == (
        "The node was low on resource: ephemeral-storage. "
        "Threshold quantity: 100Mi, available: 51200Ki. "
        "Container main was using 3072Ki, request is 1Mi, "
        "has larger consumption of ephemeral-storage. "
    )


@dataclass
class Told:
    """A pod that notes what it is told."""

    pod: dict[str, Any]
    messages: list[str] = field(default_factory=list)

    def evict(self, message: str) -> None:
        self.messages.append(message)


@pytest.fixture
def pods(tmp_path: Path) -> dict[str, Told]:
    """Pods that have written more or less, also to a volume; one has ended."""
    places = Places(tmp_path)
    found = {}
    for name, size in (("little", 1), ("much", 3), ("ended", 5)):
        made = pod(metadata={"name": name, "uid": name}, volumes=[{"name": "v", "emptyDir": {}}])
        for folder in (places.root_of(name, "main"), places.pod(name) / "volumes/v"):
            folder.mkdir(parents=True)
            (folder / "file").write_bytes(b"x" * size * MIB)
        found[name] = Told(made)
    found["ended"].pod["status"] = {"phase": "Failed"}
    return found


async def test_only_the_worst_pod_is_told_to_go(tmp_path: Path, pods: dict[str, Told]) -> None:
    spaces = [Space(10_000 * MIB, 9000 * MIB), FULL, Space(10_000 * MIB, 150 * MIB)]
    watch = DiskWatch(Places(tmp_path), lambda: list(pods.values()), lambda: spaces.pop(0))
    await watch.check()
    assert (watch.is_short, [each.messages for each in pods.values()]) == (False, [[], [], []])
    await watch.check()
    assert watch.is_short
    assert [len(each.messages) for each in pods.values()] == [0, 1, 0]
    assert "Container main was using " in pods["much"].messages[0]
    await watch.check()
    # Still short, but nobody has to go any more.
    assert (watch.is_short, len(pods["little"].messages), len(pods["much"].messages)) == (
        True,
        0,
        1,
    )


def test_this_machine_has_a_disk(tmp_path: Path) -> None:
    found = Space.of(tmp_path)
    assert 0 < found.free <= found.total
