"""Records go to one place, one line each."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from choreo_local import logs


@pytest.fixture(autouse=True)
def root() -> Iterator[logging.Logger]:
    """The root logger, put back as it was."""
    found = logging.getLogger()
    handlers, level = list(found.handlers), found.level
    yield found
    for handler in list(found.handlers):
        found.removeHandler(handler)
        if handler not in handlers:
            handler.close()
    for handler in handlers:
        found.addHandler(handler)
    found.setLevel(level)


def test_records_go_to_the_file(tmp_path: Path) -> None:
    file = tmp_path / "choreo.log"
    logs.set_up(file)

    logging.getLogger("some.part").info("Said %s", "ü")
    logging.getLogger("some.part").debug("Not said")

    (line,) = file.read_text(encoding="utf-8").splitlines()
    assert line.endswith(" I some.part Said ü")


def test_without_a_file_records_go_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(None, level=logging.DEBUG)

    logging.getLogger("some.part").debug("Said")

    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.endswith(" D some.part Said\n")


def test_a_second_set_up_replaces_the_first(tmp_path: Path, root: logging.Logger) -> None:
    logs.set_up(tmp_path / "first")
    logs.set_up(tmp_path / "second")

    logging.getLogger("x").info("Once")

    assert len(root.handlers) == 1
    assert (tmp_path / "first").read_text() == ""
    assert "Once" in (tmp_path / "second").read_text()


@pytest.mark.parametrize("name", ["kopf", "aiohttp.access", "asyncio"])
def test_libraries_that_say_much_are_quiet(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(None)

    logging.getLogger(name).info("Chatter")
    logging.getLogger(name).warning("Trouble")

    assert "Chatter" not in (said := capsys.readouterr().err)
    assert "Trouble" in said


def test_a_traceback_is_kept(tmp_path: Path) -> None:
    logs.set_up(tmp_path / "log")
    try:
        raise ValueError("the cause")
    except ValueError:
        logging.getLogger("x").exception("Failed")

    text = (tmp_path / "log").read_text()
    assert "Traceback" in text
    assert "ValueError: the cause" in text


def test_a_logger_of_an_object_says_which(capsys: pytest.CaptureFixture[str]) -> None:
    logs.set_up(None)
    logger = logs.for_object(logging.getLogger("x"), Component="default/greeter")

    logger.info("Released release=%s", "r1", extra={"details": "of logging"})
    logger.warning("Waiting", details={"reason": "Paused"})
    logs.for_object(logging.getLogger("x")).info("Plain")

    lines = [line.partition(" x ")[2] for line in capsys.readouterr().err.splitlines()]
    assert lines == [
        "Released release=r1 Component=default/greeter",
        "Waiting Component=default/greeter reason=Paused",
        "Plain",
    ]
