"""Printing what strangers wrote: whole, aligned, and without power over the terminal."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

import pytest
import yaml

from choreo_local.cli import output

NASTY = "a\x1b[31mb\x07\r\n\x00\x7f\x9b2J\u202e\u2066\u200f\ufeff\u2028\ud800z\tü界"
# What can move the cursor, ring the bell, or turn the direction of writing.
FORBIDDEN = set("\x1b\x07\r\x00\x7f\x9b\u202e\u2066\u200f\ufeff\u2028\ud800")


def test_text_that_could_move_the_cursor_is_made_visible() -> None:
    shown = output.safe("a\x1b[2J\u202eb\nc")
    assert shown == "a\\x1b[2J\\u202eb\\x0ac"
    assert output.safe("ü 界 → ▲ é") == "ü 界 → ▲ é"
    assert not FORBIDDEN & set(output.safe(NASTY))


def test_lines_stay_lines() -> None:
    assert output.safe_lines("a\nb\x07\n") == "a\nb\\x07\n"


@pytest.mark.parametrize(("form", "read"), [("json", json.loads), ("yaml", yaml.safe_load)])
@pytest.mark.parametrize(
    "value",
    [
        {"text": NASTY.replace("\ud800", "")},
        {NASTY.replace("\ud800", ""): ["ü", "界", 1, 1.5, None, True]},
        {"plain": "a\nb\n", "empty": "", "no": "no", "number": "1e3", "date": "2020-01-01"},
        ["- x", ": y", "# z", "%", "@", "`", "!", "&a", "*a", "|", ">", "{", "["],
    ],
)
def test_data_survives_printing(
    capsys: pytest.CaptureFixture[str], form: str, read: Any, value: Any
) -> None:
    output.data(value, form)
    printed = capsys.readouterr().out
    assert read(printed) == value
    assert not FORBIDDEN & set(printed)


def test_letters_of_the_world_are_not_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    for form in ("json", "yaml"):
        output.data({"a": "grüß 界"}, form)
        assert "grüß 界" in capsys.readouterr().out


def test_a_line_of_a_stream_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    output.json_line({"line": "a\nb\u202e"})
    assert capsys.readouterr().out == '{"line": "a\\nb\\u202e"}\n'


def test_columns_are_as_wide_as_their_widest_cell(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("NAME", "AGE"), [("greeter", "5s"), ("w", "")])
    assert capsys.readouterr().out == "NAME      AGE\ngreeter   5s\nw\n"


def test_a_cell_cannot_break_out_of_its_row(capsys: pytest.CaptureFixture[str]) -> None:
    output.table(("NAME", "NOTE"), [("a\nfake", "x\ty\x1b[2J")])
    assert capsys.readouterr().out.splitlines() == [
        "NAME        NOTE",
        "a\\x0afake   x y\\x1b[2J",
    ]


OBJECT = {"kind": "Component", "metadata": {"name": "greeter"}}


@pytest.mark.parametrize(
    ("form", "single", "shown"),
    [
        ("name", False, "component/greeter\n"),
        ("table", False, "NAME\ngreeter\n"),
        ("wide", True, "NAME\ngreeter\n"),
        ("yaml", True, "kind: Component\nmetadata:\n  name: greeter\n"),
    ],
)
def test_objects_are_printed_in_any_form(
    capsys: pytest.CaptureFixture[str], form: str, single: bool, shown: str
) -> None:
    output.objects(
        [OBJECT],
        form,
        columns=["NAME"],
        row=lambda obj: [obj["metadata"]["name"]],
        single=single,
    )
    assert capsys.readouterr().out == shown


def test_several_objects_are_a_list(capsys: pytest.CaptureFixture[str]) -> None:
    output.objects([OBJECT], "json", columns=[], row=lambda _: [])
    assert json.loads(capsys.readouterr().out) == {
        "apiVersion": "v1",
        "kind": "List",
        "items": [OBJECT],
    }


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_a_reader_that_has_gone_is_no_failure(stream: str) -> None:
    code = f"""
import sys, time
from choreo_local.cli import main, output
sys.stdin.read()
if "{stream}" == "stderr":
    for _ in range(3):
        output.say("x" * 100_000)
    print("went on")
else:
    import click
    try:
        for _ in range(3):
            output.emit("x" * 100_000)
    except click.exceptions.Exit as end:
        sys.exit(end.exit_code)
    sys.exit(9)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    ) as child:
        assert child.stdin is not None
        gone, kept = child.stdout, child.stderr
        if stream == "stderr":
            gone, kept = kept, gone
        assert gone is not None
        assert kept is not None
        gone.close()
        child.stdin.close()
        said = kept.read()
    assert child.returncode == 0
    assert said == (b"went on\n" if stream == "stderr" else b"")
