"""The key that signs tokens outlives the process."""

from __future__ import annotations

from pathlib import Path

import pytest
from joserfc.jwk import OKPKey

from choreo_local.embedded.kubeapi.tokens import Tokens
from choreo_local.embedded.storage.sqlite import SqliteBackend
from choreo_local.embedded.storage.store import Store

ACCOUNT = {"metadata": {"name": "robot", "namespace": "default", "uid": "u1"}}


def tokens(folder: Path, process: str = "one") -> Tokens:
    return Tokens(Store(SqliteBackend(folder / process)), folder / "accounts.key")


def test_a_token_is_good_after_a_restart(tmp_path: Path) -> None:
    first, again = tokens(tmp_path), tokens(tmp_path, "two")
    text = first.issue(ACCOUNT, audiences=["here"], seconds=600)
    assert again.key_set() == first.key_set()
    assert first._claims(text) is not None
    assert again._claims(text) == first._claims(text)
    (tmp_path / "elsewhere").mkdir()
    strange = tokens(tmp_path / "elsewhere")
    assert strange._claims(text) is None


def test_another_kind_of_key_is_refused(tmp_path: Path) -> None:
    key = OKPKey.generate_key("Ed25519", private=True)
    (tmp_path / "accounts.key").write_bytes(key.as_pem(private=True))
    with pytest.raises(TypeError, match="no RSA key"):
        _ = tokens(tmp_path).key
