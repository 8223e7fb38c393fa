"""Image references: `docker.io/library/postgres:16@sha256:…` and the short forms of it. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

from choreo_local.images import digests
from choreo_local.images.failures import InvalidReference

DEFAULT_REGISTRY, DEFAULT_TAG = "docker.io", "latest"
_LONGEST, _LONGEST_NAME = 512, 255
# Linear: what may follow a separator never is one, and texts are short.
_COMPONENT = re.compile(r"[a-z0-9]+(?:(?:\.|_{1,2}|-+)[a-z0-9]+)*")
_TAG = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}")
_HOST = re.compile(
    r"(?:\[[0-9a-fA-F:]{2,45}\]|[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?)(?::\d{1,5})?"
)
_ONLY_HEX = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Reference:
    """A parsed reference; `repository` includes the host name of the registry."""

    repository: str
    tag: str = ""
    digest: str = ""

    @property
    def registry(self) -> str:
        """Host name and perhaps port of the registry."""
        return self.repository.partition("/")[0]

    @property
    def path(self) -> str:
        """The repository as its registry knows it."""
        return self.repository.partition("/")[2]

    @property
    def target(self) -> str:
        """What a registry is asked for: the digest, else the tag."""
        return self.digest or self.tag or DEFAULT_TAG

    @property
    def is_latest(self) -> bool:
        """Whether it names a moving target, which is pulled each time unless told otherwise."""
        return not self.digest and self.tag in {"", DEFAULT_TAG}

    def __str__(self) -> str:
        tag = self.tag or ("" if self.digest else DEFAULT_TAG)
        return (
            self.repository + (f":{tag}" if tag else "") + (f"@{self.digest}" * bool(self.digest))
        )


def parse(text: str) -> Reference:
    """Read a reference; InvalidReference says what is wrong."""
    rest, at, digest = text.partition("@")
    head, slash, last = rest.rpartition("/")
    name, colon, tag = last.partition(":")
    problem = _problem(
        text,
        head + slash + name,
        tag=tag if colon else None,
        digest=digest if at else None,
    )
    if problem:
        raise InvalidReference(problem)
    return Reference(qualified(head + slash + name), tag, digest)


def _problem(text: str, repository: str, *, tag: str | None, digest: str | None) -> str:
    if not text or len(text) > _LONGEST:
        return "empty or too long"
    if not is_path(_path(repository)) or not _HOST.fullmatch(_host(repository) or "x"):
        return "repository name must be lower case letters, digits, '.', '_', '-' and '/'"
    if _ONLY_HEX.fullmatch(repository):
        return "cannot specify 64-byte hexadecimal strings"
    if tag is not None and not is_tag(tag):
        return "tag must be letters, digits, '.', '_' and '-'"
    if digest is not None and not digests.is_digest(digest):
        return "digest must be an algorithm, a colon and hexadecimal digits"
    return ""


def is_path(text: str) -> bool:
    """Whether a registry may have a repository of that name."""
    parts = text.split("/")
    return len(text) <= _LONGEST_NAME and all(_COMPONENT.fullmatch(part) for part in parts)


def is_tag(text: str) -> bool:
    """Whether an image may be tagged so."""
    return _TAG.fullmatch(text) is not None


def _host(repository: str) -> str:
    """The host name that a repository begins with; empty when it has none."""
    first, slash, _ = repository.partition("/")
    named = "." in first or ":" in first or first == "localhost" or first != first.lower()
    return first if slash and named else ""


def _path(repository: str) -> str:
    return repository[len(_host(repository)) :].removeprefix("/" if _host(repository) else "")


def qualified(repository: str) -> str:
    """A repository with the registry that short names mean."""
    host, path = _host(repository) or DEFAULT_REGISTRY, _path(repository)
    if host == "index.docker.io":
        host = DEFAULT_REGISTRY
    if host == DEFAULT_REGISTRY and "/" not in path:
        path = f"library/{path}"
    return f"{host}/{path}"
