"""Which instance may be filled from an export, and what it remembers of that."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from choreo_local.allinone import imported
from choreo_local.allinone import instance as instances
from choreo_local.errors import RefusedError
from choreo_local.export import plan, writer
from tests.export import samples


@pytest.fixture
def folder(tmp_path: Path) -> str:
    """An export."""
    writer.write(tmp_path / "x", plan.planned(samples.state(), samples.CHOICES), force=False)
    return str(tmp_path / "x")


def _record(**bundles: str) -> instances.Instance:
    ports = {"gateway": 50001, "gateway-tls": 50002, "api": 50003}
    return replace(instances.new("new"), ports=ports, bundles=bundles)


def test_an_instance_that_is_filled_from_an_export_is_not_filled_again(folder: str) -> None:
    record = _record(core="1")
    found = imported.load(folder, record)
    assert found is not None
    during = replace(record, bundles=found.before(record))
    after = replace(during, bundles=found.after(during))
    assert set(after.bundles) == {"core", "platform", "export"}
    assert imported.load(folder, after) is None


def test_a_start_that_was_not_finished_is_taken_up_from_the_same_folder_only(
    folder: str, tmp_path: Path
) -> None:
    found = imported.load(folder, None)
    assert found is not None
    record = _record(core="1")
    during = replace(record, bundles=found.before(record))
    assert imported.load(folder, during) == found
    other = tmp_path / "y"
    writer.write(other, plan.planned(samples.state(), samples.CHOICES), force=False)
    with pytest.raises(RefusedError, match="was not finished"):
        imported.load(str(other), during)


def test_an_instance_with_content_of_its_own_is_refused(folder: str) -> None:
    for record in (_record(platform="1"), _record(platform="1", export="sha256:other")):
        with pytest.raises(RefusedError, match="it is not empty") as refused:
            imported.load(folder, record)
        assert "--instance NAME up --from" in refused.value.remedy


def test_planes_and_gateways_are_the_instance_s_own_all_else_the_export_s(folder: str) -> None:
    record = _record()
    found = imported.load(folder, record)
    assert found is not None
    made = [
        (each["kind"], dict(each["metadata"])["name"])  # type: ignore[call-overload]  # manifests
        for each in found.manifests(record, is_remote=False)
    ]
    assert made.index(("Gateway", "gateway-default")) < made.index(("ClusterDataPlane", "eu"))
    assert made.count(("Project", "default")) == 1
    assert made.index(("ClusterDataPlane", "eu")) < made.index(("Project", "default"))
