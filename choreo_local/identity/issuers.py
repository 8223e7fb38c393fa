"""Issuers elsewhere whose tokens the API takes, and the types of callers, from a file.

`identity.yaml` in the state folder of an instance, or the file of `choreo up --identity`. Its
`subjects` are those of upstream's configuration; `issuers` says who else may sign.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from choreo_local.apimachinery import yamltext
from choreo_local.authz.types import OWNER
from choreo_local.errors import BadRequestError, PreflightError
from choreo_local.identity.claims import SUBJECT_TYPES, SubjectType

# Only signatures whose verification needs nothing secret.
ALGORITHMS: Final = (
    *("RS256", "RS384", "RS512", "PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
_LONGEST = 1024 * 1024
_Text = Annotated[str, Field(min_length=1, max_length=2048)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Trusted(_Model):
    """An issuer elsewhere.

    Attributes:
        url: what its tokens name as `iss`, byte by byte.
        jwks_url: where its keys are; its discovery document says so where this is empty.
        jwks_file: a file with its keys, relative to the file that names it.
        audiences: one of them must be meant by a token.
        algorithms: those with which its tokens may be signed.
        ca_file: who vouches for its server, where the machine does not know.
        entitlements: claim of ours → claim of its tokens, with dots for members of members.
        prefix: put before the values of claims, so that groups of the same name stay apart.
    """

    url: _Text
    jwks_url: str = ""
    jwks_file: str = ""
    audiences: Annotated[tuple[_Text, ...], Field(min_length=1)]
    algorithms: tuple[str, ...] = ("RS256",)
    ca_file: str = ""
    entitlements: Mapping[str, _Text] = {}
    prefix: str = ""

    @field_validator("algorithms")
    @classmethod
    def _known(cls, given: tuple[str, ...]) -> tuple[str, ...]:
        if not given or set(given) - set(ALGORITHMS):
            raise ValueError(f"must be some of {', '.join(ALGORITHMS)}")
        return given

    @field_validator("entitlements")
    @classmethod
    def _not_ours(cls, given: Mapping[str, str]) -> Mapping[str, str]:
        if OWNER.claim in given:
            raise ValueError(f"{OWNER.claim} is the claim of the owner of the instance")
        return given

    @model_validator(mode="after")
    def _is_reached_safely(self) -> Trusted:
        if self.jwks_url and self.jwks_file:
            raise ValueError("jwks_url and jwks_file exclude each other")
        asked = self.jwks_url or ("" if self.jwks_file else self.url)
        if asked and not is_safe(asked):
            raise ValueError(f"keys must come over HTTPS, or from this machine: {asked}")
        return self


class _Entitlement(_Model):
    claim: _Text
    display_name: str = ""


class _Jwt(_Model):
    entitlement: _Entitlement


class _Mechanisms(_Model):
    jwt: _Jwt


class _Subject(_Model):
    display_name: str = ""
    priority: int
    mechanisms: _Mechanisms


class _File(_Model):
    subjects: Mapping[str, _Subject] = {}
    issuers: tuple[Trusted, ...] = ()

    @model_validator(mode="after")
    def _is_unambiguous(self) -> _File:
        priorities = [subject.priority for subject in self.subjects.values()]
        if len(set(priorities)) < len(priorities):
            raise ValueError("two subjects have the same priority")
        urls = [issuer.url for issuer in self.issuers]
        if len(set(urls)) < len(urls):
            raise ValueError("an issuer is there twice")
        claims = [subject.mechanisms.jwt.entitlement.claim for subject in self.subjects.values()]
        if OWNER.claim in claims:
            raise ValueError(f"{OWNER.claim} is the claim of the owner of the instance")
        return self


@dataclass(frozen=True, slots=True)
class Configuration:
    """What such a file says."""

    issuers: Sequence[Trusted] = ()
    subject_types: Sequence[SubjectType] = SUBJECT_TYPES


def load(file: Path, *, must_exist: bool = False) -> Configuration:
    """Read a file; nothing is configured where there is none.

    Raises PreflightError when it cannot be understood.
    """
    try:
        content = _read(file)
        read = _File.model_validate(content)
        found = [_with_places(issuer, file.parent) for issuer in read.issuers]
    except FileNotFoundError as error:
        if must_exist:
            raise _unreadable(file, "it does not exist") from error
        return Configuration()
    except ValidationError as error:
        raise _unreadable(file, _problem(error)) from error
    except (OSError, BadRequestError, UnicodeDecodeError, ValueError) as error:
        raise _unreadable(file, str(error)) from error
    return Configuration(found, _types(read.subjects) or SUBJECT_TYPES)


def is_safe(url: str) -> bool:
    """Whether nobody on the way can exchange what is read there."""
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
    except ValueError:
        return False
    if parts.username is not None or not host:
        return False
    return parts.scheme == "https" or (parts.scheme == "http" and _is_here(host))


def _is_here(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _read(file: Path) -> Any:
    if file.stat().st_size > _LONGEST:
        raise ValueError("it is too long")
    documents = yamltext.load_all(file.read_text(encoding="utf-8"))
    return documents[0] if documents else {}


def _with_places(issuer: Trusted, folder: Path) -> Trusted:
    places = {
        name: str(folder / value)
        for name in ("jwks_file", "ca_file")
        if (value := getattr(issuer, name))
    }
    for place in places.values():
        if not Path(place).is_file():
            raise ValueError(f"there is no file {place}")
    return issuer.model_copy(update=places)


def _types(subjects: Mapping[str, _Subject]) -> list[SubjectType]:
    in_order = sorted(subjects.items(), key=lambda item: item[1].priority)
    return [
        SubjectType(
            name,
            subject.mechanisms.jwt.entitlement.claim,
            subject.display_name or name,
            subject.mechanisms.jwt.entitlement.display_name
            or subject.mechanisms.jwt.entitlement.claim,
            subject.priority,
        )
        for name, subject in in_order
    ]


def _problem(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    place = ".".join(str(part) for part in first["loc"])
    words = str(first["msg"]).removeprefix("Value error, ")
    return f"{place}: {words}" if place else words


def _unreadable(file: Path, why: str) -> PreflightError:
    return PreflightError(
        f"cannot read the issuers and subjects in {file}: {why}",
        remedy="Correct the file; the README has an example",
    )
