"""Values, templates and passwords of ExternalSecrets."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from choreo_local.embedded.addons import gotemplates, passwords, secretplans
from choreo_local.embedded.addons.gotemplates import TemplateError
from choreo_local.embedded.addons.passwords import PasswordError
from choreo_local.embedded.addons.secretplans import Store, SyncError

NOW = datetime(2030, 1, 1, tzinfo=UTC)
CONTENT: Mapping[str, Mapping[str, bytes]] = {
    "plain": {"value": b"v"},
    "team/db": {"user": b"u", "password": b"p"},
    "json": {"value": b'{"a": "b", "n": 5}'},
}


def values(**spec: Any) -> dict[str, bytes]:
    store = Store(CONTENT.get, sorted(CONTENT), lambda generator: {"password": b"x"})
    return secretplans.values(spec, store)


def test_key_without_property_is_its_value_or_all_properties() -> None:
    data = [
        {"secretKey": "A", "remoteRef": {"key": "plain"}},
        {"secretKey": "B", "remoteRef": {"key": "team/db"}},
    ]
    assert values(data=data) == {"A": b"v", "B": b'{"password":"p","user":"u"}'}


def test_many_values_at_once() -> None:
    assert values(dataFrom=[{"extract": {"key": "team/db"}}]) == {"user": b"u", "password": b"p"}
    inner = {"extract": {"key": "json", "property": "value"}}
    assert values(dataFrom=[inner]) == {"a": b"b", "n": b"5"}
    found = values(dataFrom=[{"find": {"name": {"regexp": "^p"}}}])
    assert found == {"plain": b"v"}


@pytest.mark.parametrize(
    ("entry", "message"),
    [
        ({"extract": {"key": "no"}}, 'key "no" does not exist in the secret store'),
        ({"extract": {"key": "plain", "property": "value"}}, "holds no JSON object"),
        ({"extract": {"key": "plain", "property": "x"}}, 'key "plain" has no property "x"'),
        ({"find": {"name": {"regexp": "("}}}, "bad regular expression"),
        ({}, "names neither extract, find nor a generator"),
    ],
)
def test_what_is_missing_is_named(entry: dict[str, Any], message: str) -> None:
    with pytest.raises(SyncError) as caught:
        values(dataFrom=[entry])
    assert message in str(caught.value)


def external(**spec: Any) -> dict[str, Any]:
    return {
        "metadata": {"name": "app", "namespace": "apps", "uid": "u", "generation": 1},
        "spec": spec,
    }


def test_values_are_read_again_after_the_interval() -> None:
    obj = external(refreshInterval="15s", target={"creationPolicy": "None"})
    assert secretplans.refresh_in(obj, None, NOW) == 0
    obj["status"] = secretplans.status(obj, "", NOW)
    assert secretplans.refresh_in(obj, None, NOW) == 15
    assert secretplans.refresh_in(obj, None, NOW + timedelta(minutes=1)) == 0
    once = external(refreshInterval="0", target={"creationPolicy": "None"})
    once["status"] = secretplans.status(once, "", NOW)
    assert secretplans.refresh_in(once, None, NOW) is None
    once["metadata"]["generation"] = 2
    assert secretplans.refresh_in(once, None, NOW) == 0


def test_merging_adds_to_a_secret_of_others() -> None:
    obj = external(target={"name": "theirs", "creationPolicy": "Merge"})
    current = {"metadata": {"name": "theirs"}, "data": {"old": "eA=="}}
    made = secretplans.build_secret(obj, {"new": b"y"}, current)
    assert made is not None
    assert made["data"] == {"old": "eA==", "new": "eQ=="}
    assert made["metadata"] == {"name": "theirs"}
    with pytest.raises(SyncError, match="to merge into does not exist"):
        secretplans.build_secret(obj, {}, None)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("plain", "plain"),
        ("{{ .a }}-{{.b}}", "1-x y"),
        ("{{ .a | b64enc }}", "MQ=="),
        ('{{ "MQ==" | b64dec }}', "1"),
        ('{{ index . "with-dash" }}', "d"),
        ("{{ .b | upper | quote }}", '"X Y"'),
        ("a {{- .a -}} b", "a1b"),
    ],
)
def test_templates(template: str, text: str) -> None:
    known = {"a": "1", "b": "x y", "with-dash": "d"}
    assert gotemplates.render(template, known) == text


@pytest.mark.parametrize(
    "template", ["{{ .missing }}", "{{ if .a }}", "{{ .a | env }}", "{{ .a", '{{ "%%" | b64dec }}']
)
def test_templates_that_cannot_be_evaluated_are_refused(template: str) -> None:
    with pytest.raises(TemplateError):
        gotemplates.render(template, {"a": "1"})


def test_passwords_are_as_described_and_different() -> None:
    spec = {"length": 20, "digits": 5, "symbols": 3, "symbolCharacters": "-_", "allowRepeat": True}
    made = passwords.generate(spec)
    assert len(made) == 20
    assert sum(char in "-_" for char in made) == 3
    assert sum(char.isdigit() for char in made) == 5
    assert passwords.generate(spec) != made
    with pytest.raises(PasswordError):
        passwords.generate({"length": 4, "digits": 5, "symbols": 0})
    with pytest.raises(PasswordError):
        passwords.generate({"length": 20, "digits": 11, "symbols": 0, "allowRepeat": False})
