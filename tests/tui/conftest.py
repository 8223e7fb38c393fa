"""The dashboard over a fake platform, as tests use it."""

from __future__ import annotations

import pytest

from tests.tui.fake import FakePlatform


@pytest.fixture
def platform() -> FakePlatform:
    """A platform whose board is about to be told."""
    return FakePlatform.with_board()


@pytest.fixture(autouse=True)
def _colours(monkeypatch: pytest.MonkeyPatch) -> None:
    """The developer's own wish for no colour does not reach the tests."""
    monkeypatch.delenv("NO_COLOR", raising=False)
