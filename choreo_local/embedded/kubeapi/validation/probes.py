"""Probes and life cycle hooks of containers, and when a container is restarted."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.embedded.kubeapi.validation import checks, names
from choreo_local.embedded.kubeapi.validation.containers import PodContext
from choreo_local.embedded.kubeapi.validation.metadata import Problems

Object = Mapping[str, Any]

_RULES = ("failureThreshold", "initialDelaySeconds", "periodSeconds", "successThreshold")
_RESTART_POLICIES = ("Always", "Never", "OnFailure")
_MAX_RULES = 20
_MAX_EXIT_CODES = 255


def validate(path: str, container: Object, pod: PodContext) -> Problems:
    """Probes, hooks and restart rules of a container that keeps running."""
    lifecycle = container.get("lifecycle") or {}
    for hook in ("postStart", "preStop"):
        if lifecycle.get(hook) is not None:
            yield from _handler(f"{path}.lifecycle.{hook}", lifecycle[hook], pod)
    if lifecycle.get("stopSignal") is not None and not pod.os:
        yield fielderrors.forbidden(
            f"{path}.lifecycle.stopSignal",
            "may not be set for containers with empty `spec.os.name`",
        )
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(field) is not None:
            yield from _probe(f"{path}.{field}", container[field], pod)
    for field in ("livenessProbe", "startupProbe"):
        threshold = (container.get(field) or {}).get("successThreshold", 1)
        if threshold != 1:
            yield fielderrors.invalid_value(
                f"{path}.{field}.successThreshold", threshold, "must be 1"
            )
    grace = (container.get("readinessProbe") or {}).get("terminationGracePeriodSeconds")
    if grace is not None:
        yield fielderrors.invalid_value(
            f"{path}.readinessProbe.terminationGracePeriodSeconds",
            grace,
            "must not be set for readinessProbes",
        )


def _probe(path: str, probe: Object, pod: PodContext) -> Problems:
    yield from _handler(path, probe, pod)
    yield from checks.all_not_negative(path, probe, *_RULES, "timeoutSeconds")
    grace = probe.get("terminationGracePeriodSeconds")
    if grace is not None and grace <= 0:
        yield fielderrors.invalid_value(
            f"{path}.terminationGracePeriodSeconds", grace, "must be greater than 0"
        )


def _handler(path: str, handler: Object, pod: PodContext) -> Problems:
    given = [name for name in _HANDLERS if handler.get(name) is not None]
    if not given:
        yield fielderrors.required(path, "must specify a handler type")
        return
    for name in given[1:]:
        yield fielderrors.forbidden(f"{path}.{name}", "may not specify more than 1 handler type")
    yield from _HANDLERS[given[0]](f"{path}.{given[0]}", handler[given[0]], pod)


def _exec(path: str, action: Object, pod: PodContext) -> Problems:
    if not action.get("command"):
        yield fielderrors.required(f"{path}.command")


def _http(path: str, action: Object, pod: PodContext) -> Problems:
    if not action.get("path"):
        yield fielderrors.required(f"{path}.path")
    yield from checks.port(f"{path}.port", action.get("port"))
    yield from checks.one_of(f"{path}.scheme", action.get("scheme"), ("HTTP", "HTTPS"))
    for header in action.get("httpHeaders") or ():
        yield from checks.fits(f"{path}.httpHeaders", header.get("name") or "", names.http_header)


def _port(path: str, action: Object, pod: PodContext) -> Problems:
    yield from checks.port(f"{path}.port", action.get("port"))


def _sleep(path: str, action: Object, pod: PodContext) -> Problems:
    seconds, grace = action.get("seconds") or 0, pod.grace_seconds
    if grace is not None and not 0 <= seconds <= grace:
        yield fielderrors.invalid_value(
            path,
            seconds,
            f"must be non-negative and less than terminationGracePeriodSeconds ({grace})",
        )


_HANDLERS: dict[str, Callable[[str, Object, PodContext], Problems]] = {
    "exec": _exec,
    "httpGet": _http,
    "tcpSocket": _port,
    "grpc": _port,
    "sleep": _sleep,
}


def restart(path: str, container: Object, *, is_first: bool = False) -> Problems:
    """A restart policy of a container's own, and its rules.

    Args:
        path: where the container is.
        container: which one.
        is_first: it runs before the others.
    """
    policy, rules = container.get("restartPolicy"), container.get("restartPolicyRules") or ()
    if policy is None:
        if rules:
            yield fielderrors.required(
                f"{path}.restartPolicy", "must specify restartPolicy when restart rules are used"
            )
        if is_first:
            return
    else:
        yield from checks.one_of(f"{path}.restartPolicy", policy, _RESTART_POLICIES)
    if len(rules) > _MAX_RULES:
        yield fielderrors.too_many(f"{path}.restartPolicyRules", len(rules), _MAX_RULES)
    for index, rule in enumerate(rules):
        here = f"{path}.restartPolicyRules[{index}]"
        yield from checks.one_of(
            f"{here}.action", rule.get("action"), ("Restart", "RestartAllContainers")
        )
        codes = rule.get("exitCodes")
        if codes is None:
            yield fielderrors.required(f"{here}.exitCodes", "must be specified")
            continue
        yield from checks.one_of(
            f"{here}.exitCodes.operator", codes.get("operator"), ("In", "NotIn")
        )
        if len(codes.get("values") or ()) > _MAX_EXIT_CODES:
            yield fielderrors.too_many(
                f"{here}.exitCodes.values", len(codes["values"]), _MAX_EXIT_CODES
            )


def none_allowed(path: str, container: Object) -> Problems:
    """Containers that end before the others start have no probes and hooks."""
    for field in ("lifecycle", "livenessProbe", "readinessProbe", "startupProbe"):
        if container.get(field) is not None:
            yield fielderrors.forbidden(
                f"{path}.{field}", "may not be set for init containers without restartPolicy=Always"
            )
    for index, policy in enumerate(container.get("resizePolicy") or ()):
        if policy.get("restartPolicy") == "RestartContainer":
            yield fielderrors.invalid_value(
                f"{path}.resizePolicy[{index}].restartPolicy",
                "RestartContainer",
                "must not be set to 'RestartContainer' for non-sidecar initContainers",
            )
