"""Variables of containers."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.embedded.kubelet import environment
from choreo_local.embedded.kubelet.environment import Surroundings
from choreo_local.embedded.kubelet.runtime import StartError
from tests.embedded.kubelet.builders import container, pod

AROUND = Surroundings(
    pod_addresses=["127.40.0.16"],
    host_addresses=["127.0.0.1"],
    config_maps={"settings": {"colour": "green", "a=b": "no name", "x.y": "dotted"}},
    secrets={"login": {"token": "t0p"}},
    service_links={"GREETER_SERVICE_HOST": "10.96.0.7"},
    allocatable={"cpu": "4", "memory": "8Gi"},
)


def build(**fields: Any) -> dict[str, str]:
    found = environment.build(
        pod(serviceAccountName="robot", nodeName="n1"), container(**fields), AROUND
    )
    assert found.pop("GREETER_SERVICE_HOST") == "10.96.0.7"
    return found


def source(**value: Any) -> list[dict[str, Any]]:
    return [{"name": "X", "valueFrom": value}]


def test_values_are_taken_in_order_and_may_refer_to_earlier_ones() -> None:
    found = build(
        env=[
            {"name": "A", "value": "1"},
            {"name": "B", "value": "$(A)-$(C)-$$(A)-$(GREETER_SERVICE_HOST)"},
            {"name": "C", "value": "3"},
            {"name": "EMPTY"},
        ]
    )
    assert found == {"A": "1", "B": "1-$(C)-$(A)-10.96.0.7", "C": "3", "EMPTY": ""}


def test_sources_come_first_with_their_prefix_and_can_be_overridden() -> None:
    found = build(
        envFrom=[
            {"configMapRef": {"name": "settings"}, "prefix": "S_"},
            {"secretRef": {"name": "login"}},
        ],
        env=[{"name": "token", "value": "mine"}, {"name": "SEEN", "value": "$(S_colour)"}],
    )
    assert found == {"S_colour": "green", "S_x.y": "dotted", "token": "mine", "SEEN": "green"}


@pytest.mark.parametrize(
    ("path", "value"),
    [
        ("metadata.name", "greeter"),
        ("metadata.namespace", "shop"),
        ("metadata.uid", "0c4f"),
        ("metadata.labels['app']", "greeter"),
        ("metadata.labels['none']", ""),
        ("metadata.annotations['none']", ""),
        ("spec.nodeName", "n1"),
        ("spec.serviceAccountName", "robot"),
        ("status.podIP", "127.40.0.16"),
        ("status.podIPs", "127.40.0.16"),
        ("status.hostIP", "127.0.0.1"),
        ("status.hostIPs", "127.0.0.1"),
    ],
)
def test_fields_of_the_pod(path: str, value: str) -> None:
    assert build(env=source(fieldRef={"fieldPath": path})) == {"X": value}


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(StartError, match=r"unsupported fieldPath: spec\.hostname"):
        build(env=source(fieldRef={"fieldPath": "spec.hostname"}))


@pytest.mark.parametrize(
    ("reference", "value"),
    [
        ({"resource": "limits.cpu"}, "1"),
        ({"resource": "limits.cpu", "divisor": "1m"}, "250"),
        ({"resource": "requests.memory", "divisor": "1Mi"}, "64"),
        ({"resource": "limits.memory", "divisor": "1Gi"}, "8"),
        ({"resource": "requests.cpu"}, "0"),
    ],
)
def test_resources_come_in_units_and_from_the_node_when_unset(
    reference: dict[str, Any], value: str
) -> None:
    granted = {"limits": {"cpu": "250m"}, "requests": {"memory": "64Mi"}}
    assert build(env=source(resourceFieldRef=reference), resources=granted) == {"X": value}


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ({"configMapKeyRef": {"name": "no", "key": "k"}}, 'configmap "no" not found'),
        ({"secretKeyRef": {"name": "no", "key": "k"}}, 'secret "no" not found'),
        (
            {"configMapKeyRef": {"name": "settings", "key": "k"}},
            "couldn't find key k in ConfigMap shop/settings",
        ),
        (
            {"secretKeyRef": {"name": "login", "key": "k"}},
            "couldn't find key k in Secret shop/login",
        ),
    ],
)
def test_what_is_missing_is_named(reference: dict[str, Any], message: str) -> None:
    with pytest.raises(StartError) as caught:
        build(env=source(**reference))
    assert caught.value.message == message
    assert caught.value.reason == "CreateContainerConfigError"


@pytest.mark.parametrize(
    "fields",
    [
        {"env": source(configMapKeyRef={"name": "no", "key": "k", "optional": True})},
        {"env": source(secretKeyRef={"name": "login", "key": "k", "optional": True})},
        {"envFrom": [{"configMapRef": {"name": "no", "optional": True}}]},
        {"envFrom": [{"secretRef": {"name": "no", "optional": True}}]},
    ],
)
def test_what_is_optional_may_be_missing(fields: dict[str, Any]) -> None:
    assert build(**fields) == {}


@pytest.mark.parametrize("kind", ["configMapRef", "secretRef"])
def test_a_missing_source_is_named(kind: str) -> None:
    with pytest.raises(StartError, match='"no" not found'):
        build(envFrom=[{kind: {"name": "no"}}])


def test_needed_names_all_references() -> None:
    found = environment.needed(
        container(
            envFrom=[{"configMapRef": {"name": "a"}}, {"secretRef": {"name": "b"}}],
            env=[
                {"name": "X", "valueFrom": {"configMapKeyRef": {"name": "c", "key": "k"}}},
                {"name": "Y", "valueFrom": {"secretKeyRef": {"name": "d", "key": "k"}}},
                {"name": "Z", "value": "plain"},
            ],
        )
    )
    assert found == ({"a", "c"}, {"b", "d"})


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("$(A)", "1"),
        ("$$(A)", "$(A)"),
        ("$$$(A)", "$1"),
        ("$(A", "$(A"),
        ("$A", "$A"),
        ("$", "$"),
        ("a$", "a$"),
        ("$()", "$()"),
        ("$(NONE)$(A)", "$(NONE)1"),
        ("", ""),
    ],
)
def test_expansion(text: str, expanded: str) -> None:
    assert environment.expand(text, [{"A": "1"}]) == expanded


@given(st.text(alphabet="$()Ax ", max_size=40))
def test_expansion_without_references_only_halves_dollars(text: str) -> None:
    assert environment.expand(text.replace("$", "$$"), [{"A": "1"}]) == text


def test_services_become_variables() -> None:
    services: list[dict[str, Any]] = [
        {
            "metadata": {"name": "my-db"},
            "spec": {
                "clusterIP": "10.96.0.9",
                "ports": [{"name": "sql", "port": 5432}, {"port": 53, "protocol": "UDP"}],
            },
        },
        {"metadata": {"name": "headless"}, "spec": {"clusterIP": "None", "ports": [{"port": 1}]}},
        {"metadata": {"name": "outside"}, "spec": {"type": "ExternalName"}},
    ]
    assert environment.service_links(services) == {
        "MY_DB_SERVICE_HOST": "10.96.0.9",
        "MY_DB_SERVICE_PORT": "5432",
        "MY_DB_SERVICE_PORT_SQL": "5432",
        "MY_DB_PORT": "tcp://10.96.0.9:5432",
        "MY_DB_PORT_5432_TCP": "tcp://10.96.0.9:5432",
        "MY_DB_PORT_5432_TCP_PROTO": "tcp",
        "MY_DB_PORT_5432_TCP_PORT": "5432",
        "MY_DB_PORT_5432_TCP_ADDR": "10.96.0.9",
        "MY_DB_PORT_53_UDP": "udp://10.96.0.9:53",
        "MY_DB_PORT_53_UDP_PROTO": "udp",
        "MY_DB_PORT_53_UDP_PORT": "53",
        "MY_DB_PORT_53_UDP_ADDR": "10.96.0.9",
    }
