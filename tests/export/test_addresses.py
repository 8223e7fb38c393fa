"""From this machine to an installation, and back again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from choreo_local.export.addresses import Addresses, inward, is_local, outward

NAMES = Addresses("oc.example.com", "apps.example.com")
PORTS = {"gateway": 40709, "gateway-tls": 40710}
_OBSERVER = "http://127.0.0.1:38429"


def _spec(host: str, port: int) -> dict[str, object]:
    listener = {"host": host, "port": port, "listenerName": "http"}
    return {"gateway": {"ingress": {"external": {"name": "g", "http": listener}}}}


def test_hosts_and_ports_of_this_machine_become_those_of_the_installation() -> None:
    moved = outward(_spec("openchoreoapis.localhost", 40709), NAMES, PORTS)
    assert moved == _spec("apps.example.com", 19080)


@pytest.mark.parametrize("host", ["eu.example.org", "localhost.example.org", "notlocalhost"])
def test_other_hosts_and_ports_stay(host: str) -> None:
    assert outward(_spec(host, 18080), NAMES, PORTS) == _spec(host, 18080)
    assert inward(_spec(host, 18080), NAMES, PORTS, observer=_OBSERVER) == _spec(host, 18080)


_LABEL = st.from_regex(r"\A[a-z][a-z0-9]{0,8}\Z")


@given(
    host=st.one_of(
        st.just("openchoreoapis.localhost"),
        _LABEL.map(lambda label: f"{label}.localhost"),
        _LABEL.map(lambda label: f"{label}.example.org"),
    ),
    port=st.sampled_from([40709, 40710, 18080]),
)
def test_what_went_out_comes_back_as_it_was(host: str, port: int) -> None:
    spec = {**_spec(host, port), "observerURL": _OBSERVER}
    back = inward(outward(spec, NAMES, PORTS), NAMES, PORTS, observer=_OBSERVER)
    assert back == spec


@pytest.mark.parametrize(
    "url",
    ["http://127.0.0.1:38429", "http://localhost:1/x", "http://[::1]:2", "http://a.localhost"],
)
def test_urls_of_this_machine_become_those_of_the_installation(url: str) -> None:
    moved = outward({"observerURL": url, "rcaAgentURL": "https://rca.example.org"}, NAMES, PORTS)
    assert moved == {
        "observerURL": "http://observer.oc.example.com:11080",
        "rcaAgentURL": "https://rca.example.org",
    }


def test_another_machine_gets_its_own_ports() -> None:
    moved = outward(_spec("openchoreoapis.localhost", 40709), NAMES, PORTS)
    there = inward(moved, NAMES, {"gateway": 19081}, observer="http://127.0.0.1:8080")
    assert there == _spec("openchoreoapis.localhost", 19081)


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST", "127.0.0.2", "[::1]", "a.b.localhost"])
def test_names_of_the_machine_itself_are_known(host: str) -> None:
    assert is_local(host)
