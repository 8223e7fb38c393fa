"""The recorded runs of upstream's command against a server: our API answers what they printed.

The program itself is not here. For each run the requests that it sends are sent in its order, and
what it prints is made of the answers. Runs that ask nothing of a server are left out; those in
file-system mode are repeated with our command elsewhere.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any, NamedTuple

import pytest
import pytest_asyncio
import yaml

from choreo_local.api import labels
from choreo_local.identity import passwords
from choreo_local.identity.directory import CLIENT_CREDENTIALS, Client, Directory
from choreo_local.identity.keys import SigningKeys
from tests.apiserver.harness import Api, serve
from tests.golden import FIXTURES, GOLDENS, differences, load
from tests.golden.callers import Callers
from tests.golden.occ import AGE, Occ, OccError
from tests.services import harness
from tests.services.waiting import until

_FILES = ("apply", "delete", "deploy", "get", "list", "login", "runs", "scaffold", "secret")
_INSTALLED = FIXTURES / "samples" / "getting-started" / "all.yaml"
# Told before anything is asked of the server.
_LOCAL = re.compile(
    "required (argument|parameter)|unknown flag|invalid --|invalid component type format|"
    "one of --|does not exist|failed to parse|failed to merge overrides"
)
_HASH = re.compile(r"-[0-9a-f]{8,10}\b")
_DAY = re.compile(r"-20\d{6}-")
_UNIX = re.compile(r"-\d{10}\b")
_FOREIGN = re.compile(r"app\.kubernetes\.io/|helm\.sh/|kubectl\.kubernetes\.io/")
# Differs from one installation to the next; what controllers write is compared elsewhere.
_UNSTEADY = frozenset({"uid", "creationTimestamp", "status"})
# Of the client, not of an answer.
_UNSHOWN = re.compile(r"NAME\b|Client:|  |Credential ")
_NOTHING = re.compile(r"No [a-z ]+ found\n")
_SECRET = "s3"


class Printed(NamedTuple):
    """What a run printed: lines, or the object that it showed."""

    lines: list[str]
    error: str
    shown: Any = None


def _cases() -> Iterator[dict[str, Any]]:
    for name in _FILES:
        path = GOLDENS / "occ" / f"{name}.json"
        if path.exists():
            yield from load(path)["cases"]


def _asking() -> list[dict[str, Any]]:
    found = [case for case in _cases() if not _LOCAL.search(case["stdout"] + case["stderr"])]
    return sorted(found, key=lambda case: str(case["id"]))


def _titled() -> list[Any]:
    return [
        pytest.param(case, id=f"{case['id']}-{' '.join(case['args'][:3])}") for case in _asking()
    ]


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def printed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[dict[str, Printed]]:
    """What each run prints with our API, in their order, for each builds on those before."""
    secret = passwords.hashed(_SECRET)
    known = Directory({}, {"admin-cli": Client("admin-cli", secret, (CLIENT_CREDENTIALS,))})
    callers = Callers(SigningKeys(tmp_path_factory.mktemp("keys")), known)
    async with (
        harness.platform() as platform,
        serve(platform, provider=callers.provider) as api,
    ):
        occ = Occ(api, lambda: callers.token("admin"))
        await platform.apply(*_installed())
        await _prepare(occ)
        found: dict[str, Printed] = {}
        for case in _asking():
            await _settle(occ, case)
            found[case["id"]] = await _run(occ, api, case)
        yield found


def _installed() -> list[dict[str, Any]]:
    documents = yaml.safe_load_all(_INSTALLED.read_text(encoding="utf-8"))
    return [each for each in documents if each and each["apiVersion"].startswith("openchoreo.dev/")]


async def _prepare(occ: Occ) -> None:
    """What runs made that are not among the recorded ones, as those that are show it."""
    await occ.apply([_app()])
    for name in ("occ-p2", "occ-p3"):
        project = {"kind": "Project", "metadata": {"name": name}, "spec": {}}
        await occ.apply([yaml.safe_dump(project)])


async def _start_run(occ: Occ) -> None:
    """As a run of the command that is not among the recorded ones did."""
    repository = {"url": "https://git.example/demo.git", "revision": {"branch": "main"}}
    workflow = {
        "kind": "ClusterWorkflow",
        "name": "dockerfile-builder",
        "parameters": {"repository": repository},
    }
    body = {"metadata": {"name": "dockerfile-builder-1700000000"}, "spec": {"workflow": workflow}}
    await occ.must("POST", "/api/v1/namespaces/default/workflowruns", body, wanted=201)


async def _settle(occ: Occ, case: Mapping[str, Any]) -> None:
    """Make what others had made by the time of a run, or wait for it."""
    match case["args"]:
        case ["workflowrun", "list", *_] if AGE in case["stdout"]:
            await _start_run(occ)

            async def conditions() -> Any:
                found = await occ.get("workflowrun", "dockerfile-builder-1700000000")
                return (found.get("status") or {}).get("conditions")

            await until(conditions, bool, seconds=60)
        case ["componentrelease" | "projectrelease" as noun, "list", *_]:
            wanted = sum(AGE in line for line in case["stdout"].splitlines())
            await until(lambda: occ.rows(noun, {}), lambda rows: len(rows) >= wanted, seconds=60)
        case ["releasebinding", "get", name, *_]:
            await _until_there(occ, "releasebinding", name)
        case ["component", "deploy", *_]:
            await _until_there(occ, "releasebinding", "occ-app-development")
        case ["project", "deploy", name, *_, "--to", "staging"]:

            async def release() -> str:
                spec = (await occ.get("projectreleasebinding", f"{name}-development"))["spec"]
                return str(spec.get("projectRelease") or "")

            await until(release, bool, seconds=60)


async def _until_there(occ: Occ, noun: str, name: str) -> None:
    async def is_there() -> bool:
        try:
            return bool(await occ.get(noun, name))
        except OccError:
            return False

    await until(is_there, bool, seconds=60)


async def _run(occ: Occ, api: Api, case: Mapping[str, Any]) -> Printed:
    try:
        found = await _printed(occ, api, case)
    except OccError as error:
        return Printed([], str(error))
    return Printed([], "", found) if isinstance(found, dict) else Printed(found, "")


async def _printed(occ: Occ, api: Api, case: Mapping[str, Any]) -> list[str] | dict[str, Any]:
    words, flags = _split(case["args"])
    match words:
        case ["namespace", "list"]:
            return await _signed_out(api)
        case ["login"]:
            return await _login(api, flags, case.get("env") or {})
        case ["version"]:
            await occ.must("GET", "/version")
            return ["Server:"]
        case ["apply"]:
            return await occ.apply(_texts(case))
        case ["component", "deploy", name]:
            changes = _changes(flags.get("--set", ""))
            to = flags.get("--to", "")
            return await occ.deploy_component(name, flags["-p"], to=to, changes=changes)
        case ["project", "deploy", name]:
            return await occ.deploy_project(name, to=flags.get("--to", ""))
        case ["component", "workflowrun", "list", name]:
            runs = await occ.all("/api/v1/namespaces/default/workflowruns")
            return [str(run["metadata"]["name"]) for run in runs if _component_of(run) == name]
        case _:
            return await _printed_of_object(occ, words, flags)


async def _printed_of_object(
    occ: Occ, words: list[str], flags: Mapping[str, str]
) -> list[str] | dict[str, Any]:
    match words:
        case ["component", "scaffold", _]:
            return await _scaffold(occ, flags)
        case ["component", "workflow", "run", name]:
            component = await occ.get("component", name)
            assert "workflow" not in component["spec"]
            raise OccError(f'component "{name}" has no workflow configured')
        case ["component", "logs", name]:
            return await _prefixed("failed to get component: ", occ.get("component", name))
        case ["component", "exec", name, *_]:
            return dict(await occ.must("GET", f"/exec/namespaces/default/components/{name}"))
        case ["workflowrun", "logs", name]:
            path = f"/api/v1/namespaces/default/workflowruns/{name}/status"
            return await _prefixed("failed to get workflow run status: ", occ.must("GET", path))
        case ["workflow", "run", name]:
            return await occ.get("workflow", name)
        case ["resource", "promote", name]:
            return await occ.get("resource", name)
        case ["secret", "list"]:
            found = await occ.all("/api/v1alpha1/namespaces/default/secrets")
            return [str(item["metadata"]["name"]) for item in found]
        case ["secret", "update" | "delete" as verb, name]:
            method, wanted = ("DELETE", 204) if verb == "delete" else ("GET", 200)
            path = f"/api/v1alpha1/namespaces/default/secrets/{name}"
            return dict(await occ.must(method, path, wanted=wanted))
        case [noun, "list", *_]:
            return await occ.rows(noun, flags)
        case [noun, "get", name]:
            return await occ.get(noun, name)
        case [noun, "delete", name]:
            return await occ.delete(noun, name)
    raise AssertionError(f"what does it do? {words}")


def _component_of(run: Mapping[str, Any]) -> str:
    return str((run["metadata"].get("labels") or {}).get(labels.COMPONENT, ""))


def _split(args: list[str]) -> tuple[list[str], dict[str, str]]:
    """Words and flags; a flag without a value is followed by another one."""
    words, flags = [], {}
    rest = list(args)
    while rest:
        word = rest.pop(0)
        if word.startswith("-"):
            flags[word] = "" if not rest or rest[0].startswith("-") else rest.pop(0)
        else:
            words.append(word)
    return words, flags


def _texts(case: Mapping[str, Any]) -> list[str]:
    files = case.get("files") or {}
    if not files and "app.yaml" in case["args"]:
        return [_app()]
    return [files[name] for name in sorted(files) if name.endswith((".yaml", ".yml"))] or [""]


def _app() -> str:
    """The file that was applied first, of which no run tells."""
    shown = [yaml.safe_load(each["stdout"]) for each in _cases() if _shows_app(each)]
    shown.sort(key=lambda each: str(each["kind"]))
    return "---\n".join(yaml.safe_dump(each | {"status": None}) for each in shown)


def _shows_app(case: Mapping[str, Any]) -> bool:
    return case["args"][:3] in (["component", "get", "occ-app"], ["workload", "get", "occ-app-wl"])


def _changes(text: str) -> dict[str, Any]:
    """`spec.a.b=1` as members of the spec."""
    if not text:
        return {}
    path, _, value = text.partition("=")
    found: Any = yaml.safe_load(value)
    for step in reversed(path.split(".")[1:]):
        found = {step: found}
    return dict(found)


async def _prefixed(prefix: str, asked: Any) -> dict[str, Any]:
    try:
        return dict(await asked)
    except OccError as error:
        raise OccError(f"{prefix}{error}") from error


async def _scaffold(occ: Occ, flags: Mapping[str, str]) -> list[str]:
    asked = (
        ("clustercomponenttype", flags["--clustercomponenttype"].rpartition("/")[2]),
        ("clustertrait", flags.get("--clustertraits", "")),
        ("clusterworkflow", flags.get("--clusterworkflow", "")),
    )
    return [name for noun, found in asked if found for name in await occ.parameters(noun, found)]


async def _discovered(api: Api) -> dict[str, Any]:
    """What the command reads before it does anything."""
    _, resource, _ = await api.call("GET", "/.well-known/oauth-protected-resource", token=None)
    assert resource["openchoreo_security_enabled"] is True
    issuer = resource["authorization_servers"][0]
    path = issuer.removeprefix(api.url) + "/.well-known/openid-configuration"
    _, metadata, _ = await api.call("GET", path, token=None)
    return dict(metadata)


async def _signed_out(api: Api) -> list[str]:
    assert (await _discovered(api))["token_endpoint"]
    status, _, _ = await api.call("GET", "/api/v1/namespaces", token=None)
    assert status == 401
    raise OccError("Authentication required")


async def _login(api: Api, flags: Mapping[str, str], env: Mapping[str, str]) -> list[str]:
    form = {
        "grant_type": "client_credentials",
        "client_id": flags.get("--client-id") or env["OCC_CLIENT_ID"],
        "client_secret": flags.get("--client-secret") or _SECRET,
    }
    endpoint = (await _discovered(api))["token_endpoint"]
    async with api.session.post(endpoint, data=form) as response:
        content = await response.json()
        if response.status != 200:
            problem = f'{response.status}: {{"error": "{content["error"]}"}}'
            raise OccError(
                f"failed to get access token: token request failed with status {problem}"
            )
    status, _, _ = await api.call("GET", "/api/v1/namespaces", token=content["access_token"])
    assert status == 200
    return ["Authentication successful!"]


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.timeout(180)
@pytest.mark.parametrize("case", _titled())
async def test_answers_hold_what_was_printed(
    case: dict[str, Any], printed: dict[str, Printed]
) -> None:
    reason = differences("occ").get(case["id"])
    missing = list(_missing(case, printed[case["id"]]))
    if reason is not None:
        assert missing, "this is listed as a difference, but is none"
        pytest.skip(f"differs: {reason}")
    assert missing == []


def _missing(case: Mapping[str, Any], given: Printed) -> Iterator[str]:
    """What the run showed and the answers do not hold."""
    if case["exitCode"] and case["stderr"] and "apply completed" not in case["stderr"]:
        wanted = case["stderr"].removeprefix("Error: ").splitlines()[0].partition(". Please")[0]
        if wanted != given.error:
            yield f"{wanted} is not {given.error}"
        return
    if given.error:
        yield f"it failed: {given.error}"
    elif case["args"][1:2] == ["get"]:
        yield from _absent(yaml.safe_load(case["stdout"]), given.shown, "")
    elif case["args"][1:2] == ["scaffold"]:
        yield from _unknown_parameters(case, given.lines)
    else:
        held = [_normal(line) for line in given.lines]
        if _NOTHING.fullmatch(case["stdout"]) and held:
            yield f"nothing was found, but {held} is"
        yield from (line for line in _shown_lines(case["stdout"]) if not _is_held(line, held))


def _shown_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        is_shown = re.match(r"  (Release|Binding):", line) or not _UNSHOWN.match(line)
        if line.strip() and is_shown and not _NOTHING.fullmatch(f"{line}\n"):
            yield _normal(line)


def _is_held(line: str, held: list[str]) -> bool:
    return line in held or any(line.removeprefix("✓ ") == each for each in held)


def _normal(line: str) -> str:
    text = _UNIX.sub("-<unix>", _DAY.sub("-<yyyymmdd>-", line))
    return " ".join(_HASH.sub("-<hash>", text).split())


def _absent(wanted: Any, given: Any, path: str) -> Iterator[str]:
    """Where an object lacks what was shown."""
    if isinstance(wanted, dict) and isinstance(given, dict):
        for name, value in wanted.items():
            is_foreign = isinstance(value, dict) and value and all(map(_FOREIGN.match, value))
            if not (name in _UNSTEADY or _FOREIGN.match(name) or is_foreign):
                yield from _absent(value, given.get(name), f"{path}.{name}")
    elif isinstance(wanted, list) and isinstance(given, list) and len(wanted) == len(given):
        for index, value in enumerate(wanted):
            yield from _absent(value, given[index], f"{path}[{index}]")
    elif wanted != AGE and _steady(wanted) != _steady(given):
        yield f"{path}: {wanted} is {given}"


def _steady(value: Any) -> Any:
    return _normal(value) if isinstance(value, str) else value


def _unknown_parameters(case: Mapping[str, Any], known: list[str]) -> Iterator[str]:
    """Names below `parameters` that no schema of the answers has."""
    text = case["stdout"]
    for block in re.findall(r"^( *)parameters:\n((?:\1  .*\n|\n)*)", text, re.MULTILINE):
        for name in re.findall(r"^\s*(?:# )?(?:- )?([a-z]\w*):(?: |$)", block[1], re.MULTILINE):
            if name not in known:
                yield f"{name} is in no schema"


def test_the_recordings_are_there() -> None:
    if not _asking():
        pytest.skip("recordings are not here; set CHOREO_GOLDENS")
    assert len(_asking()) > 60
