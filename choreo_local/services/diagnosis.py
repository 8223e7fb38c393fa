"""Why is it not ready? From the component down to the first cause, in words; pure.

The walk follows the way of a change: component → binding → rendered release → objects on the
plane → pods → containers. It ends where it finds the first thing that is wrong by itself; what is
below would only repeat it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from choreo_local.api.conditions import ComponentReason
from choreo_local.api.conditions import ReleaseBindingReason as Reason
from choreo_local.apiclient.types import Diagnosis, Step
from choreo_local.apimachinery import conditions, owners
from choreo_local.services import fixes, pods, routing
from choreo_local.services.fixes import Subject
from choreo_local.services.pods import Trouble
from choreo_local.services.routing import Obstacle

Manifest = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What was found of a component in an environment.

    Attributes:
        binding: None when the component was never deployed there.
        rendered: the RenderedRelease for the data plane.
        objects: live workloads (Deployment, StatefulSet, Job, …) of the release.
        routes, policies: live routes of the release, and the policies that are attached to them.
        replica_sets, pods, events: of the data-plane namespace, as far as they are the component's.
        log_tails: last lines of containers that crashed, by (pod, container).
        unreachable: why the data plane could not be asked, "" when it could.
    """

    environment: str
    component: Manifest
    binding: Manifest | None = None
    rendered: Manifest | None = None
    objects: Sequence[Manifest] = ()
    routes: Sequence[Manifest] = ()
    policies: Sequence[Manifest] = ()
    replica_sets: Sequence[Manifest] = ()
    pods: Sequence[Manifest] = ()
    events: Sequence[Manifest] = ()
    log_tails: Mapping[tuple[str, str], Sequence[str]] = field(default_factory=dict)
    unreachable: str = ""

    @property
    def subject(self) -> Subject:
        """Whom the advice is about."""
        metadata = self.component["metadata"]
        return Subject(metadata["namespace"], metadata["name"], self.environment)


@dataclass(frozen=True, slots=True)
class _Finding:
    """A step; with `fix` it is the first cause, and the walk ends."""

    step: Step
    fix: str = ""
    summary: str = ""

    @property
    def is_cause(self) -> bool:
        return bool(self.fix)


def diagnose(evidence: Evidence) -> Diagnosis:
    """Walk to the first cause."""
    steps = []
    for finding in _walk(evidence):
        steps.append(finding.step)
        if finding.is_cause:
            summary = finding.summary or finding.step.message
            return Diagnosis(ready=False, summary=summary, steps=tuple(steps), fix=finding.fix)
    name, where = evidence.subject.component, evidence.environment
    if evidence.binding is not None and _ready(evidence.binding).get("status") == "True":
        counted = _counted(evidence.pods)
        return Diagnosis(
            ready=True,
            summary=f"{name} is ready in {where}{counted}",
            steps=tuple(steps),
            fix="There is nothing to do",
        )
    message = _ready(evidence.binding or {}).get("message") or "nothing is wrong so far"
    return Diagnosis(
        ready=False,
        summary=f"{name} is on its way in {where}: {message}",
        steps=tuple(steps),
        fix=f"Wait, and ask again: choreo why {name} --env {where}",
    )


def _walk(evidence: Evidence) -> Iterator[_Finding]:
    yield _component(evidence)
    yield _binding(evidence)
    yield from _rendered(evidence)
    if evidence.unreachable:
        message = evidence.unreachable
        yield _Finding(Step("Data plane", "unreachable", message), fixes.UNREACHABLE)
    for workload in evidence.objects:
        yield from _workload(evidence, workload)
    yield from _pods(evidence)
    yield from _traffic(evidence)


def _component(evidence: Evidence) -> _Finding:
    component = evidence.component
    named = _title(component)
    if component["metadata"].get("deletionTimestamp"):
        return _Finding(Step(named, "being deleted"), "Wait until it is gone", "It is deleted")
    ready = _ready(component)
    if ready.get("status") == "False":
        reason = str(ready.get("reason"))
        fix = fixes.of_component(reason, evidence.subject)
        # A component that cannot be released may still run what was released before.
        is_cause = evidence.binding is None or reason != ComponentReason.AUTO_DEPLOY_FAILED
        step = Step(named, reason, str(ready.get("message") or ""))
        return _Finding(step, fix if is_cause else "")
    return _Finding(Step(named, str(ready.get("reason") or "not seen by its controller yet")))


def _binding(evidence: Evidence) -> _Finding:
    subject, binding = evidence.subject, evidence.binding
    if binding is None:
        step = Step(f"ReleaseBinding in {subject.environment}", "missing")
        summary = f"{subject.component} is not deployed in {subject.environment}"
        return _Finding(step, fixes.not_deployed(subject), summary)
    named = _title(binding)
    if binding["spec"].get("state") == "Undeploy":
        summary = f"{subject.component} is undeployed in {subject.environment}"
        return _Finding(Step(named, "undeployed"), fixes.not_deployed(subject), summary)
    ready = _ready(binding)
    reason, message = str(ready.get("reason") or ""), str(ready.get("message") or "")
    if not ready:
        return _Finding(Step(named, "not seen by its controller yet"))
    step = Step(named, reason, message)
    if ready.get("status") == "True" or reason in _FURTHER_DOWN:
        return _Finding(step)
    pending = _pending(binding)
    if pending:
        step = Step(named, reason, pending)
    return _Finding(step, fixes.of_binding(reason, subject))


# The cause of these is among the objects that the release put on the plane.
_FURTHER_DOWN = frozenset(
    {
        Reason.RELEASE_SYNCED,
        Reason.RELEASE_CREATED,
        Reason.RESOURCES_PROGRESSING,
        Reason.RESOURCES_DEGRADED,
        Reason.RESOURCES_UNKNOWN,
        Reason.RESOURCE_APPLY_FAILED,
        Reason.JOB_RUNNING,
        Reason.JOB_FAILED,
    }
)


def _pending(binding: Manifest) -> str:
    status = binding.get("status") or {}
    words = [
        f"{entry.get('component')}/{entry.get('endpoint')}: {entry.get('reason')}"
        for entry in status.get("pendingConnections") or ()
    ]
    words += [
        f"{entry.get('resourceName')}: {entry.get('reason')}"
        for entry in status.get("pendingResourceDependencies") or ()
    ]
    return "waits for " + "; ".join(words) if words else ""


def _rendered(evidence: Evidence) -> Iterator[_Finding]:
    release = evidence.rendered
    if release is None:
        return
    found = conditions.find(
        (release.get("status") or {}).get("conditions") or (), "ResourcesApplied"
    )
    named = _title(release)
    if found is None:
        yield _Finding(Step(named, "not seen by its controller yet"))
        return
    step = Step(named, str(found.get("reason")), str(found.get("message") or ""))
    yield _Finding(step, fixes.APPLY_FAILED if found.get("status") == "False" else "")


def _workload(evidence: Evidence, workload: Manifest) -> Iterator[_Finding]:
    named, status = _title(workload), workload.get("status") or {}
    problem = _workload_problem(status)
    if problem is not None:
        reason, message = problem
        yield _Finding(Step(named, reason, message))
    else:
        yield _Finding(Step(named, _replicas(workload)))
    for replica_set in evidence.replica_sets:
        if owners.is_controlled_by(replica_set, _uid(workload)):
            yield from _failed_creates(evidence, replica_set)
    if workload["kind"] != "Deployment":
        yield from _failed_creates(evidence, workload)


def _workload_problem(status: Mapping[str, Any]) -> tuple[str, str] | None:
    bad = {"Progressing": "False", "ReplicaFailure": "True", "Available": "False", "Failed": "True"}
    for condition in status.get("conditions") or ():
        if bad.get(condition.get("type", "")) == condition.get("status"):
            return str(condition.get("reason") or ""), str(condition.get("message") or "")
    return None


def _replicas(workload: Manifest) -> str:
    status, spec = workload.get("status") or {}, workload.get("spec") or {}
    if workload["kind"] == "Job":
        return f"{status.get('succeeded', 0)}/{spec.get('completions', 1)} succeeded"
    if "replicas" not in spec:
        return "applied"
    return f"{status.get('readyReplicas', 0)}/{spec['replicas']} ready"


def _failed_creates(evidence: Evidence, owner: Manifest) -> Iterator[_Finding]:
    event = _last_event(evidence, _uid(owner), {"FailedCreate"})
    has_pods = any(owners.is_controlled_by(pod, _uid(owner)) for pod in evidence.pods)
    if event is not None and not has_pods:
        message = str(event.get("message") or "")
        yield _Finding(Step(_title(owner), "FailedCreate", message), fixes.FAILED_CREATE)


def _pods(evidence: Evidence) -> Iterator[_Finding]:
    newest_first = sorted(
        evidence.pods,
        key=lambda pod: str(pod["metadata"].get("creationTimestamp") or ""),
        reverse=True,
    )
    for pod in newest_first:
        if pod["metadata"].get("deletionTimestamp"):
            continue
        trouble = pods.trouble(pod)
        if trouble is not None:
            yield from _trouble(evidence, pod, trouble)
            continue
        probe = _failing_probe(evidence, pod)
        if probe is not None:
            yield probe
        else:
            yield _Finding(Step(_title(pod), f"{pods.phase(pod)}, {pods.readiness(pod)} ready"))


def _traffic(evidence: Evidence) -> Iterator[_Finding]:
    """Whether requests come through to the pods."""
    for route in evidence.routes:
        yield _obstacle(route, routing.of_route(route), "served")
    for policy in evidence.policies:
        yield _obstacle(policy, routing.of_policy(policy), "carried out")


def _obstacle(obj: Manifest, found: Obstacle | None, fine: str) -> _Finding:
    named = _title(obj)
    if found is None:
        return _Finding(Step(named, fine))
    step = Step(named, found.reason, found.message)
    if found.about == routing.GATEWAY:
        # A plane may do without Gateways, and a new route waits a moment for one.
        return _Finding(step)
    return _Finding(step, fixes.OF_TRAFFIC[found.about], f"{named}: {found.message}")


def _trouble(evidence: Evidence, pod: Manifest, trouble: Trouble) -> Iterator[_Finding]:
    fix = fixes.of_pod(trouble, evidence.subject)
    lines = evidence.log_tails.get((trouble.pod, trouble.container), ())
    spoken = trouble.with_last_words(lines[-1]) if lines and '"' not in trouble.detail else trouble
    where = f"{_title(pod)}/{trouble.container}" if trouble.container else _title(pod)
    if lines:
        yield _Finding(Step(where, trouble.reason, trouble.detail))
        yield _Finding(Step(f"Log of {where}", "ends with", "\n".join(lines)), fix, spoken.message)
    else:
        yield _Finding(Step(where, trouble.reason, trouble.detail), fix, spoken.message)


def _failing_probe(evidence: Evidence, pod: Manifest) -> _Finding | None:
    statuses = (pod.get("status") or {}).get("containerStatuses") or ()
    waiting = [status for status in statuses if not status.get("ready")]
    if not waiting or pods.phase(pod) != "Running":
        return None
    event = _last_event(evidence, _uid(pod), {"Unhealthy"})
    if event is None:
        return None
    message = str(event.get("message") or "")
    return _Finding(
        Step(_title(pod), "Unhealthy", message), fixes.of_probe(evidence.subject), message
    )


def _last_event(evidence: Evidence, uid: str, reasons: set[str]) -> Manifest | None:
    found = [
        event
        for event in evidence.events
        if event.get("reason") in reasons and (event.get("involvedObject") or {}).get("uid") == uid
    ]
    return found[-1] if found else None


def _ready(obj: Manifest) -> Mapping[str, Any]:
    """The condition Ready, when it speaks of what is asked for now."""
    found = conditions.find((obj.get("status") or {}).get("conditions") or (), "Ready") or {}
    generation = (obj.get("metadata") or {}).get("generation")
    return found if found.get("observedGeneration", generation) == generation else {}


def _counted(found: Sequence[Manifest]) -> str:
    living = [pod for pod in found if not pod["metadata"].get("deletionTimestamp")]
    if not living:
        return ""
    ready = sum(
        conditions.is_true((pod.get("status") or {}).get("conditions") or (), "Ready")
        for pod in living
    )
    return f", {ready} of {len(living)} pods ready"


def _title(obj: Manifest) -> str:
    metadata = obj["metadata"]
    namespace = metadata.get("namespace")
    return "/".join(part for part in (obj["kind"], namespace, metadata["name"]) if part)


def _uid(obj: Manifest) -> str:
    return str(obj["metadata"].get("uid", ""))
