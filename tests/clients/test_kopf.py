"""A kopf operator in a process of its own: handlers, finalizers, daemons, timers, retries."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.kubectl import Kubectl
from tests.e2e.user import until

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]

PROGRAM = Path(__file__).with_name("operator_program.py")
CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "gardens.kopf.example.com"},
    "spec": {
        "group": "kopf.example.com",
        "scope": "Namespaced",
        "names": {"plural": "gardens", "singular": "garden", "kind": "Garden"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            name: {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
                            for name in ("spec", "status")
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture
def operator(admin: Kubectl) -> Iterator[list[str]]:
    """The lines that the running operator has printed."""
    admin("apply", "-f", "-", text=json.dumps(CRD))
    admin("wait", "crd/gardens.kopf.example.com", "--for=condition=Established", "--timeout=60s")
    command = ("kopf", "run", "--standalone", "-n", admin.namespace, str(PROGRAM))
    with admin.user.follows(*command) as lines:
        yield lines
    admin("delete", "crd", "gardens.kopf.example.com", "--wait=false")


def garden(**spec: Any) -> str:
    head = {"apiVersion": "kopf.example.com/v1", "kind": "Garden", "metadata": {"name": "g"}}
    return json.dumps({**head, "spec": spec})


def test_an_operator_lives_with_its_objects(admin: Kubectl, operator: list[str]) -> None:
    def status() -> dict[str, Any]:
        found: dict[str, Any] = admin.json("get", "garden", "g").get("status", {})
        return found

    admin("create", "-f", "-", text=garden(trees=1, colour="red"))
    until(lambda: status().get("created") == {"trees": 1}, what="it is handled", within=90)
    until(lambda: "at work" in admin(*_events("Gardening")), what="the daemon works", within=90)
    until(lambda: status().get("ticks") == 3, what="the timer ticks", within=90)
    assert status()["colours"] == "None -> red"
    finalizers = admin.at("garden", "g", ".metadata.finalizers")
    assert "kopf.zalando.org/KopfFinalizerMarker" in finalizers

    admin("replace", "-f", "-", text=_kept(admin, trees=13, colour="blue"))
    until(lambda: status().get("seen") == 13, what="a failed handler is tried again", within=90)
    assert status()["warned"] is True
    until(lambda: status().get("colours") == "red -> blue", what="a field is told", within=90)
    until(lambda: "13 trees" in admin(*_events("Grown")), what="an event is posted", within=90)

    admin("delete", "garden", "g", "--timeout=90s")
    assert "NotFound" in admin.refuses("get", "garden", "g")
    assert not [line for line in operator if "Traceback" in line], operator


def _events(reason: str) -> tuple[str, ...]:
    """The command that prints the messages of events."""
    return ("get", "events", f"--field-selector=reason={reason}", "-o", "jsonpath={..message}")


def _kept(admin: Kubectl, **spec: Any) -> str:
    """The object as it is, with another spec."""
    found = admin.json("get", "garden", "g")
    return json.dumps({**found, "spec": spec})
