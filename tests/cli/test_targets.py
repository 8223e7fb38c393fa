"""KIND NAME and KIND/NAME."""

from __future__ import annotations

import pytest

from choreo_local.cli import targets
from choreo_local.errors import UsageError


@pytest.mark.parametrize(
    ("kind", "name", "meant"),
    [
        ("component", None, ("component", None)),
        ("component", "greeter", ("component", "greeter")),
        ("component/greeter", None, ("component", "greeter")),
        ("deployments.apps/x", None, ("deployments.apps", "x")),
    ],
)
def test_both_ways_to_name_an_object_mean_the_same(
    kind: str, name: str | None, meant: tuple[str, str | None]
) -> None:
    assert targets.parse(kind, name) == meant


@pytest.mark.parametrize(
    ("kind", "name"),
    [("a/b", "c"), ("a/", None), ("/b", None), ("a/b/c", None), ("/", None), ("a,b", None)],
)
def test_what_names_no_object_is_wrong_usage(kind: str, name: str | None) -> None:
    with pytest.raises(UsageError) as refused:
        targets.parse(kind, name)
    assert refused.value.remedy


def test_a_name_can_be_required() -> None:
    assert targets.required("component/greeter", None) == ("component", "greeter")
    with pytest.raises(UsageError, match="say which component is meant"):
        targets.required("component", None)


def test_what_is_absent_is_named_with_where_to_look() -> None:
    error = targets.absent("Component", "x", "shop")
    assert error.message == 'component "x" not found in namespace "shop"'
    assert error.remedy == "See which there are: choreo get component -n shop"
    assert targets.absent("Namespace", "x", None).message == 'namespace "x" not found'
