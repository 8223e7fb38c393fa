"""The table of builtin kinds."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter

from choreo_local.embedded.kubeapi import builtin
from choreo_local.embedded.kubeapi.resources import ServedResource

RESOURCES = builtin.resources()


def named(plural: str, group: str = "", version: str = "v1") -> ServedResource:
    (found,) = [
        one
        for one in RESOURCES
        if (one.kind.plural, one.kind.group, one.kind.version) == (plural, group, version)
    ]
    return found


def test_no_two_kinds_share_a_name() -> None:
    names = Counter((one.kind.group, one.kind.version, one.kind.plural) for one in RESOURCES)
    kinds = Counter(one.kind.gvk for one in RESOURCES)
    assert max(names.values()) == 1
    assert max(kinds.values()) == 1


def test_short_names_are_those_of_kubectl() -> None:
    wanted = {
        ("pods", ""): ("po",),
        ("services", ""): ("svc",),
        ("namespaces", ""): ("ns",),
        ("persistentvolumeclaims", ""): ("pvc",),
        ("deployments", "apps"): ("deploy",),
        ("horizontalpodautoscalers", "autoscaling"): ("hpa",),
        ("networkpolicies", "networking.k8s.io"): ("netpol",),
        ("customresourcedefinitions", "apiextensions.k8s.io"): ("crd", "crds"),
    }
    found = {
        (one.kind.plural, one.kind.group): one.short_names
        for one in RESOURCES
        if (one.kind.plural, one.kind.group) in wanted
    }
    assert found == wanted


def test_pods_have_all_their_subresources() -> None:
    pods = named("pods")
    assert {"attach", "exec", "log", "portforward", "proxy", "status"} <= set(pods.subresources)
    assert {"binding", "ephemeralcontainers", "eviction", "resize"} <= set(pods.subresources)
    assert pods.categories == ("all",)
    eviction = pods.subresources["eviction"]
    assert eviction.kind is not None
    assert (eviction.kind.group, eviction.kind.kind) == ("policy", "Eviction")


def test_verbs_are_listed_in_the_order_of_discovery() -> None:
    verbs = ("create", "delete", "deletecollection", "get", "list", "patch", "update", "watch")
    assert named("configmaps").verbs == verbs
    assert named("bindings").verbs == ("create",)
    assert named("componentstatuses").verbs == ("get", "list")


def test_fields_of_selectors_are_known() -> None:
    assert "spec.nodeName" in named("pods").selectable_fields
    assert "involvedObject.name" in named("events").selectable_fields
    assert "status.phase" in named("namespaces").selectable_fields


def test_kinds_with_a_status_guard_it() -> None:
    assert named("deployments", "apps").status_subresource
    assert not named("configmaps").status_subresource


def test_metrics_are_apart() -> None:
    assert {one.kind.group for one in builtin.metrics()} == {"metrics.k8s.io"}
    assert all(one.kind.group != "metrics.k8s.io" for one in RESOURCES)


def test_the_tables_load_without_the_expression_language() -> None:
    code = (
        "import sys; from choreo_local.embedded.kubeapi import definitions, typed, defaults\n"
        "definitions.schemas(); definitions.go_types()\n"
        "print('choreo_local.cel' in sys.modules)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert answer.stdout.strip() == "False"
