"""The HorizontalPodAutoscaler loop: looks at each one every 15 seconds, first after as many."""

from __future__ import annotations

from typing import Any

from choreo_local import clock
from choreo_local.apimachinery import selectors
from choreo_local.apimachinery.gvk import ResourceKind, join_api_version, split_api_version
from choreo_local.embedded.controllermanager import autoscaler_limits, autoscaler_plan, kinds
from choreo_local.embedded.controllermanager.autoscaler_limits import Scaling
from choreo_local.embedded.controllermanager.autoscaler_plan import (
    Decision,
    Observed,
    Recommendation,
)
from choreo_local.embedded.controllermanager.autoscaler_usage import MetricError
from choreo_local.embedded.controllermanager.informers import (
    Index,
    ObjectKey,
    SharedInformers,
    key_of,
)
from choreo_local.embedded.controllermanager.loop import Loop
from choreo_local.embedded.controllermanager.objects import Objects
from choreo_local.embedded.controllermanager.plans import Manifest, Note
from choreo_local.errors import ApiError, NotFoundError
from choreo_local.kubeclient.client import KubeClient
from choreo_local.tasks import TaskGroup

_PERIOD_SECONDS = 15.0
_REMEMBERED = 64


class AutoscalerLoop:
    """Scales targets by their usage of CPU and memory.

    Metrics come from the metrics API of the cluster. Not here: custom and external metrics.
    """

    def __init__(self, client: KubeClient, informers: SharedInformers, objects: Objects) -> None:
        self._client = client
        self._objects = objects
        self._autoscalers = informers.of(kinds.HORIZONTAL_POD_AUTOSCALERS)
        self._pods = Index(informers.of(kinds.PODS), lambda obj: [obj["metadata"]["namespace"]])
        self._history: dict[str, list[Recommendation]] = {}
        self._scalings: dict[str, list[Scaling]] = {}
        self._loop: Loop[ObjectKey] = Loop("autoscaler", self._look, workers=2)
        self._autoscalers.add_callback(self._changed)

    def start(self, tasks: TaskGroup) -> None:
        """Begin to work."""
        self._loop.start(tasks)

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        if new is None:
            self._history.pop((old or {})["metadata"]["uid"], None)
            self._scalings.pop((old or {})["metadata"]["uid"], None)
        else:
            self._loop.queue.add_after(key_of(dict(new)), _PERIOD_SECONDS)

    async def _look(self, key: ObjectKey) -> float | None:
        autoscaler = self._autoscalers.get(key[1], key[0])
        if autoscaler is None:
            return None
        try:
            kind, scale = await self._scale(autoscaler)
        except ApiError as error:
            prefix = "the HPA controller was unable to get the target's current scale: "
            await self._fail(autoscaler, "AbleToScale", "FailedGetScale", prefix + error.message)
            return _PERIOD_SECONDS
        try:
            decision = await self._decide(autoscaler, scale)
        except MetricError as error:
            prefix = "the HPA was unable to compute the replica count: "
            await self._fail(
                autoscaler, "ScalingActive", "FailedGetResourceMetric", prefix + str(error)
            )
            return _PERIOD_SECONDS
        await self._apply(autoscaler, (kind, scale), decision)
        return _PERIOD_SECONDS

    async def _scale(self, autoscaler: Manifest) -> tuple[ResourceKind, dict[str, Any]]:
        target = autoscaler["spec"]["scaleTargetRef"]
        group, version = split_api_version(target.get("apiVersion") or "v1")
        kind = await self._client.resolve(join_api_version(group, version), target["kind"])
        namespace = autoscaler["metadata"]["namespace"]
        scale = await self._client.get(kind, target["name"], namespace, subresource="scale")
        return kind, scale

    async def _decide(self, autoscaler: Manifest, scale: Manifest) -> Decision:
        namespace = autoscaler["metadata"]["namespace"]
        selector = (scale.get("status") or {}).get("selector", "")
        usage = await self._usage(namespace, selector)
        now = clock.now()
        history = self._history.setdefault(autoscaler["metadata"]["uid"], [])
        decision = autoscaler_plan.decide(
            Observed(
                autoscaler=autoscaler,
                current=int((scale.get("spec") or {}).get("replicas", 0)),
                pods=self._selected(namespace, selector),
                usage=usage,
                history=history,
                now=now,
                scalings=self._scalings.get(autoscaler["metadata"]["uid"], ()),
            )
        )
        history.append(Recommendation(now, decision.recommended))
        del history[:-_REMEMBERED]
        return decision

    def _selected(self, namespace: str, selector: str) -> list[Manifest]:
        wanted = selectors.parse_labels(selector)
        return [
            pod
            for pod in self._pods.get(namespace)
            if wanted.matches(pod["metadata"].get("labels"))
        ]

    async def _usage(self, namespace: str, selector: str) -> dict[str, dict[str, dict[str, str]]]:
        path = f"/apis/metrics.k8s.io/v1beta1/namespaces/{namespace}/pods"
        try:
            found = await self._client.request_json(
                "GET", path, query={"labelSelector": selector} if selector else {}
            )
        except NotFoundError:
            return {}
        return {
            each["metadata"]["name"]: {one["name"]: one["usage"] for one in each["containers"]}
            for each in found.get("items") or ()
        }

    async def _apply(
        self,
        autoscaler: Manifest,
        target: tuple[ResourceKind, dict[str, Any]],
        decision: Decision,
    ) -> None:
        kind, scale = target
        current = int((scale.get("spec") or {}).get("replicas", 0))
        if decision.size != current:
            await self._client.patch(
                kind,
                scale["metadata"]["name"],
                {"spec": {"replicas": decision.size}},
                scale["metadata"]["namespace"],
                subresource="scale",
            )
            self._remember(autoscaler, decision.size - current)
            message = f"New size: {decision.size}; reason: {decision.reason}"
            self._objects.recorder.record(Note(autoscaler, "SuccessfulRescale", message))
        await self._write(autoscaler, decision.status)

    def _remember(self, autoscaler: Manifest, change: int) -> None:
        now = clock.now()
        since = now - autoscaler_limits.longest_period(autoscaler["spec"].get("behavior"))
        known = self._scalings.get(autoscaler["metadata"]["uid"], [])
        recent = [each for each in known if each.at > since]
        self._scalings[autoscaler["metadata"]["uid"]] = [*recent, Scaling(now, change)]

    async def _fail(self, autoscaler: Manifest, type_: str, reason: str, message: str) -> None:
        self._objects.recorder.record(Note(autoscaler, reason, message, warning=True))
        status = autoscaler_plan.failed(autoscaler, type_, reason, message, clock.now())
        await self._write(autoscaler, status)

    async def _write(self, autoscaler: Manifest, status: dict[str, Any]) -> None:
        if status != (autoscaler.get("status") or {}):
            changed = {**autoscaler, "status": status}
            await self._client.update_status(kinds.HORIZONTAL_POD_AUTOSCALERS, changed)
