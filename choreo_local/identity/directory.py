"""The users and clients that the provider knows: those of upstream's installation, and one's own.

`bundles/identity/directory.yaml` has the former. A file `directory.yaml` of the same form in the
state folder of the instance adds to them, or replaces those of the same name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from choreo_local.apimachinery import yamltext
from choreo_local.errors import BadRequestError, PreflightError

AUTHORIZATION_CODE: Final = "authorization_code"
CLIENT_CREDENTIALS: Final = "client_credentials"
REFRESH_TOKEN: Final = "refresh_token"
ROTATED: Final = "rotated"
REUSABLE: Final = "reusable"
DEVICE_CODE: Final = "urn:ietf:params:oauth:grant-type:device_code"


@dataclass(frozen=True, slots=True)
class User:
    """A person.

    Attributes:
        name: what is typed, and the subject of tokens.
        password: argon2 hash; nobody can sign in without one.
        nickname: under which `choreo login --as` finds it.
    """

    name: str
    password: str = field(default="", repr=False)
    groups: tuple[str, ...] = ()
    display_name: str = ""
    nickname: str = ""


@dataclass(frozen=True, slots=True)
class Client:
    """A program.

    Attributes:
        secret: argon2 hash; "" for a program that cannot keep a secret, which has to prove itself
            with PKCE.
        grants: how it may get tokens.
        redirects: where answers may be sent; on the loopback address any port will do.
        label: under which the API tells of it.
        refresh: `reusable` for a program that presents the same refresh token again and again;
            others get a new one each time, and are signed out when an old one comes back.
    """

    id: str
    secret: str = field(default="", repr=False)
    grants: tuple[str, ...] = ()
    redirects: tuple[str, ...] = ()
    scopes: tuple[str, ...] = ("openid", "profile", "email")
    label: str = ""
    refresh: str = ROTATED

    def __post_init__(self) -> None:
        if self.refresh not in {ROTATED, REUSABLE}:
            raise TypeError(f"refresh is neither {ROTATED} nor {REUSABLE}")

    def accepts(self, redirect: str) -> bool:
        """Whether answers may be sent there: the very same address, but for a loopback port."""
        return any(_is_same(known, redirect) for known in self.redirects)


@dataclass(frozen=True, slots=True)
class Directory:
    """All users and clients, by name."""

    users: Mapping[str, User]
    clients: Mapping[str, Client]

    def persona(self, text: str) -> User | None:
        """A user by name or nickname."""
        found = self.users.get(text)
        return found or next((user for user in self.users.values() if user.nickname == text), None)


def load(files: Sequence[Path]) -> Directory:
    """Read the files that exist, later ones on top.

    Raises PreflightError when one cannot be understood.
    """
    users: dict[str, User] = {}
    clients: dict[str, Client] = {}
    for file in files:
        content = _read(file)
        try:
            found = [User(**_plain(entry)) for entry in content.get("users") or ()]
            users |= {user.name: user for user in found}
            programs = [Client(**_plain(entry)) for entry in content.get("clients") or ()]
            clients |= {client.id: client for client in programs}
        except (TypeError, AttributeError) as error:
            raise _unreadable(file, str(error)) from error
    return Directory(users, clients)


def _read(file: Path) -> Mapping[str, Any]:
    try:
        documents = yamltext.load_all(file.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, BadRequestError, UnicodeDecodeError) as error:
        raise _unreadable(file, str(error)) from error
    content = documents[0] if documents else {}
    if not isinstance(content, dict):
        raise _unreadable(file, "it holds no mapping")
    return content


def _plain(entry: Mapping[str, Any]) -> dict[str, Any]:
    """Lists as tuples, texts as they are; TypeError on anything else."""
    found: dict[str, Any] = {}
    for name, value in entry.items():
        if isinstance(value, list) and all(isinstance(item, str) for item in value):
            found[name] = tuple(value)
        elif isinstance(value, str):
            found[name] = value
        else:
            raise TypeError(f"{name} is neither a text nor a list of texts")
    return found


def _unreadable(file: Path, why: str) -> PreflightError:
    return PreflightError(
        f"cannot read the users and clients in {file}: {why}",
        remedy="Correct the file, or remove it: the usual users and clients are built in",
    )


def _is_same(known: str, given: str) -> bool:
    if known == given:
        return True
    try:
        one, other = urlsplit(known), urlsplit(given)
        is_loopback = one.hostname in {"127.0.0.1", "::1"} and one.hostname == other.hostname
        ports = (one.port, other.port)
    except ValueError:
        return False
    plain = one.scheme == other.scheme == "http" and other.username is None
    rest = (one.path, one.query, one.fragment) == (other.path, other.query, other.fragment)
    return is_loopback and plain and rest and None not in ports
