"""Which ways are legal for a release, and what a person is told."""

from __future__ import annotations

from typing import Any

import pytest

from choreo_local.errors import ConflictError, InvalidError
from choreo_local.services import moves
from choreo_local.services.moves import Move, Scope
from tests.builders import component, project
from tests.services.objects import STAGES, binding, pipeline, release

_SCOPE = Scope(component(), project("shop"), STAGES)


def _move(bound: dict[str, Any] | None) -> Move:
    return Move(_SCOPE, "development", "staging", release("greeter-2"), bound)


def test_a_release_comes_from_the_environment_before() -> None:
    assert moves.sources(_SCOPE, "production", None) == ["staging"]
    two = Scope(component(), project("shop"), pipeline(("dev", "prod"), ("hotfix", "prod")))
    assert moves.sources(two, "prod", None) == ["dev", "hotfix"]
    assert moves.sources(two, "prod", "hotfix") == ["hotfix"]


@pytest.mark.parametrize(
    ("to", "source", "field", "words"),
    [
        ("development", None, "to", "no way to development"),
        ("nowhere", None, "to", "no way to nowhere"),
        ("production", "development", "from", "no way from development to production"),
    ],
)
def test_an_illegal_way_names_the_legal_ones(
    to: str, source: str | None, field: str, words: str
) -> None:
    with pytest.raises(InvalidError) as caught:
        moves.sources(_SCOPE, to, source)
    assert words in caught.value.message
    assert "development → staging, staging → production" in caught.value.message
    assert caught.value.remedy == "Choose one of: staging, production"
    assert caught.value.causes[0].field == field


@pytest.mark.parametrize(
    ("bound", "words"),
    [
        (None, ["development has never had this component"]),
        (binding(state="Undeploy"), ["development is undeployed"]),
        (binding(release_name="greeter-1"), ["development has another release: greeter-1"]),
        (
            binding(release_name="greeter-2", ready="False", message="pods crash"),
            ["development is not ready: pods crash"],
        ),
        (
            binding(release_name="greeter-2", ready=None),
            ["development is not ready: it waits for the controller"],
        ),
        (binding(release_name="greeter-2"), []),
    ],
)
def test_the_source_is_looked_at(bound: dict[str, Any] | None, words: list[str]) -> None:
    assert moves.source_warnings("development", bound, "greeter-2") == words


def test_the_binding_of_the_target_keeps_its_overrides() -> None:
    bound = binding("staging", "greeter-1", state="Undeploy")
    bound["spec"]["workloadOverrides"] = {"container": {}}
    planned = moves.planned(_move(bound))
    assert planned["metadata"] == bound["metadata"]
    assert planned["spec"] == {
        **bound["spec"],
        "releaseName": "greeter-2",
        "state": "Active",
    }


def test_a_first_binding_has_the_usual_name_and_labels() -> None:
    planned = moves.planned(_move(None))
    assert planned["metadata"] == {
        "name": "greeter-staging",
        "namespace": "default",
        "labels": {"openchoreo.dev/project": "shop", "openchoreo.dev/component": "greeter"},
    }
    assert planned["spec"] == {
        "owner": {"projectName": "shop", "componentName": "greeter"},
        "environment": "staging",
        "releaseName": "greeter-2",
    }


@pytest.mark.parametrize(
    ("bound", "expected", "fits"),
    [
        (None, None, True),
        (None, "greeter-1", False),
        (binding("staging", "greeter-1"), "greeter-1", True),
        (binding("staging", "greeter-1"), None, False),
        (binding("staging", "greeter-1"), moves.UNCHECKED, True),
    ],
)
def test_what_the_caller_saw_must_still_be_so(
    bound: dict[str, Any] | None, expected: moves.Expected, fits: bool
) -> None:
    if fits:
        moves.check_expected(_move(bound), expected)
        return
    with pytest.raises(ConflictError, match="by now, not"):
        moves.check_expected(_move(bound), expected)


def test_what_was_never_deployed_says_how_to_deploy() -> None:
    error = moves.not_deployed(_SCOPE, "staging")
    assert error.remedy == "Bring it there: choreo promote greeter --to staging"
    error = moves.not_deployed(_SCOPE, "moon")
    assert error.remedy == "Choose one of: development, staging, production"
