"""The store of contents: whole or not there, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

from choreo_local.images import digests, locks
from choreo_local.images.content import ContentStore
from choreo_local.images.failures import Corrupted, InvalidContent, NotThere
from choreo_local.images.folders import Folders
from tests.images import builders

TEXT = b"content " * 1000


@pytest.fixture
def store(tmp_path: Path) -> ContentStore:
    folders = Folders(tmp_path / "images")
    folders.prepare()
    return ContentStore(folders)


def test_a_document_is_stored_under_its_digest(store: ContentStore) -> None:
    digest = store.put(TEXT)
    assert str(digest) == builders.sha256(TEXT)
    assert (store.has(digest), store.size(digest), store.read(digest)) == (True, len(TEXT), TEXT)
    assert [found for found, _ in store.all()] == [digest]


def test_what_is_missing_is_said(store: ContentStore) -> None:
    for ask in (store.size, store.open, store.read):
        with pytest.raises(NotThere, match="not found"):
            ask(digests.of(b"other"))


def test_a_damaged_document_is_dropped(store: ContentStore) -> None:
    digest = store.put(TEXT)
    store.folders.blob(digest).write_bytes(b"damaged")
    with pytest.raises(Corrupted, match="damaged on the disk"):
        store.read(digest)
    assert not store.has(digest)


async def test_what_was_received_survives_a_failure(store: ContentStore) -> None:
    digest = digests.of(TEXT)
    first = await store.receive(digest)
    first.write(TEXT[:3000])
    first.close()
    second = await store.receive(digest)
    assert second.received == 3000
    second.write(TEXT[3000:])
    second.commit()
    second.close()
    assert store.read(digest) == TEXT
    assert list(store.folders.ingest.iterdir()) == []


async def test_a_wrong_content_never_gets_the_name(store: ContentStore) -> None:
    digest = digests.of(TEXT)
    ingest = await store.receive(digest)
    ingest.write(TEXT[:-1] + b"X")
    with pytest.raises(Corrupted, match="unexpected commit digest"):
        ingest.commit()
    ingest.close()
    assert not store.has(digest)
    assert list(store.folders.ingest.iterdir()) == []


async def test_only_one_receives_a_content(store: ContentStore) -> None:
    digest = digests.of(TEXT)
    first = await store.receive(digest)
    waiting = asyncio.create_task(store.receive(digest))
    assert locks.try_lock(store.folders.partial(digest)) is None
    first.write(TEXT)
    first.commit()
    first.close()
    second = await waiting
    assert (second.received, store.has(digest)) == (0, True)
    second.close()
    assert list(store.folders.ingest.iterdir()) == []


def test_a_lock_ends_with_its_process(tmp_path: Path) -> None:
    file = tmp_path / "lock"
    program = (
        "import sys; from pathlib import Path; from choreo_local.images import locks; "
        "assert locks.try_lock(Path(sys.argv[1])); print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(file)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == b"held\n"
        assert locks.try_lock(file) is None
        assert locks.try_lock(file, shared=True) is None
        other.kill()
    with locks.waited(file):
        assert locks.try_lock(file) is None


@pytest.mark.parametrize("text", ["", "sha256:", "sha256:" + "A" * 64, "md5:" + "0" * 32, "sha1"])
def test_only_safe_digests_are_digests(text: str) -> None:
    with pytest.raises(InvalidContent):
        digests.parse(text)


def test_other_algorithms_are_stored_too(store: ContentStore) -> None:
    digest = digests.parse("sha512:" + hashlib.sha512(TEXT).hexdigest())
    store.put(TEXT, digest)
    assert store.read(digest) == TEXT
