"""Validates objects against a structural schema, worded as kube-apiserver words its 422 answers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from typing import Any

from choreo_local.apimachinery import fielderrors
from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import (
    embedded,
    fastcheck,
    listtypes,
    problems,
    rules,
    rulings,
    walker,
)
from choreo_local.apimachinery.schema.correlation import ABSENT
from choreo_local.apimachinery.schema.node import Structural
from choreo_local.errors import Cause

# With such problems, rules would meet values that their types exclude.
_BLOCKING = frozenset(
    {
        fielderrors.NOT_SUPPORTED,
        fielderrors.REQUIRED,
        fielderrors.TOO_LONG,
        fielderrors.TOO_MANY,
        fielderrors.TYPE_INVALID,
    }
)
_NOT_CHECKED = fielderrors.invalid_value(
    problems.NO_PATH,
    None,
    "some validation rules were not checked because the object was invalid; correct the existing "
    "errors to complete validation",
)


class Validator:
    """Validates values of one schema; make it once per schema, it may be shared."""

    def __init__(self, schema: Structural) -> None:
        self.schema = schema

    @cached_property
    def _is_valid(self) -> fastcheck.Check:
        # Most of the many kinds that a cluster serves nobody writes for a long time.
        return fastcheck.compile_check(self.schema)

    def validate(
        self, value: Any, old: Any = None, *, known: Iterable[Cause] = ()
    ) -> list[FieldError]:
        """The problems of an object; an empty list means that it is valid.

        Args:
            value: the object, defaulted and pruned.
            old: the object as it is stored, for an update. Transition rules compare with it, and
                what has not changed is not held against the schema again.
            known: problems outside of the schema, of the metadata; some keep rules from running.
        """
        before = ABSENT if old is None else old
        found: list[FieldError] = []
        if not self._is_valid(value):
            problems_found = walker.validate(self.schema, value, old=before, every_format=False)
            found = [problems.field_error(problem) for problem in problems_found]
        found += embedded.validate(self.schema, value)
        # Lists that hold something twice since before the schema forbade it may be kept.
        if old is None or not any(listtypes.validate(self.schema, old)):
            found += listtypes.validate(self.schema, value)
        if not rules.has_any(self.schema):
            return found
        if any(error.reason in _BLOCKING for error in (*known, *found)):
            return [*found, _NOT_CHECKED]
        return [*found, *rulings.validate(self.schema, value, before)]
