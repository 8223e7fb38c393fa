"""Asks a real server what the answers are: `python -m tests.conformance.record KUBECONFIG FILE…`.

Fills in `expect: "?"` of the steps in files of cases (and of rows of their tables) with what the
server answers: code, reason, message and causes of a refusal, the fields that `show` lists. What is
expected already stays. Look at the result: it says what the server does, not what matters.
"""

from __future__ import annotations

import re
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from tests.conformance import cases, fieldpaths, matching, target, webhooks
from tests.conformance.cases import Case, Step
from tests.conformance.runner import Run, Session
from tests.conformance.target import Answer

_ASKED = "?"
# What is in the causes already, and what the case has in its request.
_UNTOLD = ("causes", "uid")
_BY_CHANCE = re.compile(
    r"\{\S*creationTimestamp\S*\}|map\[\S*creationTimestamp.*\]"
    r"|[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}|20[2-9]\d-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"
)
_MAP, _LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"


def main() -> int:
    """Record all files that are named."""
    kubeconfig, *files = map(Path, sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder, webhooks.listening(Path(folder)) as reviewer:
        session = Session(target.of_kubeconfig(kubeconfig, "reference"), reviewer)
        failed = [problem for file in files for problem in _record(session, file)]
        session.close()
    print("\n".join(failed) or "recorded")  # noqa: T201 - a command
    return 1 if failed else 0


def _record(session: Session, file: Path) -> Iterator[str]:
    content = yaml.safe_load(file.read_text(encoding="utf-8"))
    made = iter(list(cases.of_file(file)))
    for raw in content["cases"]:
        for name, steps in cases.rows(raw):
            case = next(made)
            if not _is_asked(steps):
                continue
            row = raw["each"][name.partition(" / ")[2]] if "each" in raw else None
            try:
                answers = _answers(session, case)
            except (AssertionError, KeyError, OSError, ValueError) as error:
                yield f"{case}: {type(error).__name__} {error}"
                continue
            _fill_in(steps, answers, raw["steps"], row)
    file.write_text(_text(content), encoding="utf-8")


def _is_asked(steps: list[Step]) -> bool:
    return any(step.get("expect") == _ASKED for step in steps)


def _answers(session: Session, case: Case) -> list[Any]:
    run = Run(session, case)
    run.prepare()
    try:
        return [_expectation(run, step) for step in case.steps]
    finally:
        run.clean()


def _expectation(run: Run, step: Step) -> Any:
    if step.get("expect") != _ASKED:
        found = run.check(step)
        assert not found, f"{step.get('do', step)}: {found}"
        return None
    if "calls" in step:
        return {"fields": _shown(step, run.calls(step), run)}
    if "watch" not in step:
        answer = run.ask(step)
        run.save(step, answer.body)
        return _of_answer(step, answer, run)
    wrong: list[str] = []
    refusal, events = run.watch(step, wrong)
    assert not wrong, wrong
    if refusal is not None:
        return _of_answer(step, refusal, run)
    return {"events": [[e["type"], _shown(step, e["object"], run)] for e in events]}


def _of_answer(step: Step, answer: Answer, run: Run) -> Any:
    made: dict[str, Any] = {"code": answer.code}
    body = answer.body
    if isinstance(body, dict) and body.get("kind") == "Status" and answer.code >= 400:
        made["reason"] = body.get("reason")
        made["message"] = body.get("message")
        causes = matching.causes(body)
        if len(causes) > 1:
            # Several causes come in any order, in the message too.
            del made["message"]
            made["causes"] = causes
        details = {k: v for k, v in body.get("details", {}).items() if k not in _UNTOLD}
        made["details"] = details
    elif isinstance(body, str) and "show" not in step:
        made["text"] = body
    if warnings := answer.header("warning"):
        made["warnings"] = warnings
    if "show" in step:
        made["fields"] = _shown(step, body, run)
    generic = _generic(made, run)
    return generic["code"] if len(generic) == 1 else generic


def _shown(step: Step, body: Any, run: Run) -> dict[str, Any]:
    shown = {path: fieldpaths.read(body, path) for path in step.get("show", ())}
    generic: dict[str, Any] = _generic(shown, run)
    return generic


def _generic(value: Any, run: Run) -> Any:
    if isinstance(value, str):
        for name, text in sorted(run.known.items(), key=lambda known: -len(known[1])):
            if text.isdigit():
                value = re.sub(rf"\b{text}\b", f"${{{name}}}", value)
            elif len(text) > 3 or value == text:
                value = value.replace(text, f"${{{name}}}")
        return _without_chance(value)
    if isinstance(value, list):
        return [_generic(each, run) for each in value]
    if isinstance(value, dict):
        return {key: _generic(each, run) for key, each in value.items()}
    return value


def _without_chance(text: str) -> str:
    """A text as it is; a pattern when it has times, uids or a whole object in it."""
    if not _BY_CHANCE.search(text):
        return text
    pieces = re.split(f"({_BY_CHANCE.pattern})", text)
    escaped = (".*" if n % 2 else re.escape(piece) for n, piece in enumerate(pieces))
    # Names are filled in before the pattern is used.
    return "~" + re.sub(r"\\\$\\\{(\w+)\\\}", r"${\1}", "".join(escaped))


def _fill_in(
    steps: list[Step], answers: list[Any], raw: list[Step], row: dict[str, Any] | None
) -> None:
    for step, answer, original in zip(steps, answers, raw, strict=True):
        if answer is not None:
            place = original if step is original or row is None else row
            place["expect"] = answer
            place.pop("show", None)


class _Inline(dict[str, Any]):
    """A mapping that is written in braces."""


class _InlineList(list[Any]):
    """A list that is written in brackets."""


class _Dumper(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:
        return True


_Dumper.add_representer(
    _Inline, lambda dumper, data: dumper.represent_mapping(_MAP, data, flow_style=True)
)
_Dumper.add_representer(
    _InlineList, lambda dumper, data: dumper.represent_sequence(_LIST, data, flow_style=True)
)


def _text(content: dict[str, Any]) -> str:
    for case in content["cases"]:
        for name, row in case.get("each", {}).items():
            case["each"][name] = {key: _inline(value) for key, value in row.items()}
        steps = case["steps"]
        if case.get("each") and all("expect" in row for row in case["each"].values()):
            for step in steps:
                if step.get("expect") == _ASKED:
                    del step["expect"]
                    step.pop("show", None)
        case["steps"] = [{key: _inline(value) for key, value in each.items()} for each in steps]
    return yaml.dump(content, Dumper=_Dumper, sort_keys=False, width=110, allow_unicode=True)


def _inline(value: Any) -> Any:
    if isinstance(value, dict):
        return _Inline(value)
    return _InlineList(value) if isinstance(value, list) else value


if __name__ == "__main__":
    sys.exit(main())
