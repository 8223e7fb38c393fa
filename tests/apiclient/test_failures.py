"""Failed answers as exceptions."""

from __future__ import annotations

import json

from choreo_local import errors
from choreo_local.apiclient import failures


def _answer(status: int, **content: object) -> errors.ChoreoError:
    return failures.from_answer(status, json.dumps(content).encode())


def test_an_answer_of_the_api_becomes_the_error_of_its_status() -> None:
    error = _answer(404, error="Component not found", code="NOT_FOUND")
    assert type(error) is errors.NotFoundError
    assert error.message == "Component not found"


def test_causes_and_remedy_are_kept() -> None:
    error = _answer(
        422,
        error="cannot promote",
        code="UNPROCESSABLE_CONTENT",
        remedy="Promote to staging first",
        causes=[{"field": "to", "message": "not a target", "reason": "FieldValueInvalid"}],
    )
    assert isinstance(error, errors.InvalidError)
    assert error.remedy == "Promote to staging first"
    assert error.causes == (errors.Cause("FieldValueInvalid", "not a target", "to"),)


def test_a_name_that_is_taken_is_told_from_other_conflicts() -> None:
    taken = _answer(409, error="Project already exists", code="CONFLICT")
    changed = _answer(409, error="staging has another release", code="CONFLICT")
    assert type(taken) is errors.AlreadyExistsError
    assert type(changed) is errors.ConflictError


def test_a_refusal_ends_a_command_with_its_own_exit_code() -> None:
    error = _answer(409, error="cannot roll back", code="CONFLICT", reason="Refused", remedy="Do x")
    assert type(error) is errors.RefusedError
    assert (error.exit_code, error.remedy) == (3, "Do x")


def test_a_bad_token_says_how_to_get_a_good_one() -> None:
    error = _answer(401, error="INVALID_TOKEN", message="invalid or expired token")
    assert isinstance(error, errors.UnauthorizedError)
    assert error.message == "invalid or expired token"
    assert "choreo env" in error.remedy


def test_an_answer_that_is_not_json_is_shown_as_it_is() -> None:
    assert failures.from_answer(404, b"404 page not found\n").message == "404 page not found"
    assert failures.from_answer(502, b"").message == "the API answered 502"
