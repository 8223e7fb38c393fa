"""`choreo auth …` against the API of a real control plane."""

from __future__ import annotations

import json

import pytest

from tests.cli.conftest import Choreo

pytestmark = pytest.mark.timeout(60)


def test_whoami_says_who_and_how_far(developer: Choreo) -> None:
    printed = developer("auth", "whoami")
    assert printed.code == 0
    assert "type     user" in printed.out
    assert "is       groups:developers" in printed.out
    assert " on *" in printed.out
    found = json.loads(developer("auth", "whoami", "-o", "json").out)
    assert found["user"]["entitlement_values"] == ["developers"]


def test_can_i_answers_with_a_word_and_an_exit_code(developer: Choreo) -> None:
    yes = developer("auth", "can-i", "component:create", "--project", "shop")
    assert (yes.code, yes.out) == (0, "yes\n")
    no = developer("auth", "can-i", "namespace:create", "--cluster")
    assert (no.code, no.out) == (1, "no\n")
    found = json.loads(developer("auth", "can-i", "namespace:create", "-o", "json").out)
    assert found["allowed"] is False


def test_why_denied_names_action_scope_and_the_binding_that_came_near(developer: Choreo) -> None:
    printed = developer("auth", "why-denied", "environment:delete", "-n", "acme")
    assert printed.code == 0
    assert "missing environment:delete on ns/acme" in printed.out
    assert 'binding "developer-binding"' in printed.out
    assert "fix: " in printed.out
    allowed = developer("auth", "why-denied", "component:view")
    assert allowed.out.startswith("It is allowed.")


def test_the_owner_may_ask_about_others_and_a_developer_may_not(
    owner: Choreo, developer: Choreo
) -> None:
    question = ("auth", "can-i", "component:delete", "--as", "groups:sres")
    assert owner(*question).out == "no\n"
    printed = developer(*question)
    assert printed.code == 3
    assert "missing clusterauthzrolebinding:view on *" in printed.err


def test_a_command_that_is_forbidden_says_what_is_missing(developer: Choreo) -> None:
    printed = developer("delete", "environment", "staging", "-n", "acme")
    assert printed.code == 3
    assert "missing environment:delete on ns/acme" in printed.err
    assert "choreo auth why-denied environment:delete" in printed.err


def test_what_is_no_action_is_refused_before_anything_is_asked(owner: Choreo) -> None:
    printed = owner("auth", "can-i", "delete")
    assert printed.code == 2
    assert "resource:verb" in printed.err
