"""The pipeline of OpenChoreo Resources."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import resource, typeinputs
from choreo_local.rendering.errors import RenderError
from tests.rendering import objects

OUTPUTS = [
    {"name": "host", "value": "${applied.claim.status.host}"},
    {"name": "url", "value": "${metadata.name}.example"},
    {"name": "password", "secretKeyRef": {"name": "${metadata.name}", "key": "password"}},
    {"name": "port", "value": "${5432}"},
]


def inputs(*resources: Any, outputs: Any = ()) -> typeinputs.TypeInputs:
    release = {"spec": {"resourceType": {"spec": {"resources": resources, "outputs": outputs}}}}
    return resource.inputs_of_release(
        release,
        binding={"metadata": {"annotations": {"a": "1"}}, "spec": {}},
        resource={"metadata": {"name": "db", "namespace": "default", "uid": "r"}},
        project=objects.PROJECT,
        environment=objects.ENVIRONMENT,
        data_plane=objects.DATA_PLANE,
    )


def test_manifests_keep_their_ids_and_need_no_identity_yet() -> None:
    found = resource.render(inputs({"id": "odd", "template": {"x": "${gateway.ingress.size()}"}}))

    assert [entry.as_resource() for entry in found] == [{"id": "odd", "object": {"x": 1}}]


def test_outputs_that_resolve_are_given_beside_the_reasons_of_the_others() -> None:
    given = inputs(outputs=OUTPUTS)

    found = resource.outputs(given, {})

    name = given.metadata["name"]
    assert found.resolved == (
        {"name": "url", "value": f"{name}.example"},
        {"name": "password", "secretKeyRef": {"name": name, "key": "password"}},
    )
    assert found.failure.split("\n") == [
        "output \"host\": CEL evaluation error in expression 'applied.claim.status.host': "
        "no such key: claim",
        'output "port": expected string, got int64',
    ]


def test_live_status_feeds_outputs_and_readiness() -> None:
    release = {"status": {"resources": [{"id": "claim", "status": {"host": "h"}}, {"id": "x"}]}}
    observed = resource.observed_statuses(release)
    given = inputs(outputs=OUTPUTS[:1])

    assert observed == {"claim": {"host": "h"}, "x": {}}
    assert resource.outputs(given, observed).resolved == ({"name": "host", "value": "h"},)
    assert resource.ready_when(given, "${applied.claim.status.host == 'h'}", observed)
    assert resource.ready_when(given, "", None)


def test_rule_that_is_no_boolean_is_an_error() -> None:
    with pytest.raises(RenderError, match="must evaluate to boolean, got string"):
        resource.ready_when(inputs(), "${metadata.name}", {})


def test_manifests_do_not_see_what_is_applied() -> None:
    with pytest.raises(RenderError, match="undeclared reference to 'applied'"):
        resource.render(inputs(objects.config_map("c", a="${applied.c.status.x}")))
