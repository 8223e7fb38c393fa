"""Bodies that the API's server and client share."""

from __future__ import annotations

import pytest

from choreo_local.api import rest


def test_every_code_has_a_status() -> None:
    assert set(rest.HTTP_STATUS) == set(rest.ErrorCode)


def test_an_error_body_without_details_has_two_members() -> None:
    body = rest.ErrorResponse(error="Project not found", code=rest.ErrorCode.NOT_FOUND)
    assert body.to_dict() == {"error": "Project not found", "code": "NOT_FOUND"}


def test_the_last_page_has_no_cursor() -> None:
    body = rest.ListResponse(items=[{"a": 1}], pagination=rest.Pagination())
    assert body.to_dict() == {"items": [{"a": 1}], "pagination": {}}


def test_a_page_says_where_the_next_begins() -> None:
    read = rest.ListResponse.model_validate({"items": [], "pagination": {"nextCursor": "x"}})
    assert read.pagination.next_cursor == "x"


@pytest.mark.parametrize(("limit", "size"), [(None, 20), (0, 1), (-3, 1), (7, 7), (500, 100)])
def test_limits_are_brought_into_bounds(limit: int | None, size: int) -> None:
    assert rest.page_size(limit) == size


def test_inner_metadata_is_not_shown() -> None:
    metadata = {"name": "a", "uid": "u", "resourceVersion": "1", "finalizers": ["x"]}
    assert rest.shown_metadata(metadata) == {"name": "a", "uid": "u"}
    assert set(rest.METADATA_FIELDS) == {
        field.alias for field in rest.ApiMetadata.model_fields.values()
    }
