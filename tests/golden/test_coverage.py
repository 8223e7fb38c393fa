"""No recorded case is left out: each is a parameter of a test."""

from __future__ import annotations

from types import ModuleType

import pytest

from tests.golden import (
    GOLDENS,
    load,
    recorded,
    test_admission,
    test_endpoints,
    test_names,
    test_netpol,
    test_patches,
    test_pipelines,
    test_render,
    test_schema,
    test_templates,
    typed,
)

_TESTED_BY: dict[str, ModuleType] = {
    "cel": test_templates,
    "endpoints": test_endpoints,
    "names": test_names,
    "netpol": test_netpol,
    "patches": test_patches,
    "pipelines": test_pipelines,
    "render": test_render,
    "schema": test_schema,
}


def _parameters(module: ModuleType) -> set[str]:
    """The ids of all parameters of a module's tests."""
    marks = [
        mark
        for test in vars(module).values()
        for mark in getattr(test, "pytestmark", ())
        if mark.name == "parametrize"
    ]
    return {str(parameter.id) for mark in marks for parameter in mark.args[1]}


@pytest.mark.parametrize("folder", sorted(_TESTED_BY))
def test_every_recorded_case_has_a_test(folder: str) -> None:
    titles = [title for title, _ in typed.titled(folder)]
    if not titles:
        pytest.skip(f"no recordings of {folder} in {GOLDENS}; set CHOREO_GOLDENS")
    assert [title for title in titles if title not in _parameters(_TESTED_BY[folder])] == []
    assert len(titles) == sum(len(_cases(folder, name)) for name in _files(folder))


def test_every_recorded_case_of_admission_has_a_test() -> None:
    files = _files("admission")
    if not files:
        pytest.skip(f"no recordings of admission in {GOLDENS}; set CHOREO_GOLDENS")
    ids = [case["id"] for name in files for case in _cases("admission", name)]
    assert len(ids) == sum(len(test_admission.cases(of_validators=flag)) for flag in (True, False))
    assert set(ids) <= _parameters(test_admission)


def _files(folder: str) -> list[str]:
    """Recordings; `vars-*` are what the cases of templates share."""
    return [path.name for path in recorded(folder) if not path.name.startswith("vars-")]


def _cases(folder: str, name: str) -> list[dict[str, str]]:
    return list(load(GOLDENS / folder / name)["cases"])
