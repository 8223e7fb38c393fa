"""Templates render to the recorded values, or fail with the recorded error."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from choreo_local.rendering import template, values
from choreo_local.rendering.errors import (
    ExpressionCompileError,
    ExpressionEvaluationError,
    NestedExpressionError,
    RenderError,
)
from choreo_local.rendering.functions import Dialect
from tests.golden import GOLDENS, differences, load, typed

_DIFFERENT = differences("templates")
_KINDS: dict[str, type[RenderError]] = {
    "compile": ExpressionCompileError,
    "eval": ExpressionEvaluationError,
    "nested": NestedExpressionError,
    "dynamic-key": RenderError,
}


def _variables(name: str) -> Any:
    return values.as_context(load(Path(GOLDENS) / "cel" / f"{Path(name).stem}.json"))


def _difference(case: dict[str, Any]) -> str | None:
    """The kind of deliberate difference that a case is about, if any."""
    recorded = json.dumps(case.get("typed"))
    if "*structpb." in recorded:
        return "protobuf-messages"
    if "oc_test_" in json.dumps(case["template"]):
        return "test-extensions"
    return None


def _skip_if_different(case: dict[str, Any]) -> None:
    kind = _difference(case)
    if kind is not None:
        pytest.skip(_DIFFERENT[kind])


@pytest.mark.parametrize("case", typed.cases("cel", lambda case: "engine" in case))
def test_template_renders_as_recorded(case: dict[str, Any]) -> None:
    _skip_if_different(case)
    scope = template.Scope(_variables(case["vars"]), Dialect(case["engine"]))
    source = values.as_context(case["template"])
    if "error_kind" in case:
        with pytest.raises(_KINDS[case["error_kind"]]) as failure:
            scope.render(source)
        assert failure.value.message == case["error_text"]
        return

    rendered = scope.render(source)

    if case.get("omitted"):
        assert rendered is values.OMIT
        return
    if case.get("unstable"):
        assert set(rendered) == set(case["typed"])
        return
    if "json_error" in case:
        with pytest.raises(RenderError) as failure:
            values.as_manifest(rendered)
        assert failure.value.message == case["json_error"]
        return
    if case["typed"] == [] and case["result"] is None:
        # Go writes a list that was never made as null; listed as a difference.
        assert _DIFFERENT["empty-list"]
    else:
        assert values.as_manifest(rendered) == case["result"]
    if "$go" not in json.dumps(case["typed"]):
        assert typed.encoded(rendered) == typed.encoded(typed.decoded(case["typed"]))


@pytest.mark.parametrize("case", typed.cases("cel", lambda case: "extensions" in case))
def test_template_of_upstreams_own_tests_renders_as_recorded(case: dict[str, Any]) -> None:
    _skip_if_different(case)
    dialect = Dialect.COMPONENT if case["extensions"] else Dialect.BASE
    scope = template.Scope(typed.decoded(case["vars"]), dialect)
    source = typed.decoded(case["template"])
    if case["error"]:
        with pytest.raises(RenderError) as failure:
            scope.render(source)
        assert failure.value.message == case["error"]
        return

    rendered = values.without_omitted(scope.render(source))

    assert typed.encoded(rendered) == typed.encoded(typed.decoded(case["typed"]))
