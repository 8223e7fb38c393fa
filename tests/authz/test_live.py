"""The enforcer follows the objects of a real kube API."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from choreo_local.authz.live import LivePolicies
from choreo_local.authz.types import Hierarchy, Request
from tests.authz.objects import binding, role, user
from tests.services import harness, waiting
from tests.services.harness import Platform

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(60)]
_SECONDS = 30


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def platform() -> AsyncIterator[Platform]:
    async with harness.control_plane("core") as found:
        yield found


@pytest_asyncio.fixture(loop_scope="module")
async def live(platform: Platform) -> AsyncIterator[LivePolicies]:
    found = LivePolicies(platform.client)
    await found.start()
    yield found
    await found.stop()


def allowed(live: LivePolicies, group: str) -> bool:
    asked = Request(user(group), "component:view", Hierarchy("default"))
    return live.enforcer.decide(asked).allowed


async def until(live: LivePolicies, group: str, *, is_allowed: bool) -> None:
    async def read() -> bool:
        return allowed(live, group)

    await waiting.until(read, lambda found: found is is_allowed, seconds=_SECONDS)


async def test_objects_from_before_are_in_force_after_the_start(platform: Platform) -> None:
    await platform.apply(role("early", "component:*"), binding("early", "early", group="early"))
    live = LivePolicies(platform.client)
    await live.start()
    try:
        assert allowed(live, "early")
    finally:
        await live.stop()


async def test_later_changes_follow(platform: Platform, live: LivePolicies) -> None:
    await platform.apply(role("late", "component:*"), binding("late", "late", group="late"))
    await until(live, "late", is_allowed=True)
    await platform.apply(role("late", "project:*"))
    await until(live, "late", is_allowed=False)
    await platform.apply(role("late", "component:view"))
    await until(live, "late", is_allowed=True)
    kind = await platform.client.resolve("openchoreo.dev/v1alpha1", "ClusterAuthzRoleBinding")
    await platform.client.delete(kind, "late")
    await until(live, "late", is_allowed=False)


async def test_bindings_of_a_namespace_follow_too(platform: Platform, live: LivePolicies) -> None:
    await platform.apply(
        role("local", "component:view", namespace="default"),
        binding("local", "local", group="local", namespace="default", role_namespace="default"),
    )
    await until(live, "local", is_allowed=True)


async def test_the_effect_that_the_schema_fills_in_counts(
    platform: Platform, live: LivePolicies
) -> None:
    given = binding("plain", "plain", group="plain")
    del given["spec"]["effect"]
    await platform.apply(role("plain", "component:view"), given)
    await until(live, "plain", is_allowed=True)
