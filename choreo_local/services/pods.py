"""What a pod's status tells a person: how many containers are ready, and what is wrong; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

Manifest = Mapping[str, Any]

# Reasons for waiting that do not pass by themselves.
_STUCK = frozenset(
    {
        "CrashLoopBackOff",
        "ImagePullBackOff",
        "ErrImagePull",
        "ErrImageNeverPull",
        "InvalidImageName",
        "CreateContainerConfigError",
        "CreateContainerError",
        "RunContainerError",
    }
)


class Trouble(NamedTuple):
    """Why a container does not run.

    Attributes:
        reason: as Kubernetes has it, e.g. CrashLoopBackOff.
        detail: what is known beyond the reason, in words; may be empty.
        container: which one; "" when the pod as a whole has the trouble.
        crashed: whether it ran and ended, so that its last words are in the log.
        restarts: how often it was started again.
    """

    pod: str
    reason: str
    detail: str = ""
    container: str = ""
    crashed: bool = False
    restarts: int = 0

    @property
    def message(self) -> str:
        """One sentence."""
        return f"{self.reason}: {self.detail}" if self.detail else self.reason

    def with_last_words(self, line: str) -> Trouble:
        """The same with the last line of the log."""
        quoted = f'"{line}"'
        return self._replace(detail=f"{self.detail}, {quoted}" if self.detail else quoted)


def trouble(pod: Manifest) -> Trouble | None:
    """The first thing that keeps a pod from running; None when nothing does."""
    if pod["metadata"].get("deletionTimestamp"):
        return None
    return next(_iter_troubles(pod), None)


def _iter_troubles(pod: Manifest) -> Iterator[Trouble]:
    name, status = pod["metadata"]["name"], pod.get("status") or {}
    for container in _statuses(status):
        found = _of_container(name, container)
        if found is not None:
            yield found
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            reason = str(condition.get("reason") or "Unschedulable")
            yield Trouble(name, reason, str(condition.get("message") or ""))
    if status.get("phase") == "Failed":
        reason = str(status.get("reason") or "Failed")
        yield Trouble(name, reason, str(status.get("message") or ""))


def _of_container(pod: str, status: Manifest) -> Trouble | None:
    state, last = status.get("state") or {}, status.get("lastState") or {}
    waiting = state.get("waiting") or {}
    ended = state.get("terminated") or last.get("terminated") or {}
    name, restarts = str(status.get("name", "")), int(status.get("restartCount") or 0)
    if waiting.get("reason") in _STUCK:
        if ended:
            reason = waiting["reason"]
            detail = _end(ended, known=reason)
            return Trouble(pod, reason, detail, name, crashed=True, restarts=restarts)
        return Trouble(pod, waiting["reason"], str(waiting.get("message") or ""), name)
    ended = state.get("terminated") or {}
    if ended and int(ended.get("exitCode") or 0) != 0:
        reason = str(ended.get("reason") or "Error")
        detail = _end(ended, known=reason)
        return Trouble(pod, reason, detail, name, crashed=True, restarts=restarts)
    return None


def _end(terminated: Manifest, *, known: str) -> str:
    """How a container ended, e.g. `exit 1`; the reason that is `known` is not repeated."""
    reason, signal = terminated.get("reason"), terminated.get("signal")
    words = f"killed by signal {signal}" if signal else f"exit {terminated.get('exitCode', 0)}"
    if reason and reason not in {"Error", "Completed", known}:
        words = f"{reason}, {words}"
    said = str(terminated.get("message") or "").strip().splitlines()
    return f'{words}, "{said[-1][:200]}"' if said else words


def first_trouble(pods: Iterable[Manifest]) -> Trouble | None:
    """The trouble of the newest pod that has any."""
    newest_first = sorted(
        pods, key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""), reverse=True
    )
    return next((found for pod in newest_first if (found := trouble(pod))), None)


def is_stuck(found: Trouble) -> bool:
    """Whether the trouble is there to stay, not only a step on the way."""
    return found.reason in _STUCK or found.reason in {"Unschedulable", "Evicted"}


def readiness(pod: Manifest) -> str:
    """`1/2`, as `kubectl get pods` shows it."""
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    total = len((pod.get("spec") or {}).get("containers") or ())
    return f"{sum(bool(status.get('ready')) for status in statuses)}/{total}"


def restarts(pod: Manifest) -> int:
    """How often its containers were started again."""
    return sum(
        int(status.get("restartCount") or 0) for status in _statuses(pod.get("status") or {})
    )


def phase(pod: Manifest) -> str:
    """Its phase; `Terminating` while it is being deleted."""
    if pod["metadata"].get("deletionTimestamp"):
        return "Terminating"
    return str((pod.get("status") or {}).get("phase") or "Pending")


def _statuses(status: Manifest) -> Iterator[Manifest]:
    yield from status.get("initContainerStatuses") or ()
    yield from status.get("containerStatuses") or ()
