"""Validates objects against a structural schema, worded as kube-apiserver words its 422 answers."""

from __future__ import annotations

from typing import Any

from choreo_local.apimachinery.fielderrors import FieldError
from choreo_local.apimachinery.schema import problems, walker
from choreo_local.apimachinery.schema.node import Structural


class Validator:
    """Validates values of one schema; make it once per schema, it may be shared."""

    def __init__(self, schema: Structural) -> None:
        self.schema = schema

    def validate(self, value: Any, old: Any = None) -> list[FieldError]:
        """The problems of an object; an empty list means that it is valid.

        Args:
            value: the object, defaulted and pruned.
            old: the object as it is stored, for an update: transition rules compare with it.
        """
        return [problems.field_error(problem) for problem in walker.validate(self.schema, value)]
