"""The variables of component and trait templates."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import variables
from choreo_local.rendering.errors import RenderError
from tests.rendering import objects

OPENAPI = '{"openapi": "3.0.0", "paths": {"/x": {"get": {}}}}'
DESCRIBED: dict[str, Any] = {
    "spec": {
        "container": {"image": "img"},
        "endpoints": {"api": {"type": "HTTP", "port": 80, "schema": {"content": OPENAPI}}},
    }
}


def test_numbers_from_json_are_doubles() -> None:
    found = variables.shared(objects.inputs(workload=DESCRIBED))

    assert type(found["workload"]["endpoints"]["api"]["port"]) is float
    assert type(found["gateway"]["ingress"]["external"]["http"]["port"]) is float


def test_gateway_is_absent_where_there_is_none() -> None:
    bare = {**objects.DATA_PLANE, "spec": {}}

    assert "gateway" not in variables.shared(objects.inputs(data_plane=bare))


def test_dependencies_are_joined_connections_first() -> None:
    connection = {"component": "api", "endpoint": "http", "envVars": [{"name": "A"}]}
    provided = {"ref": "db", "envVars": [{"name": "B"}], "volumes": [{"name": "v"}]}

    found = variables.shared(
        objects.inputs(dependency_items=[connection], resource_dependency_items=[provided])
    )["dependencies"]

    assert found["envVars"] == [{"name": "A"}, {"name": "B"}]
    assert (found["volumes"], found["volumeMounts"]) == ([{"name": "v"}], [])
    assert found["items"][0]["visibility"] == ""


def test_api_descriptions_are_read_only_where_a_template_asks() -> None:
    asking = objects.component_type(
        objects.config_map(
            "c", a="${string(size(workload.toEndpointResources('api').orValue([])))}"
        )
    )

    plain = variables.shared(objects.inputs(workload=DESCRIBED))
    asked = variables.shared(objects.inputs(asking, workload=DESCRIBED))

    assert plain["derived"]["endpointResources"] == {}
    assert asked["derived"]["endpointResources"] == {
        "api": [{"kind": "HTTP", "method": "GET", "path": "/x"}]
    }


def test_parameters_follow_their_schemas() -> None:
    spec = {"environmentConfigs": objects.REPLICAS}

    assert variables.parameters(spec, {"dropped": 1}, None) == {
        "parameters": {},
        "environmentConfigs": {"replicas": 1.0},
    }
    with pytest.raises(RenderError, match="environmentConfigs validation failed: replicas must be"):
        variables.parameters(spec, None, {"replicas": "x"})
