"""Which refresh tokens are good, also after a restart."""

from __future__ import annotations

from pathlib import Path

import pytest

from choreo_local import clock
from choreo_local.identity.families import Families


def test_a_family_ends_with_its_youngest_member(monkeypatch: pytest.MonkeyPatch) -> None:
    families = Families()
    name = families.begin(60)
    now = clock.unix()
    monkeypatch.setattr(clock, "unix", lambda: now + 59)
    assert families.renew(name, 0, 60, is_reusable=False) == 1
    monkeypatch.setattr(clock, "unix", lambda: now + 118)
    assert families.renew(name, 1, 60, is_reusable=False) == 2
    monkeypatch.setattr(clock, "unix", lambda: now + 179)
    assert families.renew(name, 2, 60, is_reusable=False) is None


def test_a_damaged_file_signs_everybody_out(tmp_path: Path) -> None:
    file = tmp_path / "families.json"
    name = Families(file).begin(60)
    assert file.stat().st_mode & 0o777 == 0o600
    assert Families(file).renew(name, 0, 60, is_reusable=True) == 0
    for text in ("[]", "{", '{"x": 1}', '{"x": ["a", "b"]}'):
        file.write_text(text)
        assert Families(file).renew(name, 0, 60, is_reusable=True) is None


def test_the_oldest_goes_where_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("choreo_local.identity.families._MOST", 2)
    families = Families()
    names = [families.begin(seconds) for seconds in (60, 61, 62)]
    found = [families.renew(name, 0, 60, is_reusable=True) for name in names]
    assert found == [None, 0, 0]
