"""Who containers run as, and what they may do."""

from __future__ import annotations

from choreo_local.embedded.kubelet.privileges import of_security


def test_root_has_the_usual_capabilities() -> None:
    found = of_security({})
    assert (found.user, found.group, found.read_only_root) == (0, 0, False)
    assert found.mask == "a80425fb"


def test_others_have_none_but_those_that_are_asked_for() -> None:
    assert of_security({"runAsUser": 1000}).capabilities == ()
    asked = {"runAsUser": 1000, "capabilities": {"add": ["NET_BIND_SERVICE"]}}
    assert of_security(asked).capabilities == ("NET_BIND_SERVICE",)


def test_capabilities_are_dropped_and_added() -> None:
    found = of_security({"capabilities": {"drop": ["ALL"], "add": ["CAP_CHOWN"]}})
    assert found.capabilities == ("CHOWN",)
    assert "KILL" not in of_security({"capabilities": {"drop": ["kill"]}}).capabilities


def test_groups_are_those_of_the_pod_and_of_its_volumes() -> None:
    assert of_security({}).groups == ()
    asked = {"supplementalGroups": [7, 5, 7], "fsGroup": 6}
    assert of_security(asked).groups == (5, 6, 7)


def test_nobody_may_undo_the_sandbox() -> None:
    found = of_security({"capabilities": {"add": ["ALL"]}})
    assert "NET_ADMIN" in found.capabilities
    assert "SYS_ADMIN" not in found.capabilities
