"""The objects that boards are made of, filed by component; and the boards that somebody looks at.

Pure: `feed` brings the changes and takes the results. A change marks the components it concerns,
so that only their rows are made anew.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from choreo_local.api import labels
from choreo_local.apiclient.types import Board, BoardReplaced, Column, Row, RowsChanged
from choreo_local.rendering import names
from choreo_local.services import board, pipelines, pods
from choreo_local.services.board import RowInputs, Stage
from choreo_local.services.pods import Trouble

Manifest = Mapping[str, Any]
Key = tuple[str, str]  # namespace, component
CellKey = tuple[str, str, str]  # namespace, component, environment

# The last line that a container wrote before it ended, by pod uid, container and restart.
LastWords = Mapping[tuple[str, str, int], str]


_NEED_SPEC = frozenset({"Component", "ReleaseBinding"})


class BoardState:
    """All objects of all namespaces, as last seen."""

    def __init__(self) -> None:
        self._named: dict[str, dict[Key, Manifest]] = defaultdict(dict)
        self._of_component: dict[str, dict[Key, dict[str, Manifest]]] = {
            "ComponentRelease": defaultdict(dict),
            "ReleaseBinding": defaultdict(dict),
        }
        self._rendered: dict[CellKey, Manifest] = {}
        self._pods: dict[CellKey, dict[str, Manifest]] = defaultdict(dict)
        self._dirty: set[Key] = set()
        self._dirty_namespaces: set[str] = set()

    def store(self, kind: str, old: Manifest | None, new: Manifest | None) -> None:
        """Take a change over; `new` is None when the object is gone."""
        obj = new or old
        if obj is None:
            return
        if kind in _NEED_SPEC and new is not None and not new.get("spec"):
            # The cluster takes such objects; there is nothing to show of them.
            obj, new = old if old is not None and old.get("spec") else None, None
            if obj is None:
                return
        if kind == "Pod":
            self._store_pod(obj, is_gone=new is None)
        elif kind == "RenderedRelease":
            self._store_rendered(obj, is_gone=new is None)
        elif kind in self._of_component:
            self._store_owned(kind, obj, is_gone=new is None)
        else:
            self._store_named(kind, obj, is_gone=new is None)

    def touch(self, pod: Manifest) -> None:
        """Something that is not in the objects changed for a pod."""
        key = _pod_cell(pod)
        if key is not None:
            self._dirty.add(key[:2])

    def take_changes(self) -> tuple[set[Key], set[str]]:
        """Components and namespaces that changed since the last call."""
        changes = self._dirty, self._dirty_namespaces
        self._dirty, self._dirty_namespaces = set(), set()
        return changes

    def components(self, namespace: str, project: str | None) -> list[Manifest]:
        """The components of a namespace, or of one project, by name."""
        return [
            component
            for (found, _), component in sorted(self._named["Component"].items())
            if found == namespace and (project is None or _project(component) == project)
        ]

    def component(self, key: Key) -> Manifest | None:
        """A component."""
        return self._named["Component"].get(key)

    def columns(self, namespace: str, project: str | None) -> tuple[Column, ...]:
        """The environments of a board, in the order of the pipelines, and those in use besides."""
        found = [
            self._pipeline(namespace, name)
            for (where, name) in sorted(self._named["Project"])
            if where == namespace and project in (None, name)
        ]
        used = {
            environment
            for component in self.components(namespace, project)
            for environment in self.environments((namespace, component["metadata"]["name"]))
        }
        names = pipelines.order([entry for entry in found if entry is not None], also=used)
        return board.columns(names, self._environments(namespace))

    def environments(self, key: Key) -> set[str]:
        """The environments that have had a component."""
        return {str(binding["spec"]["environment"]) for binding in self._bindings(key).values()}

    def row(self, component: Manifest, columns: Iterable[Column], words: LastWords) -> Row:
        """The row of a component."""
        metadata = component["metadata"]
        key = metadata["namespace"], metadata["name"]
        inputs = RowInputs(
            component=component,
            pipeline=self._pipeline(key[0], _project(component)),
            releases=list(self._of_component["ComponentRelease"].get(key, {}).values()),
            stages=self._stages(key, words),
        )
        return board.row(inputs, [column.name for column in columns])

    def _stages(self, key: Key, words: LastWords) -> dict[str, Stage]:
        stages: dict[str, Stage] = {}
        for binding in sorted(self._bindings(key).values(), key=_usual_name_last):
            environment = str(binding["spec"]["environment"])
            cell = (*key, environment)
            stages[environment] = Stage(
                binding=binding,
                rendered=self._rendered.get(cell),
                trouble=_trouble(self._pods.get(cell, {}).values(), words),
            )
        return stages

    def _bindings(self, key: Key) -> Mapping[str, Manifest]:
        return self._of_component["ReleaseBinding"].get(key, {})

    def _pipeline(self, namespace: str, project: str) -> Manifest | None:
        found = self._named["Project"].get((namespace, project))
        if found is None:
            return None
        reference = (found.get("spec") or {}).get("deploymentPipelineRef") or {}
        return self._named["DeploymentPipeline"].get((namespace, str(reference.get("name", ""))))

    def _environments(self, namespace: str) -> dict[str, Manifest]:
        return {
            name: obj
            for (found, name), obj in self._named["Environment"].items()
            if found == namespace
        }

    # Filing.

    def _store_named(self, kind: str, obj: Manifest, *, is_gone: bool) -> None:
        metadata = obj["metadata"]
        key = metadata["namespace"], metadata["name"]
        if is_gone:
            self._named[kind].pop(key, None)
        else:
            self._named[kind][key] = obj
        if kind == "Component":
            self._dirty.add(key)
        else:
            self._dirty_namespaces.add(key[0])

    def _store_owned(self, kind: str, obj: Manifest, *, is_gone: bool) -> None:
        owner = (obj.get("spec") or {}).get("owner") or {}
        metadata = obj["metadata"]
        key = metadata["namespace"], str(owner.get("componentName") or "")
        _file(self._of_component[kind], key, metadata["name"], None if is_gone else obj)
        self._dirty.add(key)

    def _store_rendered(self, obj: Manifest, *, is_gone: bool) -> None:
        spec = obj.get("spec") or {}
        component = (spec.get("owner") or {}).get("componentName")
        if not component or spec.get("targetPlane", "dataplane") != "dataplane":
            return
        key = obj["metadata"]["namespace"], str(component), str(spec.get("environmentName"))
        if is_gone:
            self._rendered.pop(key, None)
        else:
            self._rendered[key] = obj
        self._dirty.add(key[:2])

    def _store_pod(self, pod: Manifest, *, is_gone: bool) -> None:
        key = _pod_cell(pod)
        if key is not None:
            _file(self._pods, key, pod["metadata"]["uid"], None if is_gone else pod)
            self._dirty.add(key[:2])


def _file(files: dict[Any, dict[str, Manifest]], key: Any, name: str, obj: Manifest | None) -> None:
    if obj is not None:
        files[key][name] = obj
        return
    found = files.get(key)
    if found is not None:
        found.pop(name, None)
        if not found:
            del files[key]


def _pod_cell(pod: Manifest) -> CellKey | None:
    marks = pod["metadata"].get("labels") or {}
    try:
        return marks[labels.NAMESPACE], marks[labels.COMPONENT], marks[labels.ENVIRONMENT]
    except KeyError:
        return None


def _usual_name_last(binding: Manifest) -> tuple[bool, str]:
    """Should two bindings claim one environment, the one with the usual name is shown."""
    spec, name = binding["spec"], str(binding["metadata"]["name"])
    usual = names.binding(spec["owner"]["componentName"], spec["environment"])
    return name == usual, name


def _project(component: Manifest) -> str:
    return str(component["spec"]["owner"]["projectName"])


def _trouble(found: Iterable[Manifest], words: LastWords) -> Trouble | None:
    by_name = {pod["metadata"]["name"]: pod for pod in found}
    trouble = pods.first_trouble(by_name.values())
    if trouble is None or not trouble.crashed:
        return trouble
    uid = str(by_name[trouble.pod]["metadata"]["uid"])
    line = words.get((uid, trouble.container, trouble.restarts), "")
    return trouble.with_last_words(line) if line else trouble


class RowSight(Protocol):
    """What somebody may see of a board."""

    def row(self, row: Row) -> Row | None:
        """The row as it may be seen; None when it may not be known."""
        ...

    def sees_columns(self) -> bool:
        """Whether the environments may be seen, even without any row."""
        ...


@dataclass(slots=True)
class View:
    """One board that somebody looks at, as it was last shown.

    `sight` is what they may see; everything when it is None.
    """

    namespace: str
    project: str | None
    sight: RowSight | None = None
    columns: tuple[Column, ...] = ()
    rows: dict[str, Row] = field(default_factory=dict)

    @property
    def board(self) -> Board:
        """All of it."""
        rows = tuple(self.rows[name] for name in sorted(self.rows))
        is_blind = self.sight is not None and not rows and not self.sight.sees_columns()
        return Board(self.namespace, self.project, () if is_blind else self.columns, rows)

    def fill(self, state: BoardState, words: LastWords) -> None:
        """Make the whole board."""
        self.columns = state.columns(self.namespace, self.project)
        rows = (
            self._seen(state.row(component, self.columns, words))
            for component in state.components(self.namespace, self.project)
        )
        self.rows = {row.component: row for row in rows if row is not None}

    def refresh(
        self, state: BoardState, words: LastWords, *, dirty: set[Key], namespaces: set[str]
    ) -> BoardReplaced | RowsChanged | None:
        """Take changes over; what a viewer has to be told, None when nothing shows."""
        own = {name for namespace, name in dirty if namespace == self.namespace}
        is_wide = self.namespace in namespaces
        if not own and not is_wide:
            return None
        if is_wide or self._may_need_columns(state, own):
            columns = self.columns
            before = self.rows
            self.fill(state, words)
            if self.columns != columns:
                return BoardReplaced(self.board)
            return _difference(before, self.rows)
        changed, removed = [], []
        for name in sorted(own):
            fresh = self._fresh(state, name, words)
            if fresh is None:
                if self.rows.pop(name, None) is not None:
                    removed.append(name)
            elif fresh != self.rows.get(name):
                self.rows[name] = fresh
                changed.append(fresh)
        return RowsChanged(tuple(changed), tuple(removed)) if changed or removed else None

    def _may_need_columns(self, state: BoardState, names: set[str]) -> bool:
        """Whether components are where the board has no column, or left a column of their own.

        Asked for each change, so it must not look at all components.
        """
        shown = {column.name for column in self.columns}
        for name in names:
            used = state.environments((self.namespace, name))
            row = self.rows.get(name)
            had = {cell.environment for cell in row.cells if cell.binding} if row else set()
            if not used <= shown or not had <= used:
                return True
        return False

    def _fresh(self, state: BoardState, name: str, words: LastWords) -> Row | None:
        component = state.component((self.namespace, name))
        if component is None or self.project not in (None, _project(component)):
            return None
        return self._seen(state.row(component, self.columns, words))

    def _seen(self, row: Row) -> Row | None:
        return row if self.sight is None else self.sight.row(row)


def _difference(before: Mapping[str, Row], after: Mapping[str, Row]) -> RowsChanged | None:
    changed = tuple(after[name] for name in sorted(after) if after[name] != before.get(name))
    removed = tuple(sorted(set(before) - set(after)))
    return RowsChanged(changed, removed) if changed or removed else None
