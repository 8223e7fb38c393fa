"""What git providers tell of a push: who they are, whether it is they, what was pushed; pure."""

from __future__ import annotations

import hashlib
import hmac
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

_COMMIT = re.compile(r"[0-9a-fA-F]{7,40}")
_SSH = re.compile(r"(?:ssh://)?git@([^:/]+)[:/](.+)")
_BRANCH = "refs/heads/"
_NOTHING = re.compile(r"0{40}")
_HMAC = "sha256="


class Provider(NamedTuple):
    """A git provider.

    Attributes:
        key: of the shared secret.
        header: the header by which its requests are known.
        signature: the header that proves who sent them.
        is_plain: whether that header is the shared secret itself.
    """

    name: str
    key: str
    header: str
    signature: str
    is_plain: bool = False


PROVIDERS = (
    Provider("github", "github-secret", "x-hub-signature-256", "x-hub-signature-256"),
    Provider("gitlab", "gitlab-secret", "x-gitlab-token", "x-gitlab-token", is_plain=True),
    Provider("bitbucket", "bitbucket-secret", "x-event-key", "x-hub-signature"),
)


@dataclass(frozen=True, slots=True)
class Push:
    """New commits on one branch of a repository.

    Attributes:
        repository: normalised URL.
        commit: "" where the provider named none that can be one.
        changed: paths; empty where the provider does not tell.
    """

    repository: str
    branch: str
    commit: str
    changed: tuple[str, ...] = ()


def provider_of(headers: Mapping[str, str]) -> Provider | None:
    """Who sent a request, by its headers in lower case."""
    return next((each for each in PROVIDERS if headers.get(each.header)), None)


def is_genuine(
    provider: Provider, headers: Mapping[str, str], body: bytes, *, secret: bytes
) -> bool:
    """Whether the sender of a body knows the shared secret."""
    given = headers.get(provider.signature, "").encode(errors="replace")
    if provider.is_plain:
        return hmac.compare_digest(given, secret)
    expected = _HMAC + hmac.new(secret, body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given, expected.encode())


def parse(provider: Provider, event: Mapping[str, Any]) -> list[Push]:
    """The pushes to branches in an event; a branch that was deleted is none."""
    found = _bitbucket(event) if provider.name == "bitbucket" else _hub(provider, event)
    return [push for push in found if push.repository and push.branch]


def normalised(url: str) -> str:
    """A repository's URL in the form in which two spellings of it are equal."""
    text = url.strip()
    ssh = _SSH.fullmatch(text)
    if ssh is not None:
        text = f"https://{ssh[1]}/{ssh[2]}"
    return text.rstrip("/").removesuffix(".git").rstrip("/").lower()


def is_below(changed: Iterable[str], folder: str) -> bool:
    """Whether a changed path lies in `folder`; without either, everything may have changed."""
    wanted = folder.strip().removeprefix("./").strip("/")
    paths = [path.lstrip("/") for path in changed]
    if not wanted or wanted == "." or not paths:
        return True
    return any(path == wanted or path.startswith(f"{wanted}/") for path in paths)


def _hub(provider: Provider, event: Mapping[str, Any]) -> list[Push]:
    reference, commit = _text(event, "ref"), _text(event, "after")
    if not reference.startswith(_BRANCH) or _NOTHING.fullmatch(commit):
        return []
    if provider.name == "github":
        url = _text(event, "repository", "clone_url")
    else:
        project = _text(event, "project", "git_http_url")
        url = project or _text(event, "repository", "git_http_url")
    return [
        Push(
            normalised(url), reference.removeprefix(_BRANCH), _checked(commit), tuple(_paths(event))
        )
    ]


def _paths(event: Mapping[str, Any]) -> Iterable[str]:
    for commit in _list(event.get("commits")):
        for field in ("added", "modified", "removed"):
            for path in _list(commit.get(field) if isinstance(commit, Mapping) else None):
                if isinstance(path, str):
                    yield path


def _bitbucket(event: Mapping[str, Any]) -> list[Push]:
    url = _text(event, "repository", "links", "html", "href")
    push = event.get("push")
    found = []
    for change in _list(push.get("changes") if isinstance(push, Mapping) else None):
        if isinstance(change, Mapping) and _text(change, "new", "type") == "branch":
            commit = _checked(_text(change, "new", "target", "hash"))
            found.append(Push(normalised(url), _text(change, "new", "name"), commit))
    return found


def _checked(commit: str) -> str:
    return commit if _COMMIT.fullmatch(commit) else ""


def _text(content: Any, *path: str) -> str:
    for name in path:
        content = content.get(name) if isinstance(content, Mapping) else None
    return content if isinstance(content, str) else ""


def _list(content: Any) -> list[Any]:
    return content if isinstance(content, list) else []
