"""The file that names issuers elsewhere: what it may say, and what it must not."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from choreo_local.errors import PreflightError
from choreo_local.identity import issuers
from choreo_local.identity.claims import SUBJECT_TYPES, translated

_WHOLE = """
subjects:
  service_account:
    display_name: Program
    priority: 20
    mechanisms: {jwt: {entitlement: {claim: sub, display_name: Name}}}
  user:
    priority: 10
    mechanisms: {jwt: {entitlement: {claim: groups}}}
issuers:
  - url: https://idp.example/realms/dev
    audiences: [openchoreo-api]
    algorithms: [ES256, RS256]
    entitlements: {groups: realm_access.roles}
    prefix: "corp:"
"""


def _written(folder: Path, text: str) -> Path:
    file = folder / "identity.yaml"
    file.write_text(text)
    return file


def test_without_a_file_nobody_elsewhere_is_trusted(tmp_path: Path) -> None:
    found = issuers.load(tmp_path / "identity.yaml")
    assert (found.issuers, found.subject_types) == ((), SUBJECT_TYPES)
    with pytest.raises(PreflightError, match="does not exist"):
        issuers.load(tmp_path / "identity.yaml", must_exist=True)


def test_subjects_are_asked_by_their_priority(tmp_path: Path) -> None:
    found = issuers.load(_written(tmp_path, _WHOLE))
    (trusted,) = found.issuers
    assert trusted.algorithms == ("ES256", "RS256")
    assert [(kind.name, kind.claim, kind.priority) for kind in found.subject_types] == [
        ("user", "groups", 10),
        ("service_account", "sub", 20),
    ]


_ISSUER = "issuers: [{url: 'https://a.example', audiences: [x], %s}]"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("issuers: [{url: 'https://a.example'}]", "audiences"),
        ("issuers: [{url: 'https://a.example', audiences: []}]", "audiences"),
        ("issuers: [{url: 'http://a.example', audiences: [x]}]", "HTTPS"),
        ("issuers: [{url: 'https://u:p@a.example', audiences: [x]}]", "HTTPS"),
        ("issuers: [{url: 'file:///etc/keys', audiences: [x]}]", "HTTPS"),
        (_ISSUER % "jwks_url: 'http://127.0.0.1.evil.example/k'", "HTTPS"),
        (_ISSUER % "jwks_url: 'https://a.example/k', jwks_file: k.json", "exclude"),
        (_ISSUER % "jwks_file: missing.json", "there is no file"),
        (_ISSUER % "algorithms: [none]", "must be some of"),
        (_ISSUER % "algorithms: [HS256]", "must be some of"),
        (_ISSUER % "algorithms: []", "must be some of"),
        (_ISSUER % "entitlements: {choreo.dev/owner: x}", "owner of the instance"),
        (_ISSUER % "jwks: x", "jwks"),
        (
            "subjects: {u: {priority: 1, mechanisms: {jwt: {entitlement: "
            "{claim: choreo.dev/owner}}}}}",
            "owner of the instance",
        ),
        (
            "subjects: {u: &x {priority: 1, mechanisms: {jwt: {entitlement: {claim: c}}}}, v: *x}",
            "same priority",
        ),
        (
            "issuers: [{url: 'https://a.example', audiences: [x]}, "
            "{url: 'https://a.example', audiences: [y]}]",
            "twice",
        ),
        ("[]", "valid dictionary"),
        ("{", "cannot read"),
    ],
)
def test_what_would_not_be_safe_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(PreflightError, match=problem):
        issuers.load(_written(tmp_path, text))


def test_claims_take_our_names_and_the_mark_of_their_issuer() -> None:
    given = {"sub": "ada", "groups": ["admins"], "realm_access": {"roles": ["dev", ""]}, "exp": 5}
    found = translated(given, {"groups": "realm_access.roles"}, "corp:")
    assert (found["sub"], found["groups"]) == ("corp:ada", ["corp:dev"])
    # A claim that is named comes from nowhere else.
    assert "groups" not in translated({"groups": ["admins"]}, {"groups": "roles"}, "")
    named = {"https://idp.example/groups": "dev"}
    assert translated(named, {"groups": "https://idp.example/groups"}, "")["groups"] == "dev"
    assert translated({"roles": [1]}, {"groups": "roles.x.y"}, "") == {"roles": [1]}


def test_the_example_of_the_readme_does(tmp_path: Path) -> None:
    readme = Path(__file__).parents[2].joinpath("README.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```yaml\n(issuers:.*?)```", readme, flags=re.DOTALL)
    found = issuers.load(_written(tmp_path, example))
    assert [issuer.url for issuer in found.issuers] == ["https://idp.example/realms/dev"]
    assert tuple(found.subject_types) == SUBJECT_TYPES
