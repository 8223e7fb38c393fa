"""An export on an empty instance: everything is there, on the planes of the instance."""

from __future__ import annotations

from typing import Any

from choreo_local.export import importing, index, plan
from choreo_local.export.reading import Tree
from choreo_local.export.state import key_of
from tests.export import samples
from tests.export.samples import CHOICES

_PORTS = {"gateway": 50001, "gateway-tls": 50002}


def _manifests(**changes: Any) -> list[dict[str, Any]]:
    from dataclasses import replace

    files = plan.planned(samples.state(), replace(CHOICES, **changes))
    tree = Tree({file.path: file.content for file in files})
    described = importing.checked(tree, "there")
    return importing.manifests(tree, described, ports=_PORTS, observer="http://127.0.0.1:8080")


def test_all_planes_are_those_of_the_instance() -> None:
    planes = {key_of(each): each for each in _manifests() if each["kind"].endswith("Plane")}
    assert {key.name for key in planes} == {"default", "eu"}
    for plane in planes.values():
        assert plane["spec"]["planeID"] == "default"
        reference = plane["spec"]["clusterAgent"]["clientCA"]["secretKeyRef"]
        assert reference["name"] == "cluster-agent-tls"
    default = next(
        plane for key, plane in planes.items() if key[::2] == ("ClusterDataPlane", "default")
    )
    http = default["spec"]["gateway"]["ingress"]["external"]["http"]
    assert http == {"host": "openchoreoapis.localhost", "listenerName": "http", "port": 50001}


def test_objects_come_after_planes_and_in_their_order() -> None:
    kinds = [each["kind"] for each in _manifests()]
    assert kinds.index("ClusterDataPlane") < kinds.index("Gateway") < kinds.index("Namespace")
    assert kinds.index("ComponentRelease") < kinds.index("Component") < kinds.index("Workload")
    assert kinds.index("Workload") < kinds.index("ReleaseBinding")


def test_values_of_secrets_come_back_under_their_keys() -> None:
    assert not any(each["kind"] == "Secret" for each in _manifests())
    (secret,) = (each for each in _manifests(with_secrets=True) if each["kind"] == "Secret")
    assert secret["metadata"]["namespace"] == "openchoreo-secret-store"
    assert secret["metadata"]["annotations"] == {"choreo.dev/secret-key": "prod/db"}
    assert secret["data"] == {"password": "czNjcmV0"}


def test_nothing_but_its_planes_is_taken_from_what_a_new_instance_holds() -> None:
    assert importing.is_of_every_instance(samples.bundled("ClusterDataPlane", "default"))
    assert importing.is_of_every_instance(samples.bundled("Namespace", "default"))
    assert not importing.is_of_every_instance(samples.bundled("Project", "default"))


def test_exports_are_told_apart() -> None:
    files = plan.planned(samples.state(), CHOICES)
    tree = Tree({file.path: file.content for file in files})
    other = Tree({**tree.files, index.NAME: tree.files[index.NAME] + "\n"})
    assert importing.fingerprint(tree) != importing.fingerprint(other)
