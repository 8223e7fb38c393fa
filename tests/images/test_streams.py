"""Decompression in bounded steps."""

from __future__ import annotations

import hashlib
import io

import pytest

from choreo_local.images import streams
from choreo_local.images.failures import InvalidContent
from choreo_local.images.streams import LayerStream
from tests.images import builders

TEXT = b"".join(b"line %d\n" % number for number in range(200_000))


def opened(data: bytes, compression: str, *, limit: int = 1 << 30) -> LayerStream:
    return LayerStream(io.BytesIO(data), compression, hasher=hashlib.sha256(), limit=limit)


@pytest.mark.parametrize("form", ["", "+gzip", "+zstd"])
def test_everything_is_decompressed_and_hashed(form: str) -> None:
    hasher = hashlib.sha256()
    packed = builders.COMPRESSIONS[form](TEXT)
    stream = LayerStream(io.BytesIO(packed), form.removeprefix("+"), hasher=hasher, limit=len(TEXT))
    assert stream.read(10) == TEXT[:10]
    stream.drain()
    assert hasher.hexdigest() == hashlib.sha256(TEXT).hexdigest()


@pytest.mark.parametrize("form", ["+gzip", "+zstd"])
def test_several_members_and_padding_are_one_stream(form: str) -> None:
    pack = builders.COMPRESSIONS[form]
    stream = opened(pack(b"one ") + pack(b"two") + bytes(1024), form[1:])
    assert stream.read(100) == b"one two"


@pytest.mark.parametrize("form", ["", "+gzip", "+zstd"])
def test_a_bomb_is_noticed(form: str) -> None:
    bomb = builders.COMPRESSIONS[form](bytes(8 << 20))
    with pytest.raises(InvalidContent, match="larger than 1048576 bytes"):
        opened(bomb, form[1:], limit=1 << 20).drain()


@pytest.mark.parametrize("form", ["+gzip", "+zstd"])
def test_what_ends_too_early_or_is_damaged_is_refused(form: str) -> None:
    packed = builders.COMPRESSIONS[form](TEXT)
    damaged = bytearray(packed)
    damaged[len(packed) // 2] ^= 0xFF
    for data in (packed[:-5], bytes(damaged), packed + b"more", b"no such format"):
        with pytest.raises(InvalidContent, match="cannot be decompressed"):
            opened(data, form[1:]).drain()


def test_it_goes_forwards_and_one_byte_back() -> None:
    stream = opened(TEXT, "")
    stream.seek(1000)
    assert (stream.tell(), stream.read(5)) == (1000, TEXT[1000:1005])
    stream.seek(1004)
    assert stream.read(2) == TEXT[1004:1006]
    with pytest.raises(InvalidContent, match="points backwards"):
        stream.seek(3)


def test_no_header_is_so_long() -> None:
    with pytest.raises(InvalidContent, match="header is too long"):
        opened(TEXT, "").read(1 << 30)


def test_the_first_bytes_tell_the_compression() -> None:
    assert streams.sniff(builders.gzipped(b"a")) == "gzip"
    assert streams.sniff(builders.zstandard(b"a")) == "zstd"
    assert streams.sniff(b"plain") == ""
