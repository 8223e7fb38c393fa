"""Resource quantities."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from choreo_local.apimachinery import quantity
from choreo_local.apimachinery.quantity import Format, Quantity


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0", "0"),
        ("0Gi", "0"),
        ("100m", "100m"),
        ("0.1", "100m"),
        (".5", "500m"),
        ("1.", "1"),
        ("+1", "1"),
        ("-1.5", "-1500m"),
        ("1500m", "1500m"),
        ("2000m", "2"),
        ("1000", "1k"),
        ("1001", "1001"),
        ("1000000k", "1G"),
        ("1E", "1E"),
        ("1.5Gi", "1536Mi"),
        ("1024Mi", "1Gi"),
        ("0.5Ki", "512"),
        ("1025", "1025"),
        ("1.1Ki", "1126400m"),
        ("100Ki", "100Ki"),
        ("2e3", "2e3"),
        ("12E6", "12e6"),
        ("1.2e3", "1200"),
        ("1e-3", "1e-3"),
        ("1e4", "10e3"),
        ("1n", "1n"),
        ("1u", "1u"),
        ("0.0000000001", "1n"),
        ("-0.0000000001", "-1n"),
        ("9999999999999999999", "9223372036854775807"),
        ("-9999999999999999999", "-9223372036854775807"),
    ],
)
def test_quantities_have_one_canonical_form(text: str, canonical: str) -> None:
    assert quantity.canonical(text) == canonical
    assert quantity.canonical(canonical) == canonical


@pytest.mark.parametrize("text", ["", "1 Gi", "Gi", "1KI", "1e3k", "1.2.3", "--1", "0x1", "1e9999"])
def test_other_texts_are_no_quantities(text: str) -> None:
    assert not quantity.is_valid(text)
    assert quantity.is_valid("1Gi")
    with pytest.raises(ValueError, match="quantities must match the regular expression"):
        quantity.parse(text)


def test_a_very_long_number_is_refused_before_it_costs_anything() -> None:
    assert not quantity.is_valid("9" * 10_000)


def test_numbers_in_json_are_quantities() -> None:
    assert quantity.canonical(1) == "1"
    assert quantity.canonical(0.1) == "100m"


def test_equal_amounts_are_equal_however_written() -> None:
    assert quantity.parse("1Gi") == quantity.parse("1024Mi")
    assert hash(quantity.parse("1")) == hash(quantity.parse("1000m"))
    assert quantity.parse("1") != "1"
    assert quantity.parse("100m") < quantity.parse("0.2") <= quantity.parse("200m")
    assert quantity.parse("1k") > quantity.parse("999")


def test_sums_keep_the_form_of_the_first_that_has_one() -> None:
    gibibyte, decimal = quantity.parse("1Gi"), quantity.parse("1M")

    assert str(gibibyte + quantity.parse("512Mi")) == "1536Mi"
    assert (gibibyte + decimal).format is Format.BINARY
    assert (quantity.ZERO + gibibyte).format is Format.BINARY
    assert (quantity.ZERO - gibibyte).format is Format.BINARY
    assert str(decimal - quantity.parse("1k")) == "999k"
    assert str(-decimal) == "-1M"
    assert str(decimal * 3) == "3M"


def test_amounts_are_rounded_up_to_whole_units() -> None:
    assert quantity.parse("1.1").to_int() == 2
    assert quantity.parse("1Ki").to_int() == 1024
    assert quantity.parse("0.0001").to_milli() == 1
    assert quantity.parse("250m").to_milli() == 250
    assert quantity.parse("1.5").to_float() == 1.5
    assert not quantity.ZERO
    assert quantity.parse("1n")


@settings(max_examples=200, deadline=None)
@given(st.integers(-(10**15), 10**15), st.sampled_from(["n", "u", "m", "", "k", "Ki", "Mi"]))
def test_the_canonical_form_is_the_same_amount(number: int, suffix: str) -> None:
    parsed = quantity.parse(f"{number}{suffix}")

    assert quantity.parse(str(parsed)) == parsed


@settings(max_examples=100, deadline=None)
@given(st.fractions(-1000, 1000, max_denominator=1000), st.fractions(-1000, 1000))
def test_addition_is_undone_by_subtraction(left: Fraction, right: Fraction) -> None:
    first, second = Quantity(left), Quantity(right)

    assert (first + second) - second == first
