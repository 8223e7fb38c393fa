"""What can go wrong with an expression; used by every module of this package and by its callers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from choreo_local import errors

# A source line longer than this is not repeated in a message.
_LONGEST_SNIPPET = 16384
_MOST_ISSUES = 100


@dataclass(frozen=True, slots=True)
class Issue:
    """One complaint about an expression.

    Attributes:
        position: code points before the place it is about; negative when it is about the whole.
        message: what is wrong.
    """

    position: int
    message: str


class CompileError(errors.ChoreoError):
    """An expression is malformed or ill-typed; the message shows each place.

    Attributes:
        issues: the complaints, by position.
    """

    def __init__(self, text: str, issues: Sequence[Issue]) -> None:
        self.issues = tuple(sorted(issues, key=lambda issue: issue.position))
        super().__init__(_displayed(text, self.issues))


class EvaluationError(errors.ChoreoError):
    """An expression cannot be evaluated with these values.

    Attributes:
        cost: of the evaluation up to here, once it has ended.
    """

    cost = 0


class CostExceededError(EvaluationError):
    """An expression used up what it may cost."""

    def __init__(self) -> None:
        super().__init__("operation cancelled: actual cost limit exceeded")


def overload_error(function: str = "", types: Sequence[str] | None = None) -> EvaluationError:
    """The function has no form for values of these types."""
    if types is not None:
        return EvaluationError(f"no such overload: {function}({', '.join(types)})")
    return EvaluationError(f"no such overload: {function}" if function else "no such overload")


def _displayed(text: str, issues: Sequence[Issue]) -> str:
    lines = [_shown(text, issue) for issue in issues[:_MOST_ISSUES]]
    if len(issues) > _MOST_ISSUES:
        lines.append(f"{len(issues) - _MOST_ISSUES} more errors were omitted")
    return "\n".join(lines)


def _shown(text: str, issue: Issue) -> str:
    if issue.position < 0:
        return f"ERROR: <input>:-1:0: {issue.message}"
    before = text[: issue.position]
    line = before.count("\n")
    column = issue.position - (before.rfind("\n") + 1)
    head = f"ERROR: <input>:{line + 1}:{column + 1}: {issue.message}"
    snippet = text.split("\n")[line].replace("\t", " ")
    if len(snippet) > _LONGEST_SNIPPET:
        return head
    dots = "".join("．" if ord(char) > 127 else "." for char in snippet[:column])
    here = "＾" if column < len(snippet) and ord(snippet[column]) > 127 else "^"
    return f"{head}\n | {snippet}\n | {dots}{here}"
