"""Why an image cannot be had. Raised below `pulling`, worded for people by who shows them."""

from __future__ import annotations

from choreo_local.errors import ChoreoError


class ImageFailure(ChoreoError):
    """Something about an image is wrong or missing.

    Attributes:
        code: the gRPC status that a container runtime gives such a failure.
    """

    code = "Unknown"


class InvalidReference(ImageFailure):
    """A text is no image reference."""

    code = "InvalidArgument"


class InvalidContent(ImageFailure):
    """A manifest, configuration or layer is not what its format says, or goes beyond a limit."""

    code = "InvalidArgument"


class NotThere(ImageFailure):
    """A registry, an archive or the store has no such content."""

    code = "NotFound"


class Denied(ImageFailure):
    """A registry wants other credentials, or gives this caller nothing."""


class Unavailable(ImageFailure):
    """A registry cannot be reached or does not answer as one; another attempt may succeed."""


class Corrupted(ImageFailure):
    """Content does not have the digest or size by which it was asked for."""

    code = "FailedPrecondition"


class NoSpace(ImageFailure):
    """The disk is full."""

    code = "ResourceExhausted"
