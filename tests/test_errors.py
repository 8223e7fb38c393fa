"""The exception tree: every class knows what each front end needs."""

from __future__ import annotations

import inspect

import pytest

from choreo_local import errors
from choreo_local.errors import ApiError, Cause, ChoreoError

ALL = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass) if issubclass(kind, ChoreoError)
]


@pytest.mark.parametrize("kind", ALL)
def test_every_error_has_a_message_a_remedy_and_an_exit_code(kind: type[ChoreoError]) -> None:
    error = kind("cannot do it: why", remedy="Do something else")

    assert (str(error), error.message, error.remedy) == (
        "cannot do it: why",
        "cannot do it: why",
        "Do something else",
    )
    assert kind("m").remedy == ""
    assert kind.exit_code in (1, 2, 3, 4)


@pytest.mark.parametrize("kind", ALL)
def test_every_error_is_drawn_in_the_tree(kind: type[ChoreoError]) -> None:
    assert errors.__doc__ is not None
    lines = [line.split() for line in errors.__doc__.splitlines()]
    (drawn,) = [words for words in lines if kind.__name__ in words]
    if issubclass(kind, ApiError) and kind is not ApiError:
        assert str(kind.code) in drawn
        assert kind.default_reason in drawn


@pytest.mark.parametrize(
    ("kind", "code"),
    [
        (errors.UsageError, 2),
        (errors.RefusedError, 3),
        (errors.ForbiddenError, 3),
        (errors.WaitTimeoutError, 4),
        (errors.TimeoutApiError, 4),
        (errors.PreflightError, 1),
        (errors.NotFoundError, 1),
    ],
)
def test_exit_codes_are_the_documented_ones(kind: type[ChoreoError], code: int) -> None:
    assert kind.exit_code == code


def test_an_api_error_carries_what_a_status_carries() -> None:
    causes = [Cause("FieldValueInvalid", "m", "spec.a")]
    details = {"name": "a"}
    error = errors.InvalidError("m", causes=causes, details=details)
    causes.clear()
    details.clear()

    assert (error.code, error.reason) == (422, "Invalid")
    assert error.causes == (Cause("FieldValueInvalid", "m", "spec.a"),)
    assert error.details == {"name": "a"}


def test_a_reason_may_differ_from_the_usual_one_or_be_left_out() -> None:
    assert errors.ConflictError("m", reason="Other").reason == "Other"
    assert errors.ConflictError("m", reason="").reason == ""
    assert errors.ConflictError("m").reason == "Conflict"


def test_a_code_finds_its_error() -> None:
    assert all(kind.code == code for code, kind in errors.BY_CODE.items())
    assert errors.BY_CODE[409] is errors.ConflictError
