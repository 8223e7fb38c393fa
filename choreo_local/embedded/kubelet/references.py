"""Image references of pods. Pure."""

from __future__ import annotations

from choreo_local.embedded.kubelet.runtime import ImageError
from choreo_local.images import references
from choreo_local.images.failures import InvalidReference
from choreo_local.images.references import Reference

_LONGEST = 512


def parse(text: str) -> Reference:
    """Read a reference; ImageError (InvalidImageName) says what is wrong."""
    try:
        return references.parse(text)
    except InvalidReference as error:
        name = text[:_LONGEST]
        raise ImageError(
            f'Failed to apply default image tag "{name}": couldn\'t parse image name '
            f'"{name}": invalid reference format: {error.message}',
            reason="InvalidImageName",
        ) from error


def matches(pattern: str, reference: Reference) -> bool:
    """Whether `repository` or `repository:tag` (a `*` may end the tag) covers the reference."""
    head, slash, last = pattern.rpartition("/")
    name, colon, tag = last.partition(":")
    if references.qualified(head + slash + name) != reference.repository:
        return False
    if not colon:
        return True
    actual = reference.tag or "latest"
    return actual.startswith(tag[:-1]) if tag.endswith("*") else actual == tag
