"""The differential tests of a Kubernetes API server, run against the embedded one.

Like the recording, the cluster has its control loops, but neither scheduler nor nodes. The tool
and its cases are outside of the project: `CHOREO_KUBE_DIFFERENTIAL` says where.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conformance import embedded
from tests.golden import GOLDENS, differences

TOOL = Path(
    os.environ.get("CHOREO_KUBE_DIFFERENTIAL", GOLDENS.parent / "tools" / "kube-differential")
)
_SECONDS = 900


@pytest.mark.slow
@pytest.mark.timeout(_SECONDS + 60)
def test_the_api_answers_as_recorded(tmp_path: Path) -> None:
    compare = TOOL / "compare.py"
    if not compare.exists():
        pytest.skip("the differential tests are not here; set CHOREO_KUBE_DIFFERENTIAL")
    report = tmp_path / "report.json"

    with embedded.serving(tmp_path):
        command = [sys.executable, str(compare), "--kubeconfig", str(tmp_path / "kubeconfig")]
        subprocess.run(
            [*command, "-q", "--json", str(report)], check=True, timeout=_SECONDS, cwd=TOOL
        )

    cases = json.loads(report.read_text(encoding="utf-8"))["cases"]
    assert len(cases) > 1000
    others = {
        case["case"]: case["diffs"][:3]
        for case in cases
        if case["verdict"] != "same" and case["case"] not in differences("kube")
    }
    assert others == {}


def test_only_cases_that_exist_are_listed() -> None:
    recordings = sorted((TOOL / "golden").glob("*.json"))
    if not recordings:
        pytest.skip("the differential tests are not here; set CHOREO_KUBE_DIFFERENTIAL")
    known = {
        f"{file.stem}/{name}"
        for file in recordings
        for name in json.loads(file.read_text(encoding="utf-8"))
    }

    assert set(differences("kube")) <= known
