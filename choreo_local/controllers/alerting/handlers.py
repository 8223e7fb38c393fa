"""What wakes an alert rule or a notification channel, and where their reads come from."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable

from choreo_local import clock
from choreo_local.api import registry
from choreo_local.controllers import references
from choreo_local.controllers.alerting import channel as channels
from choreo_local.controllers.alerting import reconcile as rules
from choreo_local.controllers.observed import Live, Manifest, Watched
from choreo_local.controllers.outcome import PlaneReference
from choreo_local.controllers.runtime import Controller
from choreo_local.errors import UnreachableError

# Reads a Secret of the control plane by namespace and name; None when there is none.
ReadSecret = Callable[[str, str], Awaitable[Manifest | None]]

_CHANNEL = registry.OBSERVABILITY_ALERTS_NOTIFICATION_CHANNEL


async def gather_rule(watched: Watched, live: Live, rule: Manifest) -> rules.Observed:
    """An alert rule says all there is to know."""
    del watched, live
    return rules.Observed(rule=rule, now=clock.timestamp())


def _plane(watched: Watched, live: Live, channel: Manifest) -> tuple[PlaneReference | None, str]:
    namespace, name = channel["metadata"]["namespace"], channel["spec"]["environment"]
    environment = watched.get("Environment", namespace, name)
    if environment is None:
        return None, f'Environment "{name}" not found'
    data_plane = references.data_plane_of(watched, environment)
    if data_plane is None:
        return None, f'DataPlane of environment "{name}" not found'
    plane = references.observability_plane_of(watched, data_plane)
    if plane is None:
        return None, f'ObservabilityPlane of environment "{name}" not found'
    reference = references.reference_to(plane)
    try:
        live.check(reference)
    except UnreachableError as error:
        return None, error.message
    return reference, ""


def _siblings(watched: Watched, channel: Manifest) -> list[Manifest]:
    namespace, environment = channel["metadata"]["namespace"], channel["spec"]["environment"]
    return [
        other
        for other in watched.list(_CHANNEL.kind, namespace)
        if (other.get("spec") or {}).get("environment") == environment
        and not references.is_deleting(other)
    ]


def _in_environment(watched: Watched, environment: Manifest) -> Iterable[tuple[str, str]]:
    namespace, name = environment["metadata"]["namespace"], environment["metadata"]["name"]
    for channel in watched.list(_CHANNEL.kind, namespace):
        if (channel.get("spec") or {}).get("environment") == name:
            yield namespace, channel["metadata"]["name"]


def _on_data_plane(watched: Watched, plane: Manifest) -> Iterable[tuple[str, str]]:
    for environment in references.environments_on(watched, plane):
        yield from _in_environment(watched, environment)


def _all(watched: Watched, plane: Manifest) -> Iterable[tuple[str, str]]:
    for channel in watched.list(_CHANNEL.kind, plane["metadata"].get("namespace")):
        yield channel["metadata"]["namespace"], channel["metadata"]["name"]


RULES = Controller(
    kind=registry.OBSERVABILITY_ALERT_RULE,
    gather=gather_rule,
    reconcile=rules.reconcile,
    field_manager="observabilityalertrule-controller",
)


def channels_controller(read_secret: ReadSecret) -> Controller[channels.Observed]:
    """The controller of notification channels; their credentials are read when needed."""

    async def gather(watched: Watched, live: Live, channel: Manifest) -> channels.Observed:
        plane, missing = _plane(watched, live, channel)
        secrets = {}
        for name in sorted(channels.secret_names(channel)) if plane is not None else ():
            secret = await read_secret(channel["metadata"]["namespace"], name)
            if secret is not None:
                secrets[name] = secret
        return channels.Observed(
            channel=channel,
            siblings=_siblings(watched, channel),
            plane=plane,
            missing=missing,
            secrets=secrets,
            now=clock.timestamp(),
        )

    return Controller(
        kind=_CHANNEL,
        gather=gather,
        reconcile=channels.reconcile,
        field_manager=channels.FIELD_MANAGER,
        wakes={
            "Environment": _in_environment,
            "DataPlane": _on_data_plane,
            "ClusterDataPlane": _on_data_plane,
            "ObservabilityPlane": _all,
            "ClusterObservabilityPlane": _all,
        },
    )
