"""What Kubernetes documents of its own CEL libraries."""

from __future__ import annotations

from typing import Any

import pytest

from tests.cel.expressions import evaluate, failure


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("quantity('1Gi').compareTo(quantity('1G'))", 1),
        ("quantity('1Gi').isGreaterThan(quantity('1G'))", True),
        ("quantity('100m').add(quantity('0.9')) == quantity('1')", True),
        ("quantity('1.5').sub(1).asApproximateFloat()", 0.5),
        ("quantity('2k').asInteger()", 2000),
        ("quantity('0.5').isInteger()", False),
        ("quantity('-1').sign()", -1),
        ("isQuantity('1.3Gi')", True),
        ("isQuantity('1,3')", False),
    ],
)
def test_quantities(text: str, result: Any) -> None:
    assert evaluate(text) == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("[semver('1.2.3').major(), semver('1.2.3').minor(), semver('1.2.3').patch()]", [1, 2, 3]),
        ("semver('1.0.0-alpha').isLessThan(semver('1.0.0'))", True),
        ("semver('1.0.0-alpha.1').compareTo(semver('1.0.0-alpha.beta'))", -1),
        ("semver('1.0.0+a') == semver('1.0.0+b')", True),
        ("isSemver('v1.0')", False),
        ("isSemver('v1.0', true)", True),
        ("semver('v01.2', true) == semver('1.2.0')", True),
    ],
)
def test_semantic_versions(text: str, result: Any) -> None:
    assert evaluate(text) == result


@pytest.mark.parametrize(
    ("method", "result"),
    [
        ("getScheme()", "https"),
        ("getHost()", "example.com:80"),
        ("getHostname()", "example.com"),
        ("getPort()", "80"),
        ("getEscapedPath()", "/a%20b"),
        ("getQuery()", {"k": ["a", "b"], "j": ["c"]}),
    ],
)
def test_urls(method: str, result: Any) -> None:
    assert evaluate(f"url('https://user:pw@example.com:80/a b?k=a&k=b&j=c').{method}") == result


@pytest.mark.parametrize(
    ("text", "result"),
    [
        ("url('https://[::1]:80/').getHostname()", "::1"),
        ("url('https://example.com').getPort()", ""),
        ("isURL('/relative')", True),
        ("isURL('no scheme')", False),
        ("'abc 123'.find('[0-9]+')", "123"),
        ("'1 22 333'.findAll('[0-9]+')", ["1", "22", "333"]),
        ("'1 22 333'.findAll('[0-9]+', 2)", ["1", "22"]),
        ("[1, 3, 2].isSorted()", False),
        ("[1.5, 2.5].sum()", 4.0),
        ("[].sum()", 0),
        ("['b', 'a'].min()", "a"),
        ("[duration('1s'), duration('2s')].max() == duration('2s')", True),
        ("[[1, 2, 1].indexOf(1), [1, 2, 1].lastIndexOf(1)]", [0, 2]),
        ("ip('10.0.0.1').family()", 4),
        ("cidr('10.0.0.0/8').containsIP('10.1.2.3')", True),
        ("string(cidr('10.1.2.3/8').masked())", "10.0.0.0/8"),
        ("isIP('1.2.3')", False),
    ],
)
def test_addresses_texts_and_lists(text: str, result: Any) -> None:
    assert evaluate(text) == result


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("quantity('x')", "quantities must match the regular expression"),
        ("quantity('0.5').asInteger()", "cannot convert value to integer"),
        ("semver('1.0')", "No Major.Minor.Patch elements found"),
        ("url('http://a b')", 'invalid character " " in host name'),
        ("'abc'.find('[')", "missing closing ]"),
        ("dyn([]).min()", "min called on empty list"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, why: str) -> None:
    assert why in failure(text)
