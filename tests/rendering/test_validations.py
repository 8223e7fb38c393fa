"""Rules before and after rendering."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.rendering import validations
from choreo_local.rendering.errors import RenderError
from choreo_local.rendering.targets import RenderedResource
from choreo_local.rendering.template import Scope
from choreo_local.rendering.validations import PostRender

SCOPE = Scope({"parameters": {"n": 3.0, "routes": ["a", "b"]}})
ROUTE = RenderedResource(
    {"apiVersion": "g/v1", "kind": "Route", "metadata": {"name": "a"}, "spec": {"n": 3.0}}
)


def after(**validation: Any) -> str:
    target = {"group": "g", "version": "v1", "kind": "Route", **validation.pop("target", {})}
    pending = [PostRender("Trait t/i", SCOPE, [{"target": target, **validation}])]
    try:
        validations.check_after(pending, [ROUTE])
    except RenderError as error:
        return error.message
    return ""


def test_all_failing_rules_are_reported_together() -> None:
    rules = [
        {"rule": "${parameters.n > 5}", "message": "too low"},
        {"rule": "${parameters.n > 1}", "message": "fine"},
        {"rule": "${parameters.n}", "message": "-"},
        {"rule": "${parameters.nope}", "message": "-"},
    ]

    with pytest.raises(RenderError) as failure:
        validations.check_before(SCOPE, rules)

    assert failure.value.message.split("; ") == [
        'rule[0] "${parameters.n > 5}" evaluated to false: too low',
        'rule[2] "${parameters.n}" must evaluate to boolean, got float64',
        'rule[3] "${parameters.nope}" evaluation error: CEL evaluation error in expression '
        "'parameters.nope': no such key: nope",
    ]


def test_long_rules_are_cut_in_messages() -> None:
    rule = "${false" + " || false" * 40 + "}"

    with pytest.raises(RenderError) as failure:
        validations.check_before(SCOPE, [{"rule": rule, "message": "m"}])

    assert f'"{rule[:120]}..."' in failure.value.message


def test_former_name_of_the_rules_counts_when_the_new_one_is_absent() -> None:
    former, current = [{"rule": "former"}], [{"rule": "current"}]

    assert validations.rules_before({"validations": former}) == former
    both = {"validations": former, "preRenderValidations": current}
    assert validations.rules_before(both) == current


def test_rule_is_checked_against_each_selected_manifest() -> None:
    assert after(rule="${resource.spec.n == 3}", message="m") == ""
    assert after(rule="${resource.spec.n == 4}", message="m") == (
        '"Trait t/i" post-render validation on Route/a failed: m'
    )


def test_target_must_match_unless_it_says_otherwise() -> None:
    missing = {"where": "${resource.metadata.name == 'zz'}"}

    assert after(target=missing, rule="${true}") == (
        '"Trait t/i" post-render validation: no resource matched target g/v1/Route'
    )
    assert after(target={**missing, "mustMatch": False}, rule="${true}") == ""


def test_loop_checks_each_item_and_shows_which_failed() -> None:
    message = after(
        forEach="${parameters.routes}",
        var="route",
        target={"where": "${resource.metadata.name == route}"},
        rule="${true}",
    )

    assert message.endswith("no resource matched target g/v1/Route (forEach route=b)")


def test_validation_that_does_not_apply_is_skipped() -> None:
    assert after(when="${parameters.n > 5}", rule="${false}", message="m") == ""
    assert "when evaluation error" in after(when="${parameters.nope}", rule="${true}")


@pytest.mark.parametrize(
    ("validation", "text"),
    [
        ({"forEach": "${1}", "rule": "${true}"}, "forEach evaluation error: forEach must evaluate"),
        ({"target": {"where": "${resource.no}"}}, "where evaluation error: CEL evaluation error"),
        ({"rule": "${1}"}, "on Route/a rule must evaluate to boolean, got int64"),
        ({"rule": "${resource.no}"}, "on Route/a evaluation error: CEL evaluation error"),
    ],
)
def test_rule_that_cannot_be_judged_fails(validation: dict[str, Any], text: str) -> None:
    assert text in after(**validation)
