"""Sign in at a real provider, and stay signed in."""

from __future__ import annotations

import json
import stat
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path

import pytest

from choreo_local import clock
from choreo_local.apiclient import login, sessions
from choreo_local.errors import PreflightError, RefusedError, UnreachableError
from choreo_local.identity.directory import Directory
from choreo_local.identity.keys import SigningKeys
from choreo_local.identity.provider import Provider
from choreo_local.paths import InstancePaths
from choreo_local.threads import LoopThread
from tests.apiserver.harness import serve
from tests.identity.parts import DIRECTORY, PASSWORD
from tests.services import harness

pytestmark = pytest.mark.timeout(120)
_SECONDS = 60


def _known() -> Directory:
    """The people and programs of other tests; one program is that of the command."""
    ours = replace(DIRECTORY.clients["cli"], label="cli")
    return Directory(DIRECTORY.users, {**DIRECTORY.clients, "cli": ours})


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Where an API with a provider answers; it runs in a thread, for signing in waits."""
    thread, stack, keys = LoopThread("api of tests"), AsyncExitStack(), tmp_path_factory.mktemp("k")

    def provider(where: str) -> Provider:
        return Provider(lambda: where, SigningKeys(keys), _known())

    async def start() -> str:
        platform = await stack.enter_async_context(harness.control_plane("core"))
        return (await stack.enter_async_context(serve(platform, provider=provider))).url

    thread.start()
    try:
        yield thread.call(start(), timeout=_SECONDS)
    finally:
        thread.call(stack.aclose(), timeout=_SECONDS)
        thread.stop()


@pytest.fixture
def person(url: str) -> sessions.Session:
    """Ada, signed in with a code."""
    provider = sessions.discover(url)
    code = sessions.begin(provider)
    assert sessions.ask(provider, code) is None, "nobody has confirmed it yet"
    _decide(code, "allow")
    session = sessions.ask(provider, code)
    assert session is not None
    return session


def _decide(code: sessions.Code, decision: str) -> None:
    form = {"user_code": code.user, "username": "ada@example.org", "password": PASSWORD}
    body = urllib.parse.urlencode({**form, "decision": decision}).encode()
    with urllib.request.urlopen(code.address, data=body) as answer:
        assert answer.status == 200


def test_a_person_signs_in_with_a_code(person: sessions.Session) -> None:
    assert person.who == "ada@example.org"
    assert person.expires > clock.unix()
    for secret in (person.access_token, person.refresh_token):
        assert secret
        assert secret not in repr(person)


def test_a_person_may_refuse(url: str) -> None:
    provider = sessions.discover(url)
    code = sessions.begin(provider)
    _decide(code, "deny")
    with pytest.raises(RefusedError, match="refused"):
        sessions.ask(provider, code)


def test_a_program_signs_in_with_its_secret(url: str) -> None:
    provider = sessions.discover(url)
    assert sessions.of_program(provider, "robot", PASSWORD).who == "robot"
    with pytest.raises(RefusedError, match="failed to get access token"):
        sessions.of_program(provider, "robot", "wrong")


def test_a_session_is_kept_for_its_owner_alone(tmp_path: Path, person: sessions.Session) -> None:
    file = tmp_path / "session.json"
    sessions.save(file, person)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert sessions.load(file) == person
    assert sessions.load(tmp_path / "none.json") is None


def test_tokens_are_renewed_before_they_end(tmp_path: Path, person: sessions.Session) -> None:
    file = tmp_path / "session.json"
    sessions.save(file, replace(person, expires=clock.unix() + 30))
    renewed = sessions.load(file)
    assert renewed is not None
    assert renewed.who == person.who
    assert renewed.access_token != person.access_token
    assert renewed.expires > clock.unix() + 60
    assert sessions.load(file) == renewed, "what was renewed is kept"


def test_a_session_that_cannot_go_on_says_so(tmp_path: Path, person: sessions.Session) -> None:
    file = tmp_path / "session.json"
    for broken in (replace(person, refresh_token="old"), replace(person, refresh_token="")):
        sessions.save(file, replace(broken, expires=0))
        with pytest.raises(RefusedError, match="and that has ended") as refused:
            sessions.load(file)
        assert "choreo login" in refused.value.remedy


@pytest.mark.parametrize("text", ["", "[]", "nonsense", '{"who": "x"}', '"text"'])
def test_a_file_that_cannot_be_read_says_how_to_remove_it(tmp_path: Path, text: str) -> None:
    file = tmp_path / "session.json"
    file.write_text(text)
    with pytest.raises(PreflightError, match="cannot read") as refused:
        sessions.load(file)
    assert "choreo logout" in refused.value.remedy


def test_nobody_there_is_said() -> None:
    with pytest.raises(UnreachableError, match="cannot reach"):
        sessions.discover("http://127.0.0.1:9")


def test_an_instance_is_used_by_whoever_signed_in(tmp_path: Path, person: sessions.Session) -> None:
    paths = InstancePaths.of("default", tmp_path)
    paths.root.mkdir(parents=True)
    paths.instance_file.write_text(json.dumps({"pid": 1, "ports": {"api": 8081}}))
    paths.token.write_text("of-owner\n")
    paths.persona.write_text("developer\n")
    sessions.save(paths.session, person)
    found = login.find(paths, {})
    assert (found.token, found.persona) == (person.access_token, "")
    assert found.signed_in == "ada@example.org"
    assert login.find(paths, {"CHOREO_TOKEN": "given"}).token == "given"
    assert login.find_own(paths).token == "of-owner"


def test_who_signs_out_cannot_go_on_with_the_same_tokens(
    person: sessions.Session, tmp_path: Path
) -> None:
    file = tmp_path / "session.json"
    sessions.save(file, person)
    assert sessions.end(file)
    assert not file.exists()
    sessions.save(file, replace(person, expires=0))
    with pytest.raises(RefusedError, match="has ended"):
        sessions.load(file)


def test_who_signs_out_while_nobody_answers_is_told_so(tmp_path: Path) -> None:
    file = tmp_path / "session.json"
    gone = sessions.Session(
        "ada", "http://127.0.0.1:9/t", "cli", "a", "r", 0, "http://127.0.0.1:9/r"
    )
    sessions.save(file, gone)
    assert not sessions.end(file)
    assert not file.exists()
    with pytest.raises(FileNotFoundError):
        sessions.end(file)
    file.write_text("nonsense")
    assert not sessions.end(file)
    assert not file.exists()
