"""Names, labels, annotations."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from choreo_local.apimachinery import names

SUBDOMAIN = (
    "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or "
    "'.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used "
    r"for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')"
)
LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and "
    "must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used "
    "for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
QUALIFIED = (
    "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an "
    "alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for "
    "validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')"
)

Check = Callable[[str], list[str]]


@pytest.mark.parametrize(
    ("check", "text"),
    [
        (names.dns1123_label, "web-1"),
        (names.dns1123_subdomain, "a.b-c.d"),
        (names.dns1035_label, "v1"),
        (names.wildcard_dns1123_subdomain, "*.example.com"),
        (names.qualified_name, "example.com/My_name.x"),
        (names.label_value, ""),
        (names.label_value, "My_value.1"),
        (names.path_segment, "system:admin"),
        (names.config_map_key, "KEY_name.x-1"),
        (names.environment_variable, "MY_VAR"),
        (names.http_header, "X-Header"),
        (names.port_name, "http-2"),
    ],
)
def test_a_good_name_has_no_problems(check: Check, text: str) -> None:
    assert check(text) == []


@pytest.mark.parametrize(
    ("check", "text", "problems"),
    [
        (names.dns1123_label, "A", [LABEL]),
        (names.dns1123_label, "a.b", ["must not contain dots"]),
        (names.dns1123_label, "a" * 64, ["must be no more than 63 characters"]),
        (names.dns1123_subdomain, "a b", [SUBDOMAIN]),
        (names.dns1123_subdomain, "a" * 254, ["must be no more than 253 characters"]),
        (names.qualified_name, "", ["name part must be non-empty", f"name part {QUALIFIED}"]),
        (names.qualified_name, "/a", ["prefix part must be non-empty"]),
        (names.qualified_name, "-x/a", [f"prefix part {SUBDOMAIN}"]),
        (names.qualified_name, "a" * 64, ["name part must be no more than 63 bytes"]),
        (
            names.qualified_name,
            "a/b/c",
            [
                f"a qualified name {QUALIFIED} with an optional DNS subdomain prefix and '/' "
                "(e.g. 'example.com/MyName')"
            ],
        ),
        (names.label_value, "a" * 64, ["must be no more than 63 bytes"]),
        (names.path_segment, ".", ["may not be '.'"]),
        (names.path_segment, "..", ["may not be '..'"]),
        (names.path_segment, "a/b%c", ["may not contain '/'", "may not contain '%'"]),
        (names.config_map_key, ".", ["must not be '.'"]),
        (names.config_map_key, "..", ["must not be '..'"]),
        (names.config_map_key, "..a", ["must not start with '..'"]),
        (names.config_map_key, "a" * 254, ["must be no more than 253 characters"]),
        (names.port_name, "1", ["must contain at least one letter (a-z)"]),
        (names.port_name, "a--b", ["must not contain consecutive hyphens"]),
        (names.port_name, "-a", ["must not begin or end with a hyphen"]),
        (names.port_name, "a" * 16, ["must be no more than 15 characters"]),
        (
            names.port_name,
            "A",
            [
                "must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)",
                "must contain at least one letter (a-z)",
            ],
        ),
    ],
)
def test_a_bad_name_is_told_why(check: Check, text: str, problems: list[str]) -> None:
    assert check(text) == problems


@pytest.mark.parametrize(
    ("check", "text", "begin"),
    [
        (names.dns1035_label, "1a", "a DNS-1035 label must consist of"),
        (names.wildcard_dns1123_subdomain, "example.com", "a wildcard DNS-1123 subdomain must"),
        (names.label_value, "a b", "a valid label must be an empty string or consist of"),
        (names.config_map_key, "a b", "a valid config key must consist of"),
        (names.environment_variable, "1A", "a valid environment variable name must consist of"),
        (names.http_header, "a b", "a valid HTTP header must consist of"),
    ],
)
def test_each_grammar_explains_itself(check: Check, text: str, begin: str) -> None:
    (problem,) = check(text)

    assert problem.startswith(begin)
    assert "regex used for validation is '" in problem


def test_long_names_of_every_grammar_are_refused() -> None:
    assert names.dns1035_label("a" * 64) == ["must be no more than 63 characters"]
    assert names.wildcard_dns1123_subdomain("*." + "a" * 252) == [
        "must be no more than 253 characters"
    ]


def test_a_pattern_without_examples_is_explained_without_them() -> None:
    assert names.regex_error("must fit", "a+") == "must fit (regex used for validation is 'a+')"


def test_labels_are_checked_by_key_and_value() -> None:
    found = names.label_errors({"a b": "c", "d": "e f"}, "metadata.labels")

    assert [(error.field, error.value) for error in found] == [
        ("metadata.labels", "a b"),
        ("metadata.labels", "e f"),
    ]


def test_annotations_are_checked_by_key_and_size() -> None:
    assert names.annotation_errors({"Example.COM/Key": "any value\n"}, "f") == []
    assert [error.value for error in names.annotation_errors({"a b": "c"}, "f")] == ["a b"]
    (large,) = names.annotation_errors({"a": "x" * 262144}, "metadata.annotations")
    assert large.message == "Too long: may not be more than 262144 bytes"


def test_a_generated_name_is_a_label_whatever_the_base() -> None:
    assert names.generate("web-").startswith("web-")
    assert len(names.generate("web-")) == 9
    assert names.dns1123_label(names.generate("x" * 100)) == []


def test_a_shortened_name_is_stable_and_tells_long_names_apart() -> None:
    long = "component-" * 10

    assert names.shorten("short", 20) == "short"
    assert names.shorten(long, 30) == names.shorten(long, 30)
    assert len(names.shorten(long, 30)) <= 30
    assert names.shorten(long, 30) != names.shorten(long + "x", 30)
    assert names.dns1123_label(names.shorten(long, 30)) == []
