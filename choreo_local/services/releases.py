"""Bring releases from environment to environment: plan, promote, roll back, undeploy.

A plan renders the target with the same code as the controller, so what a person agrees to is what
will be written. Acting again checks what the person saw (`expect_current`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from choreo_local import clock
from choreo_local.api import registry
from choreo_local.apiclient.types import Change, Plan
from choreo_local.errors import (
    AlreadyExistsError,
    Cause,
    ConflictError,
    InvalidError,
    NotFoundError,
    RefusedError,
)
from choreo_local.kubeclient.client import KubeClient
from choreo_local.rendering import binding as bindings
from choreo_local.rendering.errors import RenderError
from choreo_local.services import history, kinds, moves, pipelines, plans
from choreo_local.services.base import shown
from choreo_local.services.gathering import Gatherer
from choreo_local.services.moves import UNCHECKED, Expected, Move, Scope

Manifest = dict[str, Any]
_RELEASE_BINDING = kinds.BY_KIND["ReleaseBinding"]
_ATTEMPTS = 5


class Releases:
    """Use cases of a component's releases."""

    def __init__(self, client: KubeClient, gatherer: Gatherer) -> None:
        self._client = client
        self._gatherer = gatherer

    # Promotion.

    async def promotion_plan(
        self,
        namespace: str,
        component: str,
        *,
        to: str,
        source: str | None = None,
        release: str | None = None,
    ) -> Plan:
        """What promoting would change in environment `to`."""
        return await self._plan(
            await self._promotion(namespace, component, to=to, source=source, release=release)
        )

    async def promote(
        self,
        namespace: str,
        component: str,
        *,
        to: str,
        release: str | None = None,
        expect_current: Expected = UNCHECKED,
    ) -> Manifest:
        """Bind a release in environment `to`; the binding as the API shows it."""
        move = await self._promotion(namespace, component, to=to, source=None, release=release)
        return await self._bind(move, expect_current, going_back=False)

    async def _promotion(
        self, namespace: str, component: str, *, to: str, source: str | None, release: str | None
    ) -> Move:
        scope = await self._gatherer.scope(namespace, component)
        candidates = moves.sources(scope, to, source)
        given = [await self._gatherer.binding(scope.component, name) for name in candidates]
        position = next((i for i, found in enumerate(given) if found is not None), 0)
        origin, bound = candidates[position], given[position]
        name = release or moves.bound_release(bound)
        if not name:
            raise InvalidError(
                f'cannot promote "{component}" to {to}: nothing is deployed in {origin}',
                remedy=f"Bring a release to {origin} first, or name one with --release",
                causes=[Cause("FieldValueInvalid", f"nothing is deployed in {origin}", "from")],
            )
        found = await self._release(scope, name)
        target = await self._gatherer.binding(scope.component, to)
        warnings = [*moves.source_warnings(origin, bound, name), *moves.target_warnings(to, target)]
        return Move(scope, origin, to, found, target, warnings)

    async def _release(self, scope: Scope, name: str) -> Manifest:
        found = await self._gatherer.release(scope.component, name)
        if found is None:
            raise NotFoundError(
                f'release "{name}" of component "{scope.name}" not found',
                remedy=f"See which there are: choreo get componentreleases -n {scope.namespace}",
            )
        return found

    # Roll-back.

    async def rollback_plan(self, namespace: str, component: str, *, environment: str) -> Plan:
        """What going back to the release before would change."""
        return await self._plan(await self._rollback(namespace, component, environment, None))

    async def rollback(
        self,
        namespace: str,
        component: str,
        *,
        environment: str,
        release: str | None = None,
        expect_current: Expected = UNCHECKED,
    ) -> Manifest:
        """Bind the release before, or an older one by name; the binding as the API shows it."""
        move = await self._rollback(namespace, component, environment, release)
        return await self._bind(move, expect_current, going_back=True)

    async def _rollback(
        self, namespace: str, component: str, environment: str, release: str | None
    ) -> Move:
        scope = await self._gatherer.scope(namespace, component)
        binding = await self._gatherer.binding(scope.component, environment)
        if binding is None:
            raise moves.not_deployed(scope, environment)
        if scope.component["spec"].get("autoDeploy") and environment == pipelines.root(
            scope.pipeline
        ):
            raise RefusedError(
                f'cannot roll back "{component}" in {environment}: autoDeploy would bring the '
                "latest release back at once",
                remedy="Change the Workload back, or switch spec.autoDeploy of the component off",
            )
        warnings: list[str] = []
        name = release or history.previous(history.read(binding))
        if name is None:
            name = await self._cut_before(scope, binding)
            warnings.append(
                "no release before this one is noted; this is the one that was cut before"
            )
        found = await self._release(scope, name)
        warnings += moves.target_warnings(environment, binding)
        return Move(scope, environment, environment, found, binding, warnings)

    async def _cut_before(self, scope: Scope, binding: Manifest) -> str:
        current = moves.bound_release(binding)
        cut = [
            str(release["metadata"]["name"])
            for release in sorted(await self._gatherer.releases(scope.component), key=history.age)
        ]
        before = cut[: cut.index(current)] if current in cut else cut
        if not before:
            environment = binding["spec"]["environment"]
            raise RefusedError(
                f'cannot roll back "{scope.name}" in {environment}: it has had no other release',
                remedy=f"See what it has: choreo get componentreleases -n {scope.namespace}",
            )
        return before[-1]

    # Undeploy.

    async def undeploy(self, namespace: str, component: str, *, environment: str) -> Manifest:
        """Take a component out of an environment; its binding stays for the next time."""
        found = await self._gatherer.component(namespace, component)
        binding = await self._gatherer.binding(found, environment)
        if binding is None:
            raise NotFoundError(
                f'"{component}" is not deployed in {environment}', remedy="There is nothing to do"
            )
        written = await self._client.patch(
            registry.RELEASE_BINDING,
            binding["metadata"]["name"],
            {"spec": {"state": "Undeploy"}},
            namespace,
        )
        return shown(_RELEASE_BINDING, written)

    # Plan and act.

    async def _plan(self, move: Move) -> Plan:
        environment = await self._gatherer.environment(move.scope.namespace, move.target)
        is_production = bool(((environment or {}).get("spec") or {}).get("isProduction"))
        found, awaited, unrendered = await self._changes(move)
        awaited_words = [f"{move.target} waits for {entry}" for entry in awaited]
        older = await self._older_words(move)
        return Plan(
            component=move.scope.name,
            source=move.source,
            target=move.target,
            release=move.release_name,
            current=move.current,
            is_production=is_production,
            needs_confirmation="production" if is_production else "",
            up_to_date=move.current == move.release_name and not moves.is_undeployed(move.binding),
            warnings=(*move.warnings, *older, *awaited_words),
            changes=found,
            summary=plans.summary(found),
            unrendered=unrendered,
        )

    async def _changes(self, move: Move) -> tuple[tuple[Change, ...], Sequence[str], str]:
        """Changes, awaited dependencies, and why there are none when it cannot be rendered."""
        try:
            gathered = await self._gatherer.inputs(move.scope, moves.planned(move), move.release)
            result = bindings.render(gathered.inputs)
        except RenderError as error:
            return (), (), error.message
        now, observed = await self._gatherer.rendered(move.scope, move.target)
        then = result.observability if gathered.has_observability_plane else []
        found = plans.changes(now, result.data_plane) + plans.changes(observed, then)
        return found, gathered.awaited, ""

    async def _older_words(self, move: Move) -> list[str]:
        if move.source == move.target or move.current in (None, move.release_name):
            return []
        current = await self._gatherer.release(move.scope.component, move.current or "")
        if current is None or history.age(move.release) >= history.age(current):
            return []
        return [f"{move.release_name} was cut before {move.current}, which {move.target} has now"]

    async def _bind(self, move: Move, expected: Expected, *, going_back: bool) -> Manifest:
        for _ in range(_ATTEMPTS):
            moves.check_expected(move, expected)
            try:
                written = await self._write(move, going_back=going_back)
            except ConflictError:
                move = await self._again(move)
                continue
            return shown(_RELEASE_BINDING, written)
        raise ConflictError(
            f"cannot bind {move.release_name} in {move.target}: others change the binding",
            remedy="Try again",
        )

    async def _again(self, move: Move) -> Move:
        binding = await self._gatherer.binding(move.scope.component, move.target)
        return Move(move.scope, move.source, move.target, move.release, binding, move.warnings)

    async def _write(self, move: Move, *, going_back: bool) -> Manifest:
        if move.binding is None:
            return await self._create(move)
        entries = history.read(move.binding)
        note = history.returned if going_back else history.advanced
        metadata = move.binding["metadata"]
        patch = {
            "metadata": {
                "resourceVersion": metadata["resourceVersion"],
                "annotations": {
                    history.ANNOTATION: history.text(
                        note(entries, move.release_name, now=clock.timestamp())
                    )
                },
            },
            "spec": {"releaseName": move.release_name, "state": "Active"},
        }
        return await self._client.patch(
            registry.RELEASE_BINDING, metadata["name"], patch, move.scope.namespace
        )

    async def _create(self, move: Move) -> Manifest:
        binding = moves.planned(move)
        entries = history.advanced((), move.release_name, now=clock.timestamp())
        binding["metadata"]["annotations"] = {history.ANNOTATION: history.text(entries)}
        try:
            return await self._client.create(registry.RELEASE_BINDING, binding)
        except AlreadyExistsError as error:
            if await self._gatherer.binding(move.scope.component, move.target) is not None:
                raise
            raise RefusedError(
                f'cannot promote "{move.scope.name}" to {move.target}: the binding '
                f'"{binding["metadata"]["name"]}" belongs to something else',
                remedy="Delete or rename that binding",
            ) from error
