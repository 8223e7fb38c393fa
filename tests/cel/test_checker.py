from __future__ import annotations

import pytest

from choreo_local.cel import libraries, types
from choreo_local.cel.environment import Environment
from choreo_local.cel.types import DYN, INT, STRING, Field, Type, list_of, map_of, object_of
from tests.cel.expressions import complaints, type_of

PERSON = object_of(
    "Person",
    {
        "name": STRING,
        "age": INT,
        "friends": list_of(object_of("Friend", {"name": STRING})),
        "labels": map_of(STRING, STRING),
        "__namespace__": Field(STRING, key="namespace"),
    },
)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 2", "int"),
        ("1u", "uint"),
        ("[1, 2]", "list(int)"),
        ("[]", "list(dyn)"),
        ("[1, 'a']", "list(dyn)"),
        ("[1, dyn('a')]", "list(dyn)"),
        ("[null, duration('1s')]", "list(duration)"),
        ("{'a': 1}", "map(string, int)"),
        ("{}", "map(dyn, dyn)"),
        ("[1].map(x, string(x))", "list(string)"),
        ("[1].filter(x, x > 0)", "list(int)"),
        ("{'a': 1}.map(k, k)", "list(string)"),
        ("{'a': 1}.transformMap(k, v, [v])", "map(string, list(int))"),
        ("[[1]].map(x, x[0])", "list(int)"),
        ("true ? 1 : dyn('a')", "dyn"),
        ("[{}.map(c, c, c)] + [{}.map(c, c, c)]", "list(list(bool))"),
        ("{}.map(c, [c, type(c)])", "list(list(dyn))"),
        ("optional.of(1)", "optional_type(int)"),
        ("{'a': 1}.?a", "optional_type(int)"),
        ("[1][?0].orValue(2)", "int"),
        ("[1].all(x, x > 0)", "bool"),
        ("type(1)", "type(int)"),
        ("timestamp('2024-01-01T00:00:00Z') - duration('1h')", "timestamp"),
        ("dyn(1) + 1", "int"),
        ("dyn(1) + dyn(1)", "dyn"),
    ],
)
def test_types_are_deduced(text: str, expected: str) -> None:
    assert type_of(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1 + 'a'", ["1:3 found no matching overload for '_+_' applied to '(int, string)'"]),
        ("x", ["1:1 undeclared reference to 'x' (in container '')"]),
        (
            "x.y(1)",
            [
                f"1:{at} undeclared reference to '{name}' (in container '')"
                for at, name in ((1, "x"), (4, "y"))
            ],
        ),
        ("f(1)", ["1:2 undeclared reference to 'f' (in container '')"]),
        ("'a'.f()", ["1:6 undeclared reference to 'f' (in container '')"]),
        ("1.a", ["1:2 type 'int' does not support field selection"]),
        ("[].length", ["1:3 type 'list(_var0)' does not support field selection"]),
        ("1 && true", ["1:1 expected type 'bool' but found 'int'"]),
        (
            "1 || 'a'",
            [
                "1:1 expected type 'bool' but found 'int'",
                "1:6 expected type 'bool' but found 'string'",
            ],
        ),
        ("[1].all(e, 0)", ["1:12 expected type 'bool' but found 'int'"]),
        (
            "1 ? 2 : 3",
            ["1:3 found no matching overload for '_?_:_' applied to '(int, int, int)'"],
        ),
        (
            "1.map(x, x)",
            [
                "1:1 expression of type 'int' cannot be range of a comprehension"
                " (must be list, map, or dynamic)"
            ],
        ),
        (
            "[].map(x, [].map(y, x in y && y in x))",
            ["1:33 found no matching overload for '@in' applied to '(list(dyn), dyn)'"],
        ),
        (
            "[1].map(x, x, x)",
            ["1:8 found no matching overload for '_?_:_' applied to '(int, list(int), list(int))'"],
        ),
        ("size(1)", ["1:5 found no matching overload for 'size' applied to '(int)'"]),
        (
            "'a'.startsWith(1)",
            ["1:15 found no matching overload for 'startsWith' applied to 'string.(int)'"],
        ),
        ("int{}", ["1:4 'int' is not a message type"]),
        ("Nothing{}", ["1:8 undeclared reference to 'Nothing' (in container '')"]),
        ("[?1]", ["1:3 expected type 'optional_type(int)' but found 'int'"]),
        ("has(1)", ["1:5 invalid argument to has() macro"]),
        ("[1].map(x.y, 1)", ["1:10 argument is not an identifier"]),
        ("[1].all(1, true)", ["1:9 argument must be a simple name"]),
    ],
)
def test_complaints_are_worded_as_by_upstream(text: str, expected: list[str]) -> None:
    assert complaints(text) == expected


def test_a_variable_is_no_type() -> None:
    assert complaints("s{}", s=STRING) == ["1:2 'string' is not a type"]


def test_every_complaint_is_reported() -> None:
    assert complaints("a + b\n + c") == [
        "1:1 undeclared reference to 'a' (in container '')",
        "1:5 undeclared reference to 'b' (in container '')",
        "2:4 undeclared reference to 'c' (in container '')",
    ]


def test_a_hundred_complaints_are_shown() -> None:
    found = complaints(" + ".join(["x"] * 150))

    assert len(found) == 100


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p.name", "string"),
        ("p.age + 1", "int"),
        ("p.friends.map(f, f.name)", "list(string)"),
        ("p.labels.app", "string"),
        ("has(p.age)", "bool"),
        ("p.?name.orValue('')", "string"),
        ("p.__namespace__", "string"),
    ],
)
def test_fields_of_objects_have_types(text: str, expected: str) -> None:
    assert type_of(text, p=PERSON) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("p.nme", ["1:2 undefined field 'nme'"]),
        ("has(p.nme)", ["1:4 undefined field 'nme'"]),
        ("p.friends[0].age", ["1:13 undefined field 'age'"]),
        ("p.namespace", ["1:2 undefined field 'namespace'"]),
        (
            "p.age == p.name",
            ["1:7 found no matching overload for '_==_' applied to '(int, string)'"],
        ),
        ("p['name']", ["1:2 found no matching overload for '_[_]' applied to '(Person, string)'"]),
    ],
)
def test_other_fields_are_refused(text: str, expected: list[str]) -> None:
    assert complaints(text, p=PERSON) == expected


def test_objects_of_equal_fields_are_of_one_type() -> None:
    again = object_of("Friend", {"name": STRING})

    assert type_of("p.friends + [f]", p=PERSON, f=again) == "list(Friend)"


def test_a_variable_of_a_loop_hides_another() -> None:
    assert type_of("[1].map(x, x)", x=STRING) == "list(int)"
    assert type_of("[1].map(x, .x)", x=STRING) == "list(string)"


def test_names_are_looked_up_in_the_container_first() -> None:
    variables: dict[str, Type] = {"a.b.x": INT, "a.x": STRING, "x": DYN}

    def deduced(text: str) -> str:
        return str(Environment(variables, container="a.b").compile(text).result_type)

    assert deduced("x") == "int"
    assert deduced(".a.x") == "string"
    assert deduced(".x") == "dyn"


def test_literals_may_be_required_to_be_uniform() -> None:
    strict = Environment(libraries=libraries.KUBERNETES)

    assert complaints("[1, 'a']", strict) == ["1:5 expected type 'int' but found 'string'"]
    assert complaints("{1: 1, 2: 'a'}", strict) == ["1:11 expected type 'int' but found 'string'"]
    assert str(strict.compile("'%d %s'.format([1, 'a'])").result_type) == "string"


def test_a_type_that_grows_without_bound_is_refused() -> None:
    text = "[1]" + ".map(x, {x: x})" * 40

    assert complaints(text) == ["-1:0 type of an expression is too complex"]


def test_types_show_what_they_are_made_of() -> None:
    assert str(map_of(STRING, list_of(types.optional_of(INT)))) == (
        "map(string, list(optional_type(int)))"
    )
    assert repr(list_of(INT)) == "Type(list(int))"
