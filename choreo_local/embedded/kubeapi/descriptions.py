"""What fields, parameters and operations of builtin kinds mean, in Kubernetes' own words.

They are read from the installed `kubernetes` package where and when somebody asks: `kubectl
explain` and the columns of tables show them. The package is read as text, because importing its
models takes more time and memory than the whole API. Where it does not say, or is no more than
compiled code, the texts are empty and the callers have words of their own.
"""

from __future__ import annotations

import ast
import importlib.metadata
import importlib.util
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache, lru_cache
from pathlib import Path

# `    name: Optional[...] = Field(default=None, ..., description="...")`
_FIELD = re.compile(r"^    (\w+): .*?\bField\((.*)\)$", re.MULTILINE)
_ALIAS = re.compile(r'\bserialization_alias="([^"]+)"')
_DESCRIPTION = re.compile(r'\bdescription=("(?:[^"\\]|\\.)*")')
_CLASS = re.compile(r'^class \w+\(.*\):\n    """\n    (.*)\n', re.MULTILINE)
# The package has each paragraph of a text on the line of the one before, behind two blanks.
_PARAGRAPH = re.compile(r"(?<=[.:)])  (?=\S)")
# Any kind would do: operations are described alike, but for the name of the kind.
_API, _KIND, _SUFFIX = "coordination_v1_api.py", "Lease", "namespaced_lease"
_OPERATION = re.compile(rf"^    def (\w+)_{_SUFFIX}\(\n(.*?)^    \) -> ", re.MULTILINE | re.DOTALL)
_PARAMETER = re.compile(r"^        (\w+): .*?\bField\((.*)\)\]", re.MULTILINE)
_SUMMARY = re.compile(rf'^        """(\w+)_{_SUFFIX}\n\n        (.*)\n', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class _Model:
    text: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)


def edition() -> str:
    """Which texts these are: the version of the package, empty when there is none."""
    try:
        return importlib.metadata.version("kubernetes")
    except importlib.metadata.PackageNotFoundError:
        return ""


def of_type(definition: str) -> str:
    """What a type is, e.g. `io.k8s.api.core.v1.Pod`."""
    return _model(definition).text


def of_field(definition: str, name: str) -> str:
    """What a field of a type is."""
    return _model(definition).fields.get(name, "")


def of_operation(verb: str, kind: str) -> str:
    """What an operation does; the verb is that of a function of the package, e.g. `replace`."""
    return _summaries().get(verb, "").replace(_KIND, kind)


def of_parameter(verb: str, name: str, kind: str = "") -> str:
    """What a parameter of an operation is."""
    return _parameters().get(verb, {}).get(name, "").replace(_KIND, kind)


@cache
def _package() -> Path | None:
    try:
        spec = importlib.util.find_spec("kubernetes")
    except (ImportError, ValueError):
        return None
    return Path(spec.origin).parent / "client" if spec is not None and spec.origin else None


@cache
def _models() -> Mapping[str, Path]:
    """Name of a model in small letters, e.g. `v1podspec` → its file."""
    package = _package()
    files = (package / "models").glob("*.py") if package is not None else ()
    return {file.stem.replace("_", ""): file for file in files}


# Documents ask for each type once, tables again and again for a few.
@lru_cache(maxsize=64)
def _model(definition: str) -> _Model:
    *_, package, version, kind = ("", "", *definition.split("."))
    for name in (f"{package}{version}{kind}", f"{version}{kind}"):
        file = _models().get(name.lower())
        if file is not None:
            return _read(file.read_text(encoding="utf-8"))
    return _Model()


def _read(source: str) -> _Model:
    summary = _CLASS.search(source)
    text = _paragraphs(summary[1]) if summary is not None else ""
    return _Model(text, dict(_described(_FIELD, source)))


def _described(pattern: re.Pattern[str], text: str) -> Iterator[tuple[str, str]]:
    for name, options in pattern.findall(text):
        description = _DESCRIPTION.search(options)
        if description is not None:
            alias = _ALIAS.search(options)
            yield alias[1] if alias else name, _paragraphs(ast.literal_eval(description[1]))


def _paragraphs(text: str) -> str:
    return _PARAGRAPH.sub("\n\n", text)


def _operations() -> str:
    package = _package()
    file = None if package is None else package / "api" / _API
    return file.read_text(encoding="utf-8") if file is not None and file.is_file() else ""


@cache
def _parameters() -> Mapping[str, Mapping[str, str]]:
    return {
        verb: {_camel(name): text for name, text in _described(_PARAMETER, parameters)}
        for verb, parameters in _OPERATION.findall(_operations())
    }


@cache
def _summaries() -> Mapping[str, str]:
    return dict(_SUMMARY.findall(_operations()))


def _camel(name: str) -> str:
    first, *rest = name.strip("_").split("_")
    return first + "".join(part.capitalize() for part in rest)
