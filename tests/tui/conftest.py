"""The dashboard over a fake platform, as tests use it."""

from __future__ import annotations

import pytest

from tests.tui.fake import FakePlatform


@pytest.fixture
def platform() -> FakePlatform:
    """A platform whose board is about to be told."""
    return FakePlatform.with_board()
