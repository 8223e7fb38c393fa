"""Logs of containers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from choreo_local import clock
from choreo_local.embedded.kubelet import logfiles
from choreo_local.embedded.kubelet.logfiles import LogBook


@dataclass(frozen=True)
class Options:
    follow: bool = False
    previous: bool = False
    since: datetime | None = None
    tail_lines: int | None = None
    limit_bytes: int | None = None
    timestamps: bool = False
    stream: str = "All"


async def read(book: LogBook, path: Path, **options: Any) -> str:
    pieces = [piece async for piece in book.read(path, Options(**options))]
    return b"".join(pieces).decode()


@pytest.fixture
def book() -> LogBook:
    return LogBook()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "shop_greeter_uid" / "main" / "0.log"


async def test_lines_come_back_as_they_were_written(book: LogBook, path: Path) -> None:
    log = book.create(path)
    log.write("stdout", b"one\ntw")
    log.write("stderr", b"oops\n")
    log.write("stdout", b"o\nthree")
    assert await read(book, path) == "one\noops\ntwo\n"
    log.close()
    assert await read(book, path) == "one\noops\ntwo\nthree\n"


async def test_records_are_stored_as_container_runtimes_do(book: LogBook, path: Path) -> None:
    log = book.create(path)
    log.write("stdout", b"one\n")
    log.close()
    moment, stream, flag, text = path.read_text(encoding="utf-8").split(" ", 3)
    assert clock.parse_timestamp(moment) <= clock.now()
    assert (stream, flag, text) == ("stdout", "F", "one\n")


async def test_a_very_long_line_is_stored_in_pieces_and_read_as_one(
    book: LogBook, path: Path
) -> None:
    line = b"x" * 50_000
    log = book.create(path)
    for start in range(0, len(line), 7_000):
        log.write("stdout", line[start : start + 7_000])
    log.write("stdout", b"\nend\n")
    log.close()
    assert max(len(each) for each in path.read_bytes().split(b"\n")) < 17_000
    assert await read(book, path) == line.decode() + "\nend\n"
    stamped = await read(book, path, timestamps=True)
    assert stamped.count("Z ") == 2


@pytest.mark.parametrize(("lines", "expected"), [(0, ""), (1, "9\n"), (3, "7\n8\n9\n")])
async def test_tail(book: LogBook, path: Path, lines: int, expected: str) -> None:
    log = book.create(path)
    log.write("stdout", b"".join(b"%d\n" % number for number in range(10)))
    assert await read(book, path, tail_lines=lines) == expected
    assert await read(book, path, tail_lines=99) == "".join(f"{n}\n" for n in range(10))
    log.close()


async def test_tail_of_an_empty_log_is_empty(book: LogBook, path: Path) -> None:
    book.create(path).close()
    assert await read(book, path, tail_lines=5) == ""


async def test_tail_reads_back_through_large_files(book: LogBook, path: Path) -> None:
    log = book.create(path)
    log.write("stdout", b"".join(b"line %06d\n" % number for number in range(20_000)))
    log.close()
    found = await read(book, path, tail_lines=5_000)
    assert found.startswith("line 015000\n")
    assert found.endswith("line 019999\n")


async def test_since_leaves_out_what_is_older(
    book: LogBook, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = datetime(2026, 3, 1, tzinfo=UTC)
    log = book.create(path)
    for minute in range(4):
        moment = begin + timedelta(minutes=minute)
        monkeypatch.setattr(clock, "now", lambda moment=moment: moment)
        log.write("stdout", b"%d\n" % minute)
    log.close()
    assert await read(book, path, since=begin + timedelta(minutes=2)) == "2\n3\n"


async def test_a_limit_cuts_in_the_middle_of_a_line(book: LogBook, path: Path) -> None:
    log = book.create(path)
    log.write("stdout", b"hello\nworld\n")
    log.close()
    assert await read(book, path, limit_bytes=8) == "hello\nwo"


async def test_one_stream_can_be_chosen(book: LogBook, path: Path) -> None:
    log = book.create(path)
    log.write("stdout", b"out\n")
    log.write("stderr", b"err\n")
    log.close()
    assert await read(book, path, stream="Stdout") == "out\n"
    assert await read(book, path, stream="Stderr") == "err\n"


async def test_following_ends_with_the_container(book: LogBook, path: Path) -> None:
    log = book.create(path)
    log.write("stdout", b"one\n")
    task = asyncio.ensure_future(read(book, path, follow=True))
    await asyncio.sleep(0)
    log.write("stdout", b"two\n")
    await asyncio.sleep(0)
    log.write("stdout", b"three")
    log.close()
    assert await task == "one\ntwo\nthree\n"


async def test_following_a_tail_begins_there(book: LogBook, path: Path) -> None:
    log = book.create(path)
    log.write("stdout", b"one\ntwo\n")
    task = asyncio.ensure_future(read(book, path, follow=True, tail_lines=1))
    await asyncio.sleep(0)
    log.write("stdout", b"three\n")
    log.close()
    assert await task == "two\nthree\n"


async def test_logs_are_rotated_and_bounded(path: Path) -> None:
    book = LogBook(max_bytes=1_000, max_files=3)
    log = book.create(path)
    for number in range(400):
        log.write("stdout", b"line %04d\n" % number)
    log.close()
    files = logfiles.segments(path)
    assert len(files) == 3
    assert sum(file.stat().st_size for file in files) < 3_300
    found = (await read(book, path)).splitlines()
    assert found == [f"line {number:04d}" for number in range(400 - len(found), 400)]


async def test_following_goes_on_through_rotation(path: Path) -> None:
    book = LogBook(max_bytes=2_000, max_files=50)
    log = book.create(path)
    task = asyncio.ensure_future(read(book, path, follow=True))
    for number in range(300):
        log.write("stdout", b"line %04d\n" % number)
        if number % 10 == 0:
            await asyncio.sleep(0.001)
    log.close()
    assert (await task).splitlines() == [f"line {number:04d}" for number in range(300)]
    assert len(logfiles.segments(path)) > 5


async def test_a_tail_may_begin_in_a_rotated_file(path: Path) -> None:
    book = LogBook(max_bytes=500, max_files=10)
    log = book.create(path)
    for number in range(40):
        log.write("stdout", b"line %04d\n" % number)
    log.close()
    found = await read(book, path, tail_lines=25)
    assert found.splitlines() == [f"line {number:04d}" for number in range(15, 40)]
