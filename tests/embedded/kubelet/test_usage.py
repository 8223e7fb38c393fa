"""Usage as the metrics API shows it."""

from __future__ import annotations

from datetime import timedelta

from choreo_local.embedded.kubelet import usage
from choreo_local.embedded.kubelet.runtime import Usage
from choreo_local.embedded.kubelet.usage import RateMeter, Sample
from tests.embedded.kubelet.builders import NOW, pod

KEY = ("0c4f", "main")


def sample(seconds: float, cpu: float) -> Sample:
    return Sample(NOW + timedelta(seconds=seconds), {KEY: cpu})


def test_processor_use_is_a_rate() -> None:
    used = {"0c4f": [Usage("main", 3.5, 64 * 2**20)]}
    (found,) = usage.pod_metrics([pod()], used, base=sample(0, 1.0), now=sample(10, 3.5))
    assert found["kind"] == "PodMetrics"
    assert found["apiVersion"] == "metrics.k8s.io/v1beta1"
    assert found["metadata"]["name"] == "greeter"
    assert found["metadata"]["labels"] == {"app": "greeter"}
    assert found["window"] == "10.000s"
    assert found["containers"] == [
        {"name": "main", "usage": {"cpu": "250000000n", "memory": "65536Ki"}}
    ]


def test_pods_without_running_containers_are_left_out() -> None:
    assert usage.pod_metrics([pod()], {}, base=sample(0, 0), now=sample(1, 0)) == []


def test_what_is_new_or_began_anew_has_no_rate_yet() -> None:
    new = Sample(NOW, {})
    assert usage.rate(new, sample(1, 5.0), KEY) == 0
    assert usage.rate(sample(0, 5.0), sample(1, 1.0), KEY) == 0


def test_a_meter_compares_with_a_sample_that_is_old_enough() -> None:
    meter = RateMeter()
    assert meter.base_for(NOW) is None
    meter.keep(sample(0, 0))
    meter.keep(sample(1, 1))
    base = meter.base_for(NOW + timedelta(seconds=2))
    assert base is not None
    assert base.taken_at == NOW
    meter.keep(sample(20, 1))
    base = meter.base_for(NOW + timedelta(seconds=21))
    assert base is not None
    assert base.taken_at == NOW + timedelta(seconds=20)
    assert meter.base_for(NOW + timedelta(hours=1)) is None


def test_the_machine_has_metrics() -> None:
    first, _ = usage.machine_sample()
    second, memory = usage.machine_sample()
    found = usage.node_metrics("n", base=first, now=second, memory_bytes=memory)
    assert found["kind"] == "NodeMetrics"
    assert found["metadata"]["name"] == "n"
    assert int(found["usage"]["memory"].removesuffix("Ki")) > 1000
