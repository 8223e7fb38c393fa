"""Label and field selectors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery import selectors
from choreo_local.apimachinery.requirements import Operator, Requirement
from choreo_local.errors import BadRequestError

VALUE_TEXT = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  "
    "or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


@pytest.mark.parametrize(
    ("text", "labels", "selected"),
    [
        ("", {}, True),
        ("  ", {}, True),
        ("app=web", {"app": "web"}, True),
        ("app==web", {"app": "db"}, False),
        ("app!=web", {}, True),
        ("app!=web", {"app": "web"}, False),
        ("app", {"app": ""}, True),
        ("app", {}, False),
        ("!app", {}, True),
        ("! app", {"app": "x"}, False),
        ("app in ( web , db )", {"app": "db"}, True),
        ("app in (web)", {}, False),
        ("app in ()", {"app": ""}, True),
        ("app in (a,,b)", {"app": ""}, True),
        ("app in (,)", {"app": ""}, True),
        ("app notin (web)", {}, True),
        ("app notin (web)", {"app": "web"}, False),
        ("in in (in,notin)", {"in": "notin"}, True),
        ("n>1", {"n": "2"}, True),
        ("n>1", {"n": "1"}, False),
        ("n<5", {"n": "4"}, True),
        ("n<5", {}, False),
        ("n>1", {"n": "x"}, False),
        ("e=", {"e": ""}, True),
        ("a=b,c=d", {"a": "b"}, False),
        ("a=b,!c,d in (e)", {"a": "b", "d": "e"}, True),
    ],
)
def test_objects_are_selected_by_their_labels(
    text: str, labels: dict[str, str], selected: bool
) -> None:
    assert selectors.parse_labels(text).matches(labels) is selected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("app===web", "unable to parse requirement: found '=', expected: identifier"),
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("app=web,", "found '', expected: identifier after ','"),
        ("!", "unable to parse requirement: found '', expected: identifier"),
        ("=web", "found '=', expected: !, identifier, or 'end of string'"),
        ("a=b c", "found 'c', expected: ',' or 'end of string'"),
        ("!a=b", "found '=', expected: ',' or 'end of string'"),
        (
            "a b",
            "unable to parse requirement: found 'b', expected: in, notin, =, ==, !=, gt, lt",
        ),
        ("a in (b", "unable to parse requirement: found '', expected: ',' or ')'"),
        ("a in (b c)", "unable to parse requirement: found 'c', expected: ',' or ')'"),
        ("a in (=", "unable to parse requirement: found '=', expected: ',', ')' or identifier"),
        (
            "app=$",
            f'unable to parse requirement: values[0][app]: Invalid value: "$": {VALUE_TEXT}',
        ),
        (
            "n>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' "
            "operators, the value must be an integer",
        ),
    ],
)
def test_a_malformed_label_selector_is_refused_with_the_servers_words(
    text: str, problem: str
) -> None:
    with pytest.raises(BadRequestError) as failure:
        selectors.parse_labels(text)

    assert failure.value.message == problem


def test_a_bad_key_is_refused_before_the_rest_is_read() -> None:
    with pytest.raises(BadRequestError) as failure:
        selectors.parse_labels("-x/app in")

    assert failure.value.message.startswith(
        'unable to parse requirement: <nil>: Invalid value: "-x/app": prefix part a lowercase'
    )


def test_several_problems_of_a_requirement_are_told_together() -> None:
    with pytest.raises(BadRequestError) as failure:
        selectors.parse_labels("a in ($,%)")

    message = failure.value.message
    assert message.startswith("unable to parse requirement: [values[0][a]: Invalid value:")
    assert "values[1][a]" in message


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("b=1,a", "a,b=1"),
        ("a notin (z,y)", "a notin (y,z)"),
        ("a in (x)", "a in (x)"),
        ("a==b", "a==b"),
        ("a!=b", "a!=b"),
        ("!a", "!a"),
        ("a>1,b<2", "a>1,b<2"),
    ],
)
def test_a_selector_prints_sorted_and_reads_back(text: str, printed: str) -> None:
    selector = selectors.parse_labels(text)

    assert str(selector) == printed
    assert selectors.parse_labels(printed) == selector


KEYS = st.sampled_from(["app", "tier", "example.com/x", "in", "notin"])
VALUES = st.sampled_from(["", "a", "b-c", "in", "1"])
REQUIREMENTS = st.one_of(
    st.builds(
        lambda key, operator, values: Requirement(key, operator, tuple(sorted(values))),
        KEYS,
        st.sampled_from([Operator.IN, Operator.NOT_IN]),
        st.sets(VALUES, min_size=1),
    ),
    st.builds(
        lambda key, operator, value: Requirement(key, operator, (value,)),
        KEYS,
        st.sampled_from([Operator.EQUALS, Operator.DOUBLE_EQUALS, Operator.NOT_EQUALS]),
        VALUES,
    ),
    st.builds(Requirement, KEYS, st.sampled_from([Operator.EXISTS, Operator.DOES_NOT_EXIST])),
)


@settings(max_examples=100, deadline=None)
@given(st.lists(REQUIREMENTS, max_size=4))
def test_every_selector_reads_back_from_its_text(requirements: list[Requirement]) -> None:
    selector = selectors.ordered(requirements)

    assert selectors.parse_labels(str(selector)) == selector


def test_everything_nothing_and_the_selector_of_a_service() -> None:
    assert selectors.EVERYTHING.matches(None)
    assert selectors.EVERYTHING.is_empty
    assert not selectors.NOTHING.matches({"a": "b"})
    assert not selectors.NOTHING.is_empty
    assert selectors.from_map({"a": "b"}).matches({"a": "b", "c": "d"})
    assert selectors.from_map(None).is_empty


@pytest.mark.parametrize(
    ("selector", "labels", "selected"),
    [
        (None, {}, False),
        ({}, {}, True),
        ({"matchLabels": {"a": "b"}}, {"a": "b"}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Exists"}]}, {"a": ""}, True),
        ({"matchExpressions": [{"key": "a", "operator": "DoesNotExist"}]}, {"a": ""}, False),
        (
            {
                "matchLabels": {"x": "y"},
                "matchExpressions": [{"key": "a", "operator": "In", "values": ["b"]}],
            },
            {"a": "b", "x": "y"},
            True,
        ),
        (
            {"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["b"]}]},
            {"a": "b"},
            False,
        ),
    ],
)
def test_a_selector_in_an_object_is_read(
    selector: dict[str, Any] | None, labels: dict[str, str], selected: bool
) -> None:
    assert selectors.from_dict(selector).matches(labels) is selected


def test_an_unknown_operator_in_an_object_is_refused() -> None:
    with pytest.raises(BadRequestError, match='"Foo" is not a valid label selector operator'):
        selectors.from_dict({"matchExpressions": [{"key": "a", "operator": "Foo"}]})


@pytest.mark.parametrize(
    ("expression", "field", "message"),
    [
        (
            {"key": "a", "operator": "In"},
            "f.matchExpressions[0].values",
            "Required value: must be specified when `operator` is 'In' or 'NotIn'",
        ),
        (
            {"key": "a", "operator": "Exists", "values": ["b"]},
            "f.matchExpressions[0].values",
            "Forbidden: may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
        ),
        (
            {"key": "a", "operator": "Foo"},
            "f.matchExpressions[0].operator",
            'Invalid value: "Foo": not a valid selector operator',
        ),
        (
            {"key": "a", "operator": "In", "values": ["$"]},
            "f.matchExpressions[0].values[0]",
            f'Invalid value: "$": {VALUE_TEXT}',
        ),
    ],
)
def test_the_problems_of_a_selector_in_an_object_are_located(
    expression: dict[str, Any], field: str, message: str
) -> None:
    (error,) = selectors.errors_of({"matchExpressions": [expression]}, "f")

    assert (error.field, error.message) == (field, message)


def test_the_keys_of_a_selector_in_an_object_are_checked() -> None:
    selector = {
        "matchLabels": {"a b": "c"},
        "matchExpressions": [{"key": "d e", "operator": "Exists"}],
    }

    assert [error.field for error in selectors.errors_of(selector, "f")] == [
        "f.matchLabels",
        "f.matchExpressions[0].key",
    ]
    assert selectors.errors_of({"matchLabels": {"a": "b"}}, "f") == []


@pytest.mark.parametrize(
    ("text", "fields", "selected"),
    [
        ("", {}, True),
        ("metadata.name=a", {"metadata.name": "a"}, True),
        ("metadata.name==a", {"metadata.name": "b"}, False),
        ("metadata.name!=a", {"metadata.name": "b"}, True),
        ("metadata.name=a,", {"metadata.name": "a"}, True),
        ("metadata.name=", {}, True),
        (r"x=a\,b\=c\\", {"x": r"a,b=c" + "\\"}, True),
        ("a=1,b!=2", {"a": "1", "b": "2"}, False),
    ],
)
def test_objects_are_selected_by_their_fields(
    text: str, fields: dict[str, str], selected: bool
) -> None:
    assert selectors.parse_fields(text).matches(fields) is selected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("foo", "invalid selector: 'foo'; can't understand 'foo'"),
        ("a=b,c in (d)", "invalid selector: 'a=b,c in (d)'; can't understand 'c in (d)'"),
        (r"a=\x", r"invalid field selector: invalid escape sequence: \x"),
        ("a=b" + "\\", "invalid field selector: invalid escape sequence: \\"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
    ],
)
def test_a_malformed_field_selector_is_refused(text: str, problem: str) -> None:
    with pytest.raises(BadRequestError) as failure:
        selectors.parse_fields(text)

    assert failure.value.message == problem


def test_a_field_selector_tells_what_it_pins() -> None:
    selector = selectors.parse_fields("a=1,b!=2")

    assert selector.exact("a") == "1"
    assert selector.exact("b") is None
    assert selector.exact("c") is None
    assert not selector.is_empty
    assert selectors.parse_fields("").is_empty


@settings(max_examples=100, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(["a", "b.c"]), st.text(max_size=5)), max_size=3))
def test_every_field_selector_reads_back_from_its_text(pairs: list[tuple[str, str]]) -> None:
    selector = selectors.FieldSelector(
        tuple(selectors.FieldRequirement(field, value) for field, value in pairs)
    )

    assert selectors.parse_fields(str(selector)) == selector
