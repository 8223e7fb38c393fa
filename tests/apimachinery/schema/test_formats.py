"""String formats."""

from __future__ import annotations

import pytest

from choreo_local.apimachinery.schema import formats

UUID3 = "bcd02e22-68f0-3046-a512-327cca9def8f"
UUID4 = "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"
UUID5 = "9b3c4e1d-0b1a-5c3e-8f2a-1234567890ab"


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("byte", ["", "aGVsbG8="], ["***", "aGVsbG8", "é"]),
        ("bsonobjectid", ["507f1f77bcf86cd799439011"], ["507f", "zzzf1f77bcf86cd799439011"]),
        ("cidr", ["10.0.0.0/8", "fd00::/8"], ["10.0.0.0", "10.0.0.0/99"]),
        ("creditcard", ["4111 1111 1111 1111"], ["4111 1111 1111 1112", "123"]),
        ("date", ["2026-02-28"], ["2026-02-30", "26-01-01", "2026-01-01T00:00:00Z"]),
        (
            "date-time",
            ["2026-01-01T00:00:00Z", "2026-01-01t23:59:59.123+02:00"],
            ["2026-01-01", "2026-01-01T25:00:00Z", "2026-13-01T00:00:00Z", "x"],
        ),
        ("duration", ["1h", "1h30m", "-1.5s", "0", "3 days", "PT1H"], ["5parsecs", "x", "5", ""]),
        ("email", ["a@b.c"], ["a", "a@", "a b@c"]),
        ("hexcolor", ["#fff", "a1b2c3"], ["#ff", "#ggg"]),
        ("hostname", ["example.com", "localhost"], ["-a.com", "a b", ""]),
        ("ipv4", ["1.2.3.4"], ["1.2.3", "::1"]),
        ("ipv6", ["::1"], ["1.2.3.4", ":"]),
        ("isbn", ["0-306-40615-2", "978-3-16-148410-0"], ["0-306-40615-3", "x"]),
        ("isbn10", ["080442957X"], ["0804429570", "978-3-16-148410-0"]),
        ("isbn13", ["9783161484100"], ["9783161484101", "0-306-40615-2"]),
        ("k8s-long-name", ["a.b"], ["A", ""]),
        ("k8s-short-name", ["a-b"], ["a.b"]),
        ("mac", ["00:1B:44:11:3A:B7"], ["00:1B:44:11:3A", "x"]),
        ("password", ["", "anything"], []),
        ("rgbcolor", ["rgb(1, 2, 3)"], ["rgb(1,2)", "#fff"]),
        ("ssn", ["111-22-3333"], ["111-22-333"]),
        ("uri", ["https://a.b/c", "/relative"], ["a b", "", "http://[::1"]),
        ("uuid", ["A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11"], ["abc", ""]),
        ("uuid3", [UUID3], [UUID4]),
        ("uuid4", [UUID4], [UUID3]),
        ("uuid5", [UUID5], [UUID4]),
    ],
)
def test_each_format_knows_its_texts(name: str, good: list[str], bad: list[str]) -> None:
    assert formats.is_known(name)
    assert [text for text in good if not formats.is_valid(name, text)] == []
    assert [text for text in bad if formats.is_valid(name, text)] == []


def test_an_unknown_format_accepts_everything() -> None:
    assert not formats.is_known("int32")
    assert formats.is_valid("colour", "anything")
