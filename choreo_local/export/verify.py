"""Would real clusters take this export? Pure.

Files against `export.yaml`, objects against their schemas and webhooks, names against each other,
values of charts against what the charts know, and the planes against their registrations.

Public: `verified(tree)` → `Verdict`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from choreo_local.errors import ApiError
from choreo_local.export import index, objects, plan, planechecks, planes, readme, stores
from choreo_local.export.documents import Document, documents_of
from choreo_local.export.index import Index
from choreo_local.export.problems import Problem
from choreo_local.export.reading import Tree

_AGAIN = "Export again, or bring the file back from where it was kept"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is wrong, and what is right but still to be decided.

    Attributes:
        problems: why the export must not be applied.
        open: what somebody has to fill in on the way, as the README says.
    """

    problems: Sequence[Problem]
    open: Sequence[str] = ()


def verified(tree: Tree) -> Verdict:
    """Judge an export."""
    try:
        described = index.read(tree.files[index.NAME])
    except ApiError as error:
        return Verdict([Problem(index.NAME, "", error.message, _AGAIN)])
    except KeyError:
        why = tree.unread.get(index.NAME, "it is missing")
        return Verdict([Problem(index.NAME, "", why, _AGAIN)])
    found, unreadable = _documents(tree, described)
    valid, refused = objects.judged(found)
    problems = [
        *_files(tree, described),
        *unreadable,
        *refused,
        *objects.problems(found, valid, described),
        *planechecks.problems(found, valid, tree, described),
        *_entries(tree),
    ]
    return Verdict(sorted(set(problems)), planechecks.open_points(valid, described))


def _files(tree: Tree, described: Index) -> Iterator[Problem]:
    present = {*tree.files, *tree.unread} - {index.NAME}
    for path in sorted(set(described.files) - present):
        yield Problem(path, "", "it is missing", _AGAIN)
    for path in sorted(present - set(described.files)):
        yield Problem(
            path, "", f"{index.NAME} does not list it", "Move it elsewhere, or export again"
        )
    for path, why in tree.unread.items():
        yield Problem(path, "", why, _AGAIN)
    for path, content in tree.files.items():
        wanted = described.files.get(path)
        if wanted is not None and wanted != index.digest(content):
            yield Problem(
                path,
                "",
                "it was changed after the export",
                "Bring it back; if the change is meant: choreo export verify --accept-changes",
            )
    for path in sorted(tree.open_to_others & described.private):
        yield Problem(path, "", "others can read it, and it is secret", f"chmod 600 {path}")
    needed = {readme.NAME, readme.REGISTER, f"{planes.CONTROL}/values.yaml"}
    for path in sorted(needed - set(described.files)):
        yield Problem(path, "", "an export is not complete without it", _AGAIN)
    order = sorted(path for path in described.files if path.startswith(f"{plan.RESOURCES}/"))
    if list(described.apply) != order:
        why = f"it must list the files of {plan.RESOURCES} in the order of their names"
        yield Problem(index.NAME, "apply", why, _AGAIN)


def _documents(tree: Tree, described: Index) -> tuple[list[Document], list[Problem]]:
    folders = {f"{plane['folder']}/" for plane in described.planes}
    found: list[Document] = []
    wrong: list[Problem] = []
    for path in sorted(tree.files):
        is_manifest = path.endswith(".yaml") and not path.endswith("/values.yaml")
        if not is_manifest or not path.startswith((f"{planes.CONTROL}/", *folders)):
            continue
        documents, problems = documents_of(path, tree.files[path])
        found += documents
        wrong += problems
    return found, wrong


def _entries(tree: Tree) -> Iterator[Problem]:
    for path, content in tree.files.items():
        if stores.key_of_file(path) is None:
            continue
        try:
            stores.parsed(content)
        except (ValueError, RecursionError) as error:
            why = f"it is no entry of a secret store: {error}"
            yield Problem(path, "", why, "Write {property: text, …}, or export again")


def accepted(tree: Tree) -> Mapping[str, str]:
    """`export.yaml` with the digests of the files as they are now: path → content."""
    described = index.read(tree.files[index.NAME])
    digests = {
        path: index.digest(tree.files[path]) if path in tree.files else digest
        for path, digest in described.files.items()
    }
    file = index.written(index.with_digests(described, digests))
    return {file.path: file.content}
