"""The last steps of the component pipeline."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import finishing
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.targets import RenderedResource


def resource(kind: str, name: str = "x", **further: Any) -> RenderedResource:
    manifest = {"apiVersion": "v1", "kind": kind, "metadata": {"name": name}, **further}
    return RenderedResource(manifest)


def finished(*resources: RenderedResource, workload_type: str = "") -> list[dict[str, Any]]:
    found = finishing.finish(resources, labels={"l": "1"}, workload_type=workload_type)
    return [entry.manifest for entry in found]


def test_labels_of_the_platform_win() -> None:
    found = finished(resource("A", metadata={"name": "x", "labels": {"l": "mine", "m": "2"}}))

    assert found[0]["metadata"]["labels"] == {"l": "1", "m": "2"}


def test_order_is_by_kind_version_namespace_and_name() -> None:
    found = finished(resource("B"), resource("A", "b"), resource("A", "a"))

    assert [(m["kind"], m["metadata"]["name"]) for m in found] == [
        ("A", "a"),
        ("A", "b"),
        ("B", "x"),
    ]


def test_stateful_set_gets_the_hash_and_only_the_first_one() -> None:
    first = resource("StatefulSet", "one", spec={})
    second = resource("StatefulSet", "two", spec={})

    found = finished(second, first, resource("Secret"), workload_type="statefulset")

    assert "template" in found[2]["spec"]
    assert found[1]["spec"] == {}


def test_main_workload_without_a_spec_is_an_error() -> None:
    with pytest.raises(RenderError, match="Deployment missing spec"):
        finished(resource("Deployment"), resource("Secret"), workload_type="deployment")


@pytest.mark.parametrize(
    ("manifest", "text"),
    [
        ({"apiVersion": "v1", "metadata": {"name": "x"}}, "resource #0 missing kind"),
        ({"kind": "A", "metadata": {"name": "x"}}, "resource #0 (A) missing apiVersion"),
        ({"kind": "A", "apiVersion": "v1"}, "resource #0 (A) missing metadata"),
        (
            {"kind": "A", "apiVersion": "v1", "metadata": {"name": 5.0}},
            "resource #0 (A) missing metadata.name",
        ),
    ],
)
def test_manifest_that_could_not_be_applied_is_refused(manifest: Any, text: str) -> None:
    with pytest.raises(RenderError) as failure:
        finished(RenderedResource(manifest))

    assert failure.value.message == text
