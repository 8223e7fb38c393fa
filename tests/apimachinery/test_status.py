"""Status objects and errors."""

from __future__ import annotations

import pytest

from choreo_local import errors
from choreo_local.apimachinery import status
from choreo_local.errors import ApiError, Cause


@pytest.mark.parametrize("cls", list(errors.BY_CODE.values()))
def test_every_error_survives_as_a_status(cls: type[ApiError]) -> None:
    causes = [Cause("FieldValueInvalid", "m", "spec.a"), Cause("X", "n")]
    error = cls("message", causes=causes, details={"name": "a"})

    found = status.to_error(status.from_error(error))

    assert type(found) is cls
    assert (found.message, found.reason, found.causes, found.details) == (
        "message",
        cls.default_reason,
        tuple(causes),
        {"name": "a"},
    )


def test_the_two_conflicts_are_told_apart() -> None:
    found = status.to_error(status.from_error(errors.AlreadyExistsError("there")))

    assert isinstance(found, errors.AlreadyExistsError)


def test_an_incomplete_answer_is_an_error_all_the_same() -> None:
    assert isinstance(status.to_error({}, code=404), errors.NotFoundError)
    assert status.to_error({}, code=404).message == "the server answered 404"
    assert isinstance(status.to_error({"code": 599}), errors.InternalError)
    assert status.to_error({}).code == 500


def test_an_error_without_reason_or_details_shows_none() -> None:
    found = status.from_error(errors.InternalError("m", reason=""))

    assert "reason" not in found
    assert "details" not in found
