"""What is done to pods and service accounts by creating something: binding, eviction, token."""

from __future__ import annotations

from datetime import timedelta

import orjson

from choreo_local import clock
from choreo_local.apimachinery import conditions, fielderrors, selectors
from choreo_local.apimachinery.gvk import GroupVersionKind, ResourceKind, split_api_version
from choreo_local.embedded.kubeapi import answers, decoding, deleting, metadata, problems
from choreo_local.embedded.kubeapi.core import Call, Core, Manifest
from choreo_local.embedded.kubeapi.messages import Request, Response
from choreo_local.embedded.kubeapi.options import read_delete, read_write
from choreo_local.embedded.kubeapi.registry import Collection
from choreo_local.embedded.kubeapi.resources import ServedResource
from choreo_local.embedded.kubeapi.tokens import ISSUER, Tokens
from choreo_local.embedded.storage.eventlog import Stored
from choreo_local.embedded.storage.store import key_of
from choreo_local.errors import Cause, ConflictError, NotFoundError, TooManyRequestsError

_BUDGETS = "poddisruptionbudgets.policy"
_MIN_TOKEN_SECONDS = 600
_DEFAULT_TOKEN_SECONDS = 3600


def read_subject(core: Core, call: Call) -> Manifest:
    """The body of a subresource that has a kind of its own, shaped and defaulted."""
    sub = call.collection.served.subresources[call.subresource]
    options = read_write(call.request, "CreateOptions")
    found = core.registry.find_kind(sub.kind.api_version, sub.kind.kind)
    collection = found or Collection(_described(call, sub.kind))
    inner = Call(call.request, call.user, call.verb, collection, call.namespace)
    return decoding.read_object(inner, field_validation=options.field_validation)


def _described(call: Call, kind: GroupVersionKind) -> ServedResource:
    resource = ResourceKind(kind.group, kind.version, kind.kind, call.subresource)
    return ServedResource(
        kind=resource, singular=kind.kind.lower(), list_kind=f"{kind.kind}List", verbs=()
    )


def created_status() -> Manifest:
    """The answer to an action."""
    return {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "code": 201,
    }


async def bind(core: Core, call: Call) -> Response:
    """Assign a pod to a node."""
    binding = read_subject(core, call)
    return bind_pod(core, call, binding)


async def bind_named(core: Core, call: Call) -> Response:
    """POST to the bindings of a namespace: the Binding names its pod."""
    options = read_write(call.request, "CreateOptions")
    binding = decoding.read_object(call, field_validation=options.field_validation)
    metadata.check_url(call, binding)
    call.name = str(binding["metadata"].get("name") or "")
    return bind_pod(core, call, binding)


def bind_pod(core: Core, call: Call, binding: Manifest) -> Response:
    """Assign the pod that a Binding names."""
    target = binding.get("target") or {}
    if target.get("kind") not in (None, "", "Node"):
        shown = fielderrors.not_supported("target.kind", target["kind"], ("Node", "<empty>"))
        raise problems.plain_internal(f"target.kind: {shown.message}")
    if not target.get("name"):
        raise problems.plain_internal("target.name: Required value")
    pods = core.registry.find("", "v1", "pods")
    key = key_of(call.namespace, call.name)
    stored = core.store.get("pods", key)
    if stored is None or pods is None:
        raise NotFoundError(
            f'pods "{call.name}" not found', details={"name": call.name, "kind": "pods"}
        )
    pod = stored.fresh()
    _check_bindable(pods, call, pod, binding)
    pod["spec"]["nodeName"] = target["name"]
    extra = binding["metadata"].get("annotations")
    if extra:
        pod["metadata"]["annotations"] = {**(pod["metadata"].get("annotations") or {}), **extra}
    _set_scheduled(pod)
    if not read_write(call.request, "CreateOptions").dry_run:
        core.store.put("pods", key, pod)
    return Response(201, orjson.dumps(created_status()))


def _check_bindable(pods: Collection, call: Call, pod: Manifest, binding: Manifest) -> None:
    meta, name = pod["metadata"], call.name
    wanted = binding["metadata"].get("uid")
    if wanted and wanted != meta["uid"]:
        why = (
            f"StorageError: invalid object, Code: 4, Key: /registry/pods/{call.namespace}/{name},"
            f" ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition:"
            f" {wanted}, UID in object meta: {meta['uid']}"
        )
        raise problems.conflict(pods.kind, name, why)
    why = ""
    if meta.get("deletionTimestamp"):
        why = f"pod {name} is being deleted, cannot be assigned to a host"
    elif pod["spec"].get("nodeName"):
        why = f'pod {name} is already assigned to node "{pod["spec"]["nodeName"]}"'
    elif pod["spec"].get("schedulingGates"):
        why = f"pod {name} has non-empty .spec.schedulingGates"
    if why:
        raise ConflictError(
            f'Operation cannot be fulfilled on pods/binding "{name}": {why}',
            details={"name": name, "kind": "pods/binding"},
        )


def _set_scheduled(pod: Manifest) -> None:
    status = pod.setdefault("status", {})
    now = clock.timestamp()
    condition = {"type": "PodScheduled", "status": "True", "lastProbeTime": None}
    found = conditions.set_(status.get("conditions") or (), condition, now=now)
    for entry in found:
        if entry["type"] == "PodScheduled":
            for empty in ("reason", "message"):
                if not entry.get(empty):
                    entry.pop(empty, None)
    status["conditions"] = found


async def evict(core: Core, call: Call) -> Response:
    """Delete a pod, unless a disruption budget forbids it now."""
    eviction = read_subject(core, call)
    if (eviction["metadata"].get("name") or call.name) != call.name:
        raise problems.bad_request("name in URL does not match name in Eviction object")
    stored = core.store.get(call.collection.storage, call.key)
    if stored is None:
        raise problems.not_found(call.collection.kind, call.name)
    options = read_delete(Request("DELETE", ""), eviction.get("deleteOptions") or {})
    dry_run = options.dry_run or read_write(call.request, "CreateOptions").dry_run
    if not _can_ignore_budgets(stored.object):
        budget = _budget_of(core, stored)
        if budget is not None and not _is_unhealthy_spare(stored.object, budget.object):
            _spend(core, budget, call.name, dry_run=dry_run)
    if not dry_run:
        deleting.remove(core, call, stored, options)
    return Response(201, orjson.dumps(created_status()))


def _can_ignore_budgets(pod: Manifest) -> bool:
    phase = (pod.get("status") or {}).get("phase")
    return phase in ("Succeeded", "Failed", "Pending") or bool(
        pod["metadata"].get("deletionTimestamp")
    )


def _is_unhealthy_spare(pod: Manifest, budget: Manifest) -> bool:
    """A pod that is not ready costs nothing where its budget is met without it, or says so."""
    if conditions.is_true((pod.get("status") or {}).get("conditions") or (), "Ready"):
        return False
    if (budget.get("spec") or {}).get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
        return True
    status = budget.get("status") or {}
    desired = status.get("desiredHealthy", 0)
    return bool(0 < desired <= status.get("currentHealthy", 0))


def _budget_of(core: Core, pod: Stored) -> Stored | None:
    found = [
        budget
        for budget in core.store.select(_BUDGETS, pod.namespace)
        if selectors.from_dict((budget.object.get("spec") or {}).get("selector")).matches(
            pod.labels
        )
    ]
    if len(found) > 1:
        raise problems.internal(
            "This pod has more than one PodDisruptionBudget, which the eviction subresource does"
            " not support."
        )
    return found[0] if found else None


def _spend(core: Core, stored: Stored, pod: str, *, dry_run: bool) -> None:
    budget = stored.fresh()
    status = budget.get("status") or {}
    if status.get("observedGeneration", 0) < budget["metadata"].get("generation", 0):
        raise _refused_eviction(
            f"The disruption budget {stored.name} is still being processed by the server.", 10
        )
    allowed = status.get("disruptionsAllowed", 0)
    if allowed <= 0:
        wanted, healthy = status.get("desiredHealthy", 0), status.get("currentHealthy", 0)
        raise _refused_eviction(
            f"The disruption budget {stored.name} needs {wanted} healthy pods and has {healthy}"
            " currently"
        )
    status["disruptionsAllowed"] = allowed - 1
    status.setdefault("disruptedPods", {})[pod] = clock.timestamp()
    budget["status"] = status
    if not dry_run:
        core.store.put(_BUDGETS, stored.key, budget)


def _refused_eviction(text: str, seconds: int = 0) -> TooManyRequestsError:
    return TooManyRequestsError(
        "Cannot evict pod as it would violate the pod's disruption budget.",
        causes=[Cause("DisruptionBudget", text)],
        details={"retryAfterSeconds": seconds} if seconds else {},
    )


async def create_token(core: Core, call: Call, tokens: Tokens) -> Response:
    """Issue a token of a service account."""
    request = read_subject(core, call)
    stored = core.store.get(call.collection.storage, call.key)
    if stored is None:
        raise problems.not_found(call.collection.kind, call.name)
    metadata.check_url(call, request)
    spec = request.setdefault("spec", {})
    seconds = spec.setdefault("expirationSeconds", _DEFAULT_TOKEN_SECONDS)
    causes = _check_token(seconds)
    if causes:
        raise fielderrors.invalid("TokenRequest", "", causes, group="authentication.k8s.io")
    audiences = spec.get("audiences") or [ISSUER]
    spec["audiences"] = audiences
    bound, node = _bound(core, call, spec.get("boundObjectRef"))
    token = tokens.issue(
        stored.object, audiences=audiences, seconds=seconds, bound=bound, node=node
    )
    end = clock.now() + timedelta(seconds=seconds)
    request["metadata"]["creationTimestamp"] = clock.timestamp()
    request["status"] = {
        "token": token,
        "expirationTimestamp": clock.timestamp(end),
    }
    return answers.value(call, request, status=201)


def _check_token(seconds: int) -> list[Cause]:
    field = "spec.expirationSeconds"
    if seconds < _MIN_TOKEN_SECONDS:
        detail = "may not specify a duration less than 10 minutes"
        return [fielderrors.invalid_value(field, seconds, detail)]
    if seconds > 1 << 32:
        detail = "may not specify a duration larger than 2^32 seconds"
        return [fielderrors.invalid_value(field, seconds, detail)]
    return []


def _bound(
    core: Core, call: Call, reference: Manifest | None
) -> tuple[Manifest | None, Manifest | None]:
    """The object that a token is bound to, and the node of a bound pod."""
    if not reference:
        return None, None
    kind, name = reference.get("kind") or "", reference.get("name") or ""
    api_version = reference.get("apiVersion") or ""
    found = core.registry.find_kind(api_version or "v1", kind)
    if found is None or found.kind.group or kind not in ("Pod", "Secret", "Node"):
        named = GroupVersionKind(*split_api_version(api_version), kind)
        raise problems.bad_request(f"cannot bind token to object of type {named}")
    scope = call.namespace if found.kind.namespaced else None
    stored = core.store.get(found.storage, key_of(scope, name))
    if stored is None:
        raise problems.not_found(found.kind, name)
    uid = reference.get("uid")
    if uid and uid != stored.object["metadata"]["uid"]:
        why = (
            f"the UID in the bound object reference ({uid}) does not match the UID in record. The"
            " object might have been deleted and then recreated"
        )
        raise problems.conflict(found.kind, name, why)
    node_name = (stored.object.get("spec") or {}).get("nodeName") if kind == "Pod" else None
    node = core.store.get("nodes", node_name) if node_name else None
    return stored.object, None if node is None else node.object
