"""Names of a pod, and what its programs are told of names."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from choreo_local.embedded.kubelet import podnames, preparing
from choreo_local.embedded.kubelet.places import Places
from choreo_local.embedded.kubelet.runtime import PodRequest
from tests.embedded.kubelet.builders import pod

SEARCH = ["apps.svc.cluster.local", "cluster.local"]


def request_for(**spec: Any) -> PodRequest:
    return preparing.pod_request(pod(**spec), Places(Path("pods")))


def resolver(**spec: Any) -> list[str]:
    """The lines of the resolver's file."""
    found = podnames.resolver_text(request_for(**spec), "169.254.1.1", SEARCH)
    return found.splitlines()


def test_a_pod_of_a_subdomain_is_known_by_its_whole_name() -> None:
    found = request_for(hostname="db-0", subdomain="db")
    namespace = pod()["metadata"]["namespace"]
    whole = f"db-0.db.{namespace}.svc.cluster.local"
    assert (found.hostname, found.full_name) == ("db-0", whole)
    hosts = podnames.hosts_text(found, "10.70.0.1").splitlines()
    assert hosts == [f"10.70.0.1\t{whole}\tdb-0", "127.0.0.1\tlocalhost"]
    assert request_for(hostname="db-0").full_name == ""


def test_the_whole_name_is_the_hostname_where_that_is_asked_for() -> None:
    found = request_for(hostname="db-0", subdomain="db", setHostnameAsFQDN=True)
    assert found.hostname == found.full_name
    assert podnames.hosts_text(found, "10.70.0.1").splitlines()[0].endswith("\tdb-0")
    # More than the kernel takes.
    long = request_for(hostname="x" * 60, subdomain="db", setHostnameAsFQDN=True)
    assert long.hostname == "x" * 60


def test_names_are_asked_of_the_cluster_unless_something_else_is_said() -> None:
    assert resolver() == [
        "search apps.svc.cluster.local cluster.local",
        "nameserver 169.254.1.1",
        "options ndots:5",
    ]
    assert resolver(dnsPolicy="Default")[1:] == ["nameserver 169.254.1.1"]


@pytest.mark.parametrize("policy", ["ClusterFirst", "None"])
def test_what_a_pod_says_of_its_resolver_is_added(policy: str) -> None:
    config = {
        "nameservers": ["192.0.2.1", "192.0.2.2", "192.0.2.1"],
        "options": [{"name": "ndots", "value": "2"}, {"name": "edns0"}],
    }
    lines = resolver(dnsPolicy=policy, dnsConfig=config)[1:]
    own = ["nameserver 192.0.2.1", "nameserver 192.0.2.2"]
    theirs = ["nameserver 169.254.1.1"] if policy == "ClusterFirst" else []
    assert lines == [*theirs, *own, "options ndots:2 edns0"]
