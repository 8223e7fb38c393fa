"""Domain errors to answers."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from choreo_local import errors
from choreo_local.apiclient import failures
from choreo_local.apiserver import problems


def _classes(cls: type[errors.ChoreoError]) -> Iterator[type[errors.ChoreoError]]:
    yield cls
    for below in cls.__subclasses__():
        if below.__module__ == errors.__name__:
            yield from _classes(below)


_TREE = list(dict.fromkeys(_classes(errors.ChoreoError)))


@pytest.mark.parametrize("cls", _TREE, ids=lambda cls: cls.__name__)
def test_every_error_has_an_answer(cls: type[errors.ChoreoError]) -> None:
    response = problems.answer(cls("cannot do it"), path="/api/v1/namespaces")
    body = json.loads(bytes(response.body))
    assert 400 <= response.status_code <= 503
    assert body["error"] in {"cannot do it", "Internal server error"}


@pytest.mark.parametrize(
    "cls",
    [cls for cls in _TREE if cls not in {errors.UnauthorizedError, errors.ChoreoError}],
    ids=lambda cls: cls.__name__,
)
def test_our_paths_keep_message_and_remedy(cls: type[errors.ChoreoError]) -> None:
    response = problems.answer(cls("cannot do it", remedy="Do that"), path="/choreo/v1/status")
    found = failures.from_answer(response.status_code, bytes(response.body))
    assert (found.message, found.remedy) == ("cannot do it", "Do that")
    if issubclass(cls, errors.ApiError):
        assert isinstance(found, errors.ApiError)
        assert found.code == cls.code


def test_inner_failures_of_upstream_paths_are_not_told_to_clients() -> None:
    response = problems.answer(
        errors.UnreachableError("cannot reach /secret/socket"), path="/api/v1/namespaces"
    )
    assert response.status_code == 500
    assert b"secret" not in bytes(response.body)
