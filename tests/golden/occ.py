"""What upstream's command asks of the API, and what it prints of the answers (reference 02 §11).

Only its conversation is here: files are read, requests are sent in its order, and the lines are
made of nothing but answers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

import yaml

from choreo_local.api import registry
from choreo_local.apimachinery.gvk import ResourceKind
from tests.apiserver.harness import Api

Body = dict[str, Any]

AGE = "<age>"
_PAGE = 500
_NAMESPACE = "default"


class OccError(Exception):
    """The command ends with this message."""


class Occ:
    """The command, signed in with a token."""

    def __init__(self, api: Api, token: Callable[[], str | None]) -> None:
        self._api = api
        self._token = token

    async def request(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status and content of an answer."""
        status, content, headers = await self._api.call(method, path, body, token=self._token())
        assert status == 204 or status >= 400 or "json" in headers["Content-Type"]
        return status, content

    async def must(self, method: str, path: str, body: Any = None, *, wanted: int = 200) -> Any:
        """The content of an answer with the one status that counts as a success."""
        status, content = await self.request(method, path, body)
        if status != wanted:
            raise OccError(content["error"] if isinstance(content, dict) else str(content).strip())
        return content

    async def all(self, path: str, **query: str) -> list[Body]:
        """Every page of a list."""
        found: list[Body] = []
        cursor = ""
        while True:
            pairs = {"limit": str(_PAGE), **query, **({"cursor": cursor} if cursor else {})}
            text = "&".join(f"{name}={value}" for name, value in pairs.items())
            page = await self.must("GET", f"{path}?{text}")
            found += page["items"]
            cursor = page["pagination"].get("nextCursor", "")
            if not cursor:
                return found

    async def rows(self, noun: str, flags: Mapping[str, str]) -> list[str]:
        """The rows of `… list`."""
        kind = _kind(noun)
        query = {word: flags[flag] for flag, word in _FILTERS.items() if flags.get(flag)}
        if "project" in query and kind != registry.PROJECT:
            await self.must("GET", _path(registry.PROJECT, query["project"]))
        return [row(kind.kind, item, flags) for item in await self.all(_path(kind), **query)]

    async def get(self, noun: str, name: str) -> Body:
        """The object of `… get`."""
        found: Body = await self.must("GET", _path(_kind(noun), name))
        return found

    async def delete(self, noun: str, name: str) -> list[str]:
        """What `… delete` says."""
        kind = _kind(noun)
        await self.must("DELETE", _path(kind, name), wanted=204)
        return [f"{kind.kind} '{name}' deleted"]

    async def apply(self, texts: Sequence[str]) -> list[str]:
        """What `apply` says of the documents of some files."""
        lines, done, failed = [], 0, 0
        documents = [each for text in texts for each in yaml.safe_load_all(text) if each]
        for document in documents:
            try:
                lines.append(await self._apply(document))
                done += 1
            except OccError as error:
                name = f"{document['kind'].lower()}/{document['metadata']['name']}"
                lines.append(f"Error: {name}: {error}")
                failed += 1
        problems = f" with {failed} error(s)" if failed else ""
        return [*lines, f"Applied {done} resource(s) from {len(texts)} file(s){problems}"]

    async def _apply(self, document: Body) -> str:
        kind = _kind(document["kind"])
        name = document["metadata"]["name"]
        body = {key: value for key, value in document.items() if key not in {"apiVersion", "kind"}}
        status, _ = await self.request("GET", _path(kind, name))
        if status == 200:
            await self.must("PUT", _path(kind, name), body)
            return f"{kind.kind.lower()}/{name} configured"
        try:
            await self.must("POST", _path(kind), body, wanted=201)
        except OccError as error:
            raise OccError(f"create failed: {error}") from error
        return f"{kind.kind.lower()}/{name} created"

    async def deploy_component(
        self, name: str, project: str, *, to: str = "", changes: Mapping[str, Any] | None = None
    ) -> list[str]:
        """What `component deploy` says; `changes` are members of the binding's spec."""
        lines = []
        if to:
            release = await self._release_before(name, project, to)
        else:
            path = f"{_path(registry.COMPONENT, name)}/generate-release"
            release = (await self.must("POST", path, {}, wanted=201))["metadata"]["name"]
            lines.append(f"Created release: {release}")
        environment = to or _lowest(await self._paths(project))
        binding = f"{name}-{environment}"
        path = _path(registry.RELEASE_BINDING, binding)
        status, found = await self.request("GET", path)
        if status == 200:
            spec = {**found["spec"], "releaseName": release, **(changes or {})}
            await self.must("PUT", path, {**found, "spec": spec})
        else:
            spec = {
                "owner": {"projectName": project, "componentName": name},
                "environment": environment,
                "releaseName": release,
                **(changes or {}),
            }
            body = {"metadata": {"name": binding}, "spec": spec}
            await self.must("POST", _path(registry.RELEASE_BINDING), body, wanted=201)
        return [*lines, *_deployed("component", name, environment, release, binding)]

    async def _release_before(self, name: str, project: str, to: str) -> str:
        paths = await self._paths(project)
        source = next((source for source, target in paths if target == to), None)
        if source is None:
            raise OccError(f"no promotion path found for target environment '{to}'")
        # One page of the usual length is all that it looks at.
        page = await self.must("GET", f"{_path(registry.RELEASE_BINDING)}?component={name}")
        bindings = {item["spec"]["environment"]: item for item in page["items"]}
        return str(bindings[source]["spec"]["releaseName"])

    async def deploy_project(self, name: str, *, to: str = "") -> list[str]:
        """What `project deploy` says."""
        paths = await self._paths(name)
        environment = to or _lowest(paths)
        bindings = {
            item["spec"]["environment"]: item
            for item in await self.all(_path(registry.PROJECT_RELEASE_BINDING), project=name)
        }
        spec: Body = {"owner": {"projectName": name}, "environment": environment}
        release = ""
        if to:
            source = next(source for source, target in paths if target == to)
            release = bindings[source]["spec"]["projectRelease"]
            spec["projectRelease"] = release
        binding = f"{name}-{environment}"
        body = {"metadata": {"name": binding}, "spec": spec}
        await self.must("POST", _path(registry.PROJECT_RELEASE_BINDING), body, wanted=201)
        return _deployed("project", name, environment, release, binding)

    async def _paths(self, project: str) -> list[tuple[str, str]]:
        found = await self.must("GET", _path(registry.PROJECT, project))
        name = found["spec"]["deploymentPipelineRef"]["name"]
        pipeline = await self.must("GET", _path(registry.DEPLOYMENT_PIPELINE, name))
        return [
            (path["sourceEnvironmentRef"]["name"], target["name"])
            for path in pipeline["spec"]["promotionPaths"]
            for target in path["targetEnvironmentRefs"]
        ]

    async def parameters(self, noun: str, name: str) -> set[str]:
        """The names of everything that a type, a trait or a workflow takes."""
        try:
            schema = await self.must("GET", f"{_path(_kind(noun), name)}/schema")
        except OccError as error:
            # The client has words of its own for what is missing.
            raise OccError(f'{_WORDS[noun]} "{name}" not found') from error
        return set(_names(schema))


_FILTERS = {"-p": "project", "-c": "component", "--workflow": "workflow", "--resource": "resource"}
_WORDS = {
    "clustercomponenttype": "cluster component type",
    "clustertrait": "cluster trait",
    "clusterworkflow": "cluster workflow",
}


def row(kind: str, item: Body, flags: Mapping[str, str]) -> str:
    """A row of a table, its columns one blank apart."""
    spec = item.get("spec") or {}
    owner = spec.get("owner") or {}
    columns: list[str] = []
    match kind:
        case "Project":
            columns = [f"{spec['type']['kind']}/{spec['type']['name']}"]
        case "Component":
            shown = [] if flags.get("-p") else [owner["projectName"]]
            columns = [*shown, spec["componentType"]["name"]]
        case "ComponentRelease":
            columns = [owner["componentName"]]
        case "ProjectRelease":
            columns = [owner["projectName"]]
        case "ClusterComponentType":
            columns = [spec["workloadType"]]
        case "WorkflowRun":
            columns = [spec["workflow"]["name"], _reason(item)]
    assert item["metadata"]["creationTimestamp"]
    return " ".join([item["metadata"]["name"], *columns, AGE])


def _reason(item: Body) -> str:
    """The status of a run: why it is not completed."""
    conditions = (item.get("status") or {}).get("conditions") or ()
    found = next((each for each in conditions if each["type"] == "WorkflowCompleted"), None)
    return str(found["reason"]) if found else "Pending"


def _deployed(what: str, name: str, environment: str, release: str, binding: str) -> list[str]:
    first = f"Successfully deployed {what} '{name}' to environment '{environment}'"
    return [first, *([f"Release: {release}"] if release else []), f"Binding: {binding}"]


def _lowest(paths: Sequence[tuple[str, str]]) -> str:
    targets = {target for _, target in paths}
    return next(source for source, _ in paths if source not in targets)


def _names(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        yield from schema.get("properties", {})
        for value in schema.values():
            yield from _names(value)
    elif isinstance(schema, list):
        for value in schema:
            yield from _names(value)


def _kind(noun: str) -> ResourceKind:
    found = registry.find(noun.lower())
    assert found is not None, noun
    return found.resource


def _path(kind: ResourceKind, name: str = "") -> str:
    root = f"/api/v1/namespaces/{_NAMESPACE}" if kind.namespaced else "/api/v1"
    return f"{root}/{kind.plural}" + (f"/{name}" if name else "")
