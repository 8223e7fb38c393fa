"""What our clusters are called and made of."""

from __future__ import annotations

import re

import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from choreo_local.clusters import k3dconfig
from choreo_local.images import hosts

# What k3d demands of a name.
NAME = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?")


def test_a_cluster_is_called_like_its_instance() -> None:
    assert k3dconfig.choose_name("default", "1", taken=[]) == "choreo-default"
    assert k3dconfig.choose_name("My_Lab", "1", taken=[]) == "choreo-my-lab"


def test_a_name_that_somebody_has_is_not_taken() -> None:
    first = k3dconfig.choose_name("default", "1", taken=["choreo-default"])
    other = k3dconfig.choose_name("default", "2", taken=["choreo-default"])
    assert first.startswith("choreo-default-")
    assert first != other
    assert first == k3dconfig.choose_name("default", "1", taken=["choreo-default"])


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", fullmatch=True),
    st.uuids(),
    st.booleans(),
)
def test_every_instance_gets_a_name_that_k3d_accepts(
    instance: str, identity: object, is_taken: bool
) -> None:
    plain = k3dconfig.choose_name(instance, str(identity), taken=[])
    name = k3dconfig.choose_name(instance, str(identity), taken=[plain] if is_taken else [])
    assert NAME.fullmatch(name)
    assert len(name) <= 32


@pytest.mark.parametrize(
    ("wanted", "image"),
    [
        ("", k3dconfig.IMAGE),
        ("v1.35.2", "rancher/k3s:v1.35.2-k3s1"),
        ("1.35.2", "rancher/k3s:v1.35.2-k3s1"),
        ("v1.35.2-k3s3", "rancher/k3s:v1.35.2-k3s3"),
        ("registry.example.com/k3s:mine", "registry.example.com/k3s:mine"),
        ("k3s:mine", "k3s:mine"),
    ],
)
def test_a_version_or_an_image_says_what_the_nodes_run(wanted: str, image: str) -> None:
    assert k3dconfig.image(wanted) == image


def test_a_cluster_is_one_server_of_ours_on_loopback() -> None:
    config = k3dconfig.config("choreo-x", instance_id="42", port=6550, nodes="an-image")
    assert (config["apiVersion"], config["kind"]) == ("k3d.io/v1alpha5", "Simple")
    assert config["kubeAPI"] == {"hostIP": "127.0.0.1", "hostPort": "6550"}
    assert (config["servers"], config["agents"], config["image"]) == (1, 0, "an-image")
    options = config["options"]
    assert options["k3d"]["disableLoadbalancer"] is True
    assert options["kubeconfig"] == {
        "updateDefaultKubeconfig": False,
        "switchCurrentContext": False,
    }
    assert options["runtime"]["labels"] == [
        {"label": "choreo.dev/instance=42", "nodeFilters": ["server:*"]}
    ]
    assert "ports" not in config
    assert "registries" not in config


def test_nodes_find_our_registry_by_all_its_names() -> None:
    config = k3dconfig.config("x", instance_id="42", port=1, nodes="an-image", registry=40000)
    told = config["registries"]["config"]
    assert "&id" not in told
    mirrors = yaml.safe_load(told)["mirrors"]
    assert set(mirrors) == {
        "127.0.0.1:40000",
        "host.k3d.internal:10082",
        "host.k3d.internal:40000",
        "localhost:40000",
    }
    assert all(
        found == {"endpoint": ["http://host.k3d.internal:40000"]} for found in mirrors.values()
    )
    # Ours reads the same form.
    assert hosts.parse(told).endpoints("localhost:40000")[0].url == "http://host.k3d.internal:40000"
