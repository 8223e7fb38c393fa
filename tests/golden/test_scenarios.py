"""Whole scenarios as upstream lived through them: our controllers end in the same states.

Each step of a recording is one case. Compared are all OpenChoreo objects and what is on the data
plane once everything has settled, and what each object said of itself on the way. Deliberate
differences are listed as `<scenario>-<step>`, or `<scenario>-<step>: <object>` for one object.
"""

from __future__ import annotations

import asyncio
import functools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.golden import GOLDENS, differences, load, recorded, replay
from tests.golden.scenarios import INSTALLED

Sayings = Sequence[tuple[str, str, str]]

DIFFERENCES = differences("scenarios")
# Scenarios whose data plane lacked a kind.
WITHOUT = {"resource_kind_missing": ("Password",)}
# Upstream asks a plane every ten seconds, we are told: each sees other moments of a rollout.
MOMENTS = {
    "NamespaceProgressing",
    "ResourcesDegraded",
    "ResourcesProgressing",
    "ResourcesUnknown",
}
# Several objects applied at once: how many of them are known to whoever looks first is a matter of
# speed. What is missing at first is said, or not; what was created first, is updated later, or not.
RACES = {
    "ApplyFailed",
    "ComponentReleaseNotFound",
    "ConnectionsPending",
    "DeploymentPipelineNotFound",
    "ProjectNotFound",
    "ProjectReleaseNotSet",
    "ReleaseCreated",
    "ReleaseSynced",
    "ResourceApplyFailed",
    "SyncedNotReady",
    "TraitNotFound",
    "WorkloadNotFound",
}


@dataclass(slots=True)
class Step:
    """What came of a step here and there, worded alike."""

    ours: replay.World
    theirs: replay.World
    our_sayings: dict[tuple[str, str], list[tuple[str, str, str]]]
    their_sayings: dict[tuple[str, str], list[tuple[str, str, str]]]
    problem: str = ""


@dataclass(slots=True)
class Run:
    """The steps that were played, and why there are no more."""

    steps: list[Step] = field(default_factory=list)
    error: BaseException | None = None


@functools.cache
def played(name: str) -> Run:
    """A scenario on a fresh installation."""
    run = Run()
    try:
        asyncio.run(_play(name, run))
    except Exception as error:  # noqa: BLE001 - every step that is missing says why
        run.error = error
    return run


async def _play(name: str, run: Run) -> None:
    scenario = load(GOLDENS / "scenarios" / f"{name}.json")
    async with replay.fresh_installation(without=WITHOUT.get(name, ())) as cluster:
        player = replay.Replay(cluster)
        player.begin()
        for number, recording in enumerate(scenario["steps"]):
            began = cluster.store.revision
            await player.act(recording)
            player.learn_recorded(recording)
            theirs = player.recorded_world(recording)
            ours = await _settled(player, theirs, wait=_is_compared(name, number))
            run.steps.append(
                Step(
                    ours=ours,
                    theirs=theirs,
                    our_sayings=player.histories(began).said,
                    their_sayings=player.recorded_histories(recording).said,
                )
            )


async def _settled(player: replay.Replay, theirs: replay.World, *, wait: bool) -> replay.World:
    """Our world when nothing moves any more; a machine that is busy may pause before that."""
    patience = 10 if wait else 1
    while True:
        await player.cluster.settle()
        ours = player.world(theirs)
        patience -= 1
        if ours == theirs or patience == 0:
            return ours


def _is_compared(name: str, number: int) -> bool:
    prefix = f"{name}-{number}"
    return not any(case == prefix or case.startswith(f"{prefix}: ") for case in DIFFERENCES)


def cases() -> list[Any]:
    found = [
        pytest.param(path.stem, number, id=f"{path.stem}-{number}")
        for path in recorded("scenarios")
        for number in range(len(load(path)["steps"]))
    ]
    if found and INSTALLED.exists():
        return found
    reason = f"no recordings of scenarios in {GOLDENS}; set CHOREO_GOLDENS, CHOREO_FIXTURES"
    return [pytest.param("", 0, marks=pytest.mark.skip(reason=reason))]


def different(name: str, number: int, obj: str = "") -> bool:
    case = f"{name}-{number}"
    return case in DIFFERENCES or (bool(obj) and f"{case}: {obj}" in DIFFERENCES)


def step_of(name: str, number: int) -> Step:
    run = played(name)
    if number >= len(run.steps):
        raise AssertionError(f"{name} ended before step {number}") from run.error
    if different(name, number):
        pytest.skip(DIFFERENCES[f"{name}-{number}"])
    return run.steps[number]


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("name", "number"), cases())
def test_the_settled_state_is_upstreams(name: str, number: int) -> None:
    step = step_of(name, number)
    names = sorted(step.ours.keys() | step.theirs.keys())
    found = [
        line
        for obj in names
        if not different(name, number, obj)
        for line in deviations(step.ours.get(obj), step.theirs.get(obj), obj)
    ]
    assert not found, "\n".join(found)


@pytest.mark.timeout(60)
@pytest.mark.parametrize(("name", "number"), cases())
def test_objects_say_of_themselves_what_upstreams_do(name: str, number: int) -> None:
    step = step_of(name, number)
    scenario = load(GOLDENS / "scenarios" / f"{name}.json")
    ignored = MOMENTS if len(scenario["steps"][number]["actions"]) == 1 else MOMENTS | RACES
    found = []
    for obj, condition in sorted(step.our_sayings.keys() | step.their_sayings.keys()):
        ours = essence(step.our_sayings.get((obj, condition), ()), ignored)
        theirs = essence(step.their_sayings.get((obj, condition), ()), ignored)
        if ours != theirs and not different(name, number, obj):
            found.append(f"{obj} {condition}:\n  ours   {ours}\n  theirs {theirs}")
    assert not found, "\n".join(found)


def essence(sayings: Sayings, ignored: set[str]) -> list[tuple[str, str, str]]:
    """What was said, without what only those see who look at the right moment; the end counts."""
    kept = [said for said in sayings[:-1] if said[1] not in ignored]
    return [*kept, *sayings[-1:]]


def deviations(ours: Any, theirs: Any, path: str) -> Iterator[str]:
    """Where two values differ, a line each."""
    if isinstance(ours, dict) and isinstance(theirs, dict):
        for key in sorted(ours.keys() | theirs.keys()):
            yield from deviations(ours.get(key), theirs.get(key), f"{path}.{key}")
    elif isinstance(ours, list) and isinstance(theirs, list) and len(ours) == len(theirs):
        for index, pair in enumerate(zip(ours, theirs, strict=True)):
            yield from deviations(*pair, f"{path}[{index}]")
    elif ours != theirs:
        yield f"{path}\n  ours   {_short(ours)}\n  theirs {_short(theirs)}"


def _short(value: Any) -> str:
    return json.dumps(value)[:600]


def test_every_listed_difference_is_one() -> None:
    """A difference that has gone must leave the list."""
    if not recorded("scenarios"):
        pytest.skip("no recordings of scenarios")
    stale = []
    for case in DIFFERENCES:
        title, _, obj = case.partition(": ")
        name, _, number = title.rpartition("-")
        step = played(name).steps[int(number)]
        names = [obj] if obj else sorted(step.ours.keys() | step.theirs.keys())
        same = all(step.ours.get(each) == step.theirs.get(each) for each in names)
        said: Mapping[Any, Any] = {
            key: step.our_sayings.get(key) == step.their_sayings.get(key)
            for key in step.our_sayings.keys() | step.their_sayings.keys()
            if not obj or key[0] == obj
        }
        if same and all(said.values()):
            stale.append(case)
    assert stale == []
