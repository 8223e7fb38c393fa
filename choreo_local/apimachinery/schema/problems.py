"""What schema validation finds: structured problems, and their two wordings.

kube-apiserver prints a problem with its location (`spec.size in body should be …`), parameter
schemas of OpenChoreo without (`spec.size should be …`). Both come from the same `Problem`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError

# kube-apiserver names the field of an error that has no path so.
NO_PATH = "<nil>"


class Code(enum.Enum):
    """The kind of a problem; decides the reason of the cause."""

    TYPE = "type"
    REQUIRED = "required"
    ENUM = "enum"
    TOO_LONG = "tooLong"
    TOO_MANY_ITEMS = "tooManyItems"
    TOO_MANY_PROPERTIES = "tooManyProperties"
    OTHER = "other"


@dataclass(frozen=True, slots=True)
class Problem:
    """One violation of a schema.

    Attributes:
        code: the kind of problem.
        path: where, e.g. `spec.ports[0].port`; empty at the root.
        phrase: what is wrong, to follow the path: `should be at least 2 chars long`.
        value: the offending value as it is printed; for a wrong type the name of the actual type.
        limit: the limit that was exceeded, or the allowed values of an enumeration.
        subject: what the sentence is about, when that is not the path.
        sentence: replaces path and phrase where upstream words a problem as a whole.
        located: False where upstream loses the path of the problem.
    """

    code: Code
    path: str
    phrase: str
    value: Any = None
    limit: Any = None
    subject: str = ""
    sentence: str = ""
    located: bool = True

    def text(self, location: str = "body") -> str:
        """The problem as a sentence; pass an empty location to leave `in body` out."""
        if self.sentence:
            return self.sentence
        subject = self.subject or self.path
        where = f"{subject} in {location}" if location else subject
        return f"{where} {self.phrase}"


def field_error(problem: Problem, *, parent: str = "") -> FieldError:
    """The problem as a cause of kube-apiserver's 422 answer.

    Args:
        problem: found by the walker.
        parent: the field that holds the validated value; its path in messages starts there.
    """
    path = ".".join(filter(None, (parent, problem.path.removeprefix(".")))) or NO_PATH
    if not problem.located:
        return fielderrors.invalid_value(NO_PATH, "", problem.text())
    match problem.code:
        case Code.REQUIRED:
            return fielderrors.required(path)
        case Code.ENUM:
            allowed = [_plain(value) for value in problem.limit]
            return fielderrors.not_supported(path, problem.value, allowed)
        case Code.TOO_LONG:
            return fielderrors.too_long(path, problem.limit)
        case Code.TOO_MANY_ITEMS | Code.TOO_MANY_PROPERTIES:
            return fielderrors.too_many(path, problem.value, problem.limit)
        case Code.TYPE:
            return fielderrors.type_invalid(path, problem.value, problem.text())
        case _:
            return fielderrors.invalid_value(path, problem.value, problem.text())


def _plain(value: Any) -> str:
    """A value of an enumeration as upstream lists it."""
    return value if isinstance(value, str) else fielderrors.shown(value)
