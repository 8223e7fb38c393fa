"""How workloads replace their pods: numbers and shares of pods that may be missing or too many."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, printed
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_ROLLING, _RECREATE, _ON_DELETE = "RollingUpdate", "Recreate", "OnDelete"


def of_deployment(strategy: Object, path: str) -> Problems:
    """The problems of a deployment's strategy."""
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == _RECREATE:
        if rolling is not None:
            yield fielderrors.forbidden(
                f"{path}.rollingUpdate", "may not be specified when strategy `type` is 'Recreate'"
            )
    elif kind != _ROLLING:
        shown = printed.internal("apps.DeploymentStrategy", strategy)
        yield fielderrors.not_supported(path, shown, (_RECREATE, _ROLLING))
    elif rolling is None:
        yield fielderrors.required(
            f"{path}.rollingUpdate", "this should be defaulted and never be nil"
        )
    else:
        yield from _rolling_deployment(rolling, f"{path}.rollingUpdate")


def _rolling_deployment(rolling: Object, path: str) -> Problems:
    unavailable, surge = _amount(rolling, "maxUnavailable"), _amount(rolling, "maxSurge")
    yield from checks.int_or_percent(f"{path}.maxUnavailable", unavailable)
    yield from checks.int_or_percent(f"{path}.maxSurge", surge)
    if checks.number_of(unavailable) == 0 == checks.number_of(surge):
        yield fielderrors.invalid_value(
            f"{path}.maxUnavailable", unavailable, "may not be 0 when `maxSurge` is 0"
        )
    yield from checks.at_most_100_percent(f"{path}.maxUnavailable", unavailable)


def _amount(rolling: Object, field: str) -> int | str:
    value = rolling.get(field)
    return 0 if value is None else value


def of_daemon_set(strategy: Object, path: str) -> Problems:
    """The problems of a daemon set's strategy."""
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if kind == _ON_DELETE:
        return
    if kind != _ROLLING:
        shown = printed.internal("apps.DaemonSetUpdateStrategy", strategy)
        yield fielderrors.not_supported(path, shown, (_ROLLING, _ON_DELETE))
    elif rolling is None:
        yield fielderrors.required(f"{path}.rollingUpdate")
    else:
        yield from _rolling_daemon_set(rolling, f"{path}.rollingUpdate")


def _rolling_daemon_set(rolling: Object, path: str) -> Problems:
    unavailable, surge = _amount(rolling, "maxUnavailable"), _amount(rolling, "maxSurge")
    for field, value in (("maxUnavailable", unavailable), ("maxSurge", surge)):
        yield from checks.int_or_percent(f"{path}.{field}", value)
        yield from checks.at_most_100_percent(f"{path}.{field}", value)
    has_unavailable, has_surge = checks.number_of(unavailable) != 0, checks.number_of(surge) != 0
    if has_unavailable and has_surge:
        yield fielderrors.invalid_value(
            f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"
        )
    elif not has_unavailable and not has_surge:
        yield fielderrors.required(f"{path}.maxUnavailable", "cannot be 0 when maxSurge is 0")


def of_stateful_set(strategy: Object, path: str) -> Problems:
    """The problems of a stateful set's strategy."""
    kind, rolling = strategy.get("type") or "", strategy.get("rollingUpdate")
    if not kind:
        yield fielderrors.required(path)
    elif kind not in (_ROLLING, _ON_DELETE):
        shown = printed.internal("apps.StatefulSetUpdateStrategy", strategy)
        yield fielderrors.invalid_value(path, shown, f"must be '{_ROLLING}' or '{_ON_DELETE}'")
    elif rolling is None:
        return
    elif kind == _ON_DELETE:
        shown = printed.internal("apps.RollingUpdateStatefulSetStrategy", rolling)
        yield fielderrors.invalid_value(
            f"{path}.rollingUpdate", shown, f"only allowed for updateStrategy '{_ROLLING}'"
        )
    else:
        yield from _rolling_stateful_set(rolling, f"{path}.rollingUpdate")


def _rolling_stateful_set(rolling: Object, path: str) -> Problems:
    yield from checks.not_negative(f"{path}.partition", rolling.get("partition"))
    unavailable = rolling.get("maxUnavailable")
    if unavailable is None:
        return
    yield from checks.int_or_percent(f"{path}.maxUnavailable", unavailable)
    if checks.number_of(unavailable) == 0:
        yield fielderrors.invalid_value(f"{path}.maxUnavailable", unavailable, "cannot be 0")
    yield from checks.at_most_100_percent(f"{path}.maxUnavailable", unavailable)
