"""What watch caches keep."""

from __future__ import annotations

from choreo_local.services import board, trimming
from choreo_local.services.board import RowInputs, Stage
from choreo_local.services.pods import trouble
from tests.builders import component
from tests.services.objects import STAGES, binding, crash, pod, release, rendered


def test_a_row_is_the_same_with_trimmed_objects() -> None:
    full = RowInputs(
        component=component(),
        pipeline=STAGES,
        releases=[release("greeter-1"), release("greeter-2", minute=1)],
        stages={
            "development": Stage(
                binding(ready="False", reason="ResourcesProgressing"),
                rendered(ready=0, want=3),
                trouble(pod(container=crash())),
            )
        },
    )
    stage = full.stages["development"]
    assert stage.binding is not None
    assert stage.rendered is not None
    trimmed = RowInputs(
        component=trimming.metadata_only(full.component),
        pipeline=trimming.metadata_only(STAGES),
        releases=[trimming.release(entry) for entry in full.releases],
        stages={
            "development": Stage(
                trimming.metadata_only(stage.binding),
                trimming.rendered_release(stage.rendered),
                trouble(trimming.pod(pod(container=crash()))),
            )
        },
    )
    environments = ["development", "staging"]
    assert board.row(trimmed, environments) == board.row(full, environments)


def test_what_nobody_reads_is_not_kept() -> None:
    big = release("greeter-1")
    big["spec"]["componentType"] = {"spec": "x" * 10_000}
    big["metadata"]["managedFields"] = ["y" * 10_000]
    assert len(str(trimming.release(big))) < 1000
    full = rendered()
    full["spec"]["resources"].append({"id": "c", "object": {"kind": "ConfigMap", "data": "z" * 9}})
    assert [item["id"] for item in trimming.rendered_release(full)["spec"]["resources"]] == [
        "deployment-greeter"
    ]
