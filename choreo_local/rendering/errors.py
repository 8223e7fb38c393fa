"""What a render can fail with.

Controllers put the message into a condition and users compare it with upstream's, so messages are
upstream's texts; each layer of the pipeline adds its own prefix with `prefixed`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from choreo_local.errors import ChoreoError


class RenderError(ChoreoError):
    """The inputs cannot be turned into manifests; the message says which part of them and why."""

    def within(self, prefix: str) -> RenderError:
        """The same failure as the caller sees it: `<prefix>: <message>`."""
        return RenderError(f"{prefix}: {self.message}", remedy=self.remedy)


@contextmanager
def prefixed(prefix: str) -> Iterator[None]:
    """Report what fails in the block under a prefix."""
    try:
        yield
    except RenderError as error:
        raise error.within(prefix) from error


class NestedExpressionError(RenderError):
    """A `${` inside an expression, outside of quotes."""


class ExpressionCompileError(RenderError):
    """An expression of a template is not a valid CEL expression here."""


class ExpressionEvaluationError(RenderError):
    """An expression of a template is valid, but fails on these inputs."""


class PatchError(RenderError):
    """A patch operation does not fit the manifest it is applied to."""


class SchemaError(RenderError):
    """A parameter schema cannot be used."""
