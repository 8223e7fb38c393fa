"""Amounts, read and written as kube-apiserver stores them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.embedded.kubeapi import quantity


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("0", "0"),
        ("0.0", "0"),
        ("-0", "0"),
        ("00.10", "100m"),
        ("1", "1"),
        ("1000", "1k"),
        ("1500", "1500"),
        ("1.5", "1500m"),
        ("0.1", "100m"),
        ("100m", "100m"),
        ("1000m", "1"),
        ("1Ki", "1Ki"),
        ("1024", "1024"),
        ("1024Ki", "1Mi"),
        ("1.5Gi", "1536Mi"),
        ("0.5Ki", "512"),
        ("1e3", "1e3"),
        ("1E6", "1E6"),
        ("1e1", "10"),
        ("12e-3", "12e-3"),
        ("0.0001", "100u"),
        ("1n", "1n"),
        ("0.1n", "1n"),
        ("+5", "+5"),
        ("-1.5", "-1500m"),
        ("1M", "1M"),
        ("1000000", "1M"),
        ("9223372036854775807", "9223372036854775807"),
    ],
)
def test_amounts_are_written_in_their_usual_form(text: str, written: str) -> None:
    assert quantity.parse(text).text == written


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", quantity.FORMAT_ERROR),
        ("abc", quantity.FORMAT_ERROR),
        ("1 Gi", quantity.FORMAT_ERROR),
        ("1x", quantity.FORMAT_ERROR),
        ("1Kib", quantity.FORMAT_ERROR),
        ("1ki", "unable to parse quantity's suffix"),
        ("1E", ""),
        ("1e", "unable to parse quantity's suffix"),
        ("1e99999", "unable to parse quantity's suffix"),
        ("1" * 300, "unable to parse numeric part of quantity"),
    ],
)
def test_what_is_no_amount_is_refused(text: str, reason: str) -> None:
    if not reason:
        assert quantity.parse(text).nanos == 10**27
        return
    with pytest.raises(quantity.QuantityError) as caught:
        quantity.parse(text)
    assert str(caught.value) == reason


@pytest.mark.parametrize(
    ("text", "rounded"), [("1", "1"), ("0.0001", "1m"), ("1.0001", "1001m"), ("100u", "1m")]
)
def test_resources_of_pods_are_no_finer_than_thousandths(text: str, rounded: str) -> None:
    assert quantity.parse(text).rounded_to_milli().text == rounded


@settings(deadline=None)
@given(st.integers(-(10**24), 10**24), st.sampled_from(["SI", "exponent"]))
def test_what_is_written_reads_the_same(nanos: int, style: str) -> None:
    written = quantity.from_nanos(nanos, style)
    assert quantity.parse(written.text).nanos == nanos


@settings(deadline=None)
@given(st.text(alphabet="0123456789.eEinumkKMGTP+-", max_size=20))
def test_writing_is_idempotent(text: str) -> None:
    try:
        once = quantity.parse(text)
    except quantity.QuantityError:
        return
    twice = quantity.parse(once.text)
    assert (twice.nanos, twice.text) == (once.nanos, once.text)
