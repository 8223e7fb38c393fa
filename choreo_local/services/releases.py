"""Bring releases from environment to environment: plan, promote, roll back, undeploy.

A plan renders the target with the same code as the controller, so what a person agrees to is what
will be written. Acting again checks what the person saw (`expect_current`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from choreo_local import clock
from choreo_local.api import labels, registry
from choreo_local.apiclient.types import Change, Plan
from choreo_local.apimachinery import conditions
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
from choreo_local.rendering import names
from choreo_local.rendering.errors import RenderError
from choreo_local.services import history, kinds, pipelines, plans
from choreo_local.services.base import shown
from choreo_local.services.gathering import Gatherer, Scope

Manifest = dict[str, Any]
_RELEASE_BINDING = kinds.BY_KIND["ReleaseBinding"]
_ATTEMPTS = 5


class _Unchecked:
    """The caller does not say what it expects."""


UNCHECKED: Final = _Unchecked()
Expected = str | None | _Unchecked


@dataclass(frozen=True, slots=True)
class _Move:
    """A release on its way into an environment."""

    scope: Scope
    source: str
    target: str
    release: Manifest
    binding: Manifest | None
    warnings: Sequence[str]

    @property
    def release_name(self) -> str:
        return str(self.release["metadata"]["name"])

    @property
    def current(self) -> str | None:
        return _bound_release(self.binding)


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
    ) -> _Move:
        scope = await self._gatherer.scope(namespace, component)
        candidates = _sources(scope, to, source)
        given = [await self._gatherer.binding(scope.component, name) for name in candidates]
        position = next((i for i, found in enumerate(given) if found is not None), 0)
        origin, bound = candidates[position], given[position]
        name = release or _bound_release(bound)
        if not name:
            raise InvalidError(
                f'cannot promote "{component}" to {to}: nothing is deployed in {origin}',
                remedy=f"Bring a release to {origin} first, or name one with --release",
                causes=[Cause("FieldValueInvalid", f"nothing is deployed in {origin}", "from")],
            )
        found = await self._release(scope, name)
        target = await self._gatherer.binding(scope.component, to)
        warnings = [*_source_warnings(origin, bound, name), *_target_warnings(to, target)]
        return _Move(scope, origin, to, found, target, warnings)

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
    ) -> _Move:
        scope = await self._gatherer.scope(namespace, component)
        binding = await self._gatherer.binding(scope.component, environment)
        if binding is None:
            raise _not_deployed(scope, environment)
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
        warnings += _target_warnings(environment, binding)
        return _Move(scope, environment, environment, found, binding, warnings)

    async def _cut_before(self, scope: Scope, binding: Manifest) -> str:
        current = _bound_release(binding)
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

    async def _plan(self, move: _Move) -> Plan:
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
            up_to_date=move.current == move.release_name and not _is_undeployed(move.binding),
            warnings=(*move.warnings, *older, *awaited_words),
            changes=found,
            summary=plans.summary(found),
            unrendered=unrendered,
        )

    async def _changes(self, move: _Move) -> tuple[tuple[Change, ...], Sequence[str], str]:
        """Changes, awaited dependencies, and why there are none when it cannot be rendered."""
        try:
            gathered = await self._gatherer.inputs(move.scope, _planned(move), move.release)
            result = bindings.render(gathered.inputs)
        except RenderError as error:
            return (), (), error.message
        now, observed = await self._gatherer.rendered(move.scope, move.target)
        then = result.observability if gathered.has_observability_plane else []
        found = plans.changes(now, result.data_plane) + plans.changes(observed, then)
        return found, gathered.awaited, ""

    async def _older_words(self, move: _Move) -> list[str]:
        if move.source == move.target or move.current in (None, move.release_name):
            return []
        current = await self._gatherer.release(move.scope.component, move.current or "")
        if current is None or history.age(move.release) >= history.age(current):
            return []
        return [f"{move.release_name} was cut before {move.current}, which {move.target} has now"]

    async def _bind(self, move: _Move, expected: Expected, *, going_back: bool) -> Manifest:
        for _ in range(_ATTEMPTS):
            _check_expected(move, expected)
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

    async def _again(self, move: _Move) -> _Move:
        binding = await self._gatherer.binding(move.scope.component, move.target)
        return _Move(move.scope, move.source, move.target, move.release, binding, move.warnings)

    async def _write(self, move: _Move, *, going_back: bool) -> Manifest:
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

    async def _create(self, move: _Move) -> Manifest:
        binding = _planned(move)
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


def _planned(move: _Move) -> Manifest:
    """The binding of the target as it will be."""
    if move.binding is not None:
        spec = {**move.binding["spec"], "releaseName": move.release_name, "state": "Active"}
        return {**move.binding, "spec": spec}
    scope = move.scope
    return {
        "apiVersion": labels.API_VERSION,
        "kind": "ReleaseBinding",
        "metadata": {
            "name": names.binding(scope.name, move.target),
            "namespace": scope.namespace,
            "labels": {
                labels.PROJECT: scope.owner["projectName"],
                labels.COMPONENT: scope.name,
            },
        },
        "spec": {
            "owner": scope.owner,
            "environment": move.target,
            "releaseName": move.release_name,
        },
    }


def _sources(scope: Scope, to: str, source: str | None) -> list[str]:
    """Where a promotion to `to` may come from; InvalidError names the legal ways."""
    found = pipelines.sources(scope.pipeline, to)
    if found and source in (None, *found):
        return [source] if source else found
    legal = [f"{start} → {end}" for start, end in pipelines.paths(scope.pipeline)]
    wanted = f"{source} → {to}" if source else to
    pipeline = scope.pipeline["metadata"]["name"]
    field = "from" if found else "to"
    raise InvalidError(
        f'cannot promote "{scope.name}" to {to}: pipeline "{pipeline}" has no way {wanted}; '
        f"it has {', '.join(legal) or 'none'}",
        remedy=f"Choose one of: {', '.join(pipelines.targets(scope.pipeline)) or 'none'}",
        causes=[Cause("FieldValueNotSupported", f"the pipeline has no way {wanted}", field)],
    )


def _source_warnings(source: str, binding: Manifest | None, release: str) -> list[str]:
    if binding is None:
        return [f"{source} has never had this component"]
    if _is_undeployed(binding):
        return [f"{source} is undeployed"]
    if _bound_release(binding) != release:
        return [f"{source} has another release: {_bound_release(binding)}"]
    ready = conditions.find((binding.get("status") or {}).get("conditions") or (), "Ready") or {}
    if ready.get("status") == "True":
        return []
    return [f"{source} is not ready: {ready.get('message') or 'it waits for the controller'}"]


def _target_warnings(target: str, binding: Manifest | None) -> list[str]:
    if binding is not None and _is_undeployed(binding):
        return [f"{target} is undeployed; this deploys it again"]
    return []


def _check_expected(move: _Move, expected: Expected) -> None:
    if isinstance(expected, _Unchecked) or move.current == expected:
        return
    raise ConflictError(
        f"{move.target} has {move.current or 'no release'} by now, not "
        f"{expected or 'no release'} as when you looked",
        remedy="Look at the plan again",
    )


def _not_deployed(scope: Scope, environment: str) -> NotFoundError:
    known = pipelines.order([scope.pipeline])
    if environment not in known:
        return NotFoundError(
            f'pipeline "{scope.pipeline["metadata"]["name"]}" has no environment "{environment}"',
            remedy=f"Choose one of: {', '.join(known)}",
        )
    return NotFoundError(
        f'"{scope.name}" is not deployed in {environment}',
        remedy=f"Bring it there: choreo promote {scope.name} --to {environment}",
    )


def _bound_release(binding: Manifest | None) -> str | None:
    return ((binding or {}).get("spec") or {}).get("releaseName") or None


def _is_undeployed(binding: Manifest | None) -> bool:
    return ((binding or {}).get("spec") or {}).get("state") == "Undeploy"
