"""A whole ReleaseBinding."""

from __future__ import annotations

from choreo_local.rendering import binding, release
from choreo_local.rendering.binding import BindingInputs
from tests.rendering import objects

SERVICE = {
    "id": "service",
    "template": {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "web", "namespace": "${metadata.namespace}"},
        "spec": {"ports": "${workload.toServicePorts()}"},
    },
}
OWNER = {
    **objects.COMPONENT,
    "spec": {"owner": {"projectName": "shop"}, "componentType": {"name": "deployment/service"}},
}
WORKLOAD = {
    "spec": {"container": {"image": "img"}, "endpoints": {"api": {"type": "HTTP", "port": 80}}}
}


def test_binding_puts_manifests_policy_and_endpoints_together() -> None:
    type_ = objects.component_type(SERVICE)
    frozen = release.component_release(OWNER, type_, workload=WORKLOAD)

    found = binding.render(
        BindingInputs(
            binding={"metadata": {"name": "web-dev", "namespace": "default"}, "spec": {}},
            release=frozen.manifest,
            component=OWNER,
            project=objects.PROJECT,
            environment=objects.ENVIRONMENT,
            data_plane=objects.DATA_PLANE,
        )
    )

    assert [entry["object"]["kind"] for entry in found.data_plane] == [
        "Deployment",
        "Service",
        "NetworkPolicy",
    ]
    assert found.data_plane[1]["id"] == "service-web"
    assert found.observability == []
    host = f"web.{found.data_plane[1]['object']['metadata']['namespace']}.svc.cluster.local"
    assert found.endpoints == [
        {
            "name": "api",
            "type": "HTTP",
            "serviceURL": {"scheme": "http", "host": host, "port": 80},
        }
    ]
