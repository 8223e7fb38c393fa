"""Image references: `docker.io/library/postgres:16@sha256:…` and the short forms of it. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from choreo_local.embedded.kubelet.runtime import ImageError

_LONGEST = 512
_NAME_LETTERS = frozenset("abcdefghijklmnopqrstuvwxyz0123456789._-")
_TAG_LETTERS = _NAME_LETTERS | frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
_HEX = frozenset("0123456789abcdef")


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference; `repository` includes the host name of the registry."""

    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def is_latest(self) -> bool:
        """Whether it names a moving target, which is pulled each time unless told otherwise."""
        return not self.digest and self.tag in {"", "latest"}


def parse(text: str) -> Reference:
    """Read a reference; ImageError (InvalidImageName) says what is wrong."""
    rest, _, digest = text.partition("@")
    head, slash, last = rest.rpartition("/")
    name, colon, tag = last.partition(":")
    repository = head + slash + name
    problem = _problem(text, repository, tag=tag if colon else None, digest=digest)
    if problem:
        raise ImageError(
            f'Failed to apply default image tag "{text[:_LONGEST]}": couldn\'t parse image name '
            f'"{text[:_LONGEST]}": invalid reference format: {problem}',
            reason="InvalidImageName",
        )
    return Reference(_qualified(repository), tag, digest)


def _problem(text: str, repository: str, *, tag: str | None, digest: str) -> str:
    if not text or len(text) > _LONGEST:
        return "empty or too long"
    host, _, path = repository.rpartition("/")
    parts = repository.split("/")[1 if _is_registry(host) else 0 :]
    if not path or not all(part and set(part) <= _NAME_LETTERS for part in parts):
        return "repository name must be lower case letters, digits, '.', '_', '-' and '/'"
    if tag is not None and not (tag and len(tag) <= 128 and set(tag) <= _TAG_LETTERS):
        return "tag must be letters, digits, '.', '_' and '-'"
    if "@" in text:
        _, _, value = digest.partition(":")
        if not (digest.startswith("sha") and len(value) >= 32 and set(value) <= _HEX):
            return "digest must be an algorithm, a colon and hexadecimal digits"
    return ""


def _is_registry(host: str) -> bool:
    first = host.split("/")[0]
    return bool(first) and ("." in first or ":" in first or first == "localhost")


def _qualified(repository: str) -> str:
    """With the registry that short names mean."""
    first, slash, _ = repository.partition("/")
    if slash and _is_registry(first):
        return repository
    return f"docker.io/{repository}" if slash else f"docker.io/library/{repository}"


def matches(pattern: str, reference: Reference) -> bool:
    """Whether `repository` or `repository:tag` (a `*` may end the tag) covers the reference."""
    head, slash, last = pattern.rpartition("/")
    name, colon, tag = last.partition(":")
    if _qualified(head + slash + name) != reference.repository:
        return False
    if not colon:
        return True
    actual = reference.tag or "latest"
    return actual.startswith(tag[:-1]) if tag.endswith("*") else actual == tag
