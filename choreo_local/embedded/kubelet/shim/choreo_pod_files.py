"""Maps paths below the mounts of a container to the folder where the kubelet keeps them.

Covers what goes through `open` and the functions of `os` (so pathlib, shutil, glob, tempfile), and
the files that `ssl` and `sqlite3` open. Other extension modules see the machine's own paths.
"""

from __future__ import annotations

import builtins
import io
import os
import sys
from collections.abc import Callable
from importlib.machinery import PathFinder
from typing import Any

_ONE_PATH = (
    "access",
    "chdir",
    "chmod",
    "chown",
    "listdir",
    "lstat",
    "mkdir",
    "mkfifo",
    "open",
    "readlink",
    "remove",
    "rmdir",
    "scandir",
    "stat",
    "statvfs",
    "truncate",
    "unlink",
    "utime",
)
_TWO_PATHS = ("rename", "replace", "link")


def install() -> None:
    """Replace the functions that take paths."""
    root, mounts = os.environ["CHOREO_ROOT"], os.environ["CHOREO_MOUNTS"].split(os.pathsep)
    pod = os.path.dirname(os.path.dirname(root))
    # The folder of the node: claims lie beside the pods.
    node = os.path.dirname(os.path.dirname(pod))
    program = os.path.dirname(os.path.abspath(sys.argv[0])) if sys.argv[0] else sys.prefix
    mapped = mapper(root, mounts, keep=[node, program, sys.prefix, sys.base_prefix])
    io_open = _first_path(io.open, mapped)
    setattr(builtins, "open", io_open)  # noqa: B010 - a plain assignment is a type error
    setattr(io, "open", io_open)  # noqa: B010 - the same
    for name in _ONE_PATH:
        setattr(os, name, _first_path(getattr(os, name), mapped))
    for name in _TWO_PATHS:
        setattr(os, name, _both_paths(getattr(os, name), mapped))
    os.symlink = _second_path(os.symlink, mapped)
    sys.meta_path.insert(0, _AfterImport({"ssl": _map_ssl, "sqlite3": _map_sqlite}, mapped))


class _AfterImport:
    """Changes some modules when they are imported; most programs import none of them."""

    def __init__(
        self,
        changes: dict[str, Callable[[Any, Callable[[Any], Any]], None]],
        mapped: Callable[[Any], Any],
    ) -> None:
        self._changes = changes
        self._mapped = mapped

    def find_spec(self, name: str, path: Any, target: Any = None) -> Any:
        """The ordinary spec of a module, with the change behind its execution."""
        change = self._changes.pop(name, None)
        if change is None:
            return None
        spec = PathFinder.find_spec(name, path, target)
        loader: Any = spec.loader if spec else None
        if loader is not None:
            execute = loader.exec_module

            def exec_module(module: Any) -> None:
                execute(module)
                change(module, self._mapped)

            loader.exec_module = exec_module
        return spec


def _map_ssl(module: Any, mapped: Callable[[Any], Any]) -> None:
    context = module.SSLContext
    load_locations, load_chain = context.load_verify_locations, context.load_cert_chain

    def load_verify_locations(
        self: Any, cafile: Any = None, capath: Any = None, cadata: Any = None
    ) -> None:
        load_locations(self, mapped(cafile), mapped(capath), cadata)

    def load_cert_chain(
        self: Any, certfile: Any, keyfile: Any = None, password: Any = None
    ) -> None:
        load_chain(self, mapped(certfile), mapped(keyfile), password)

    context.load_verify_locations = load_verify_locations
    context.load_cert_chain = load_cert_chain


def _map_sqlite(module: Any, mapped: Callable[[Any], Any]) -> None:
    module.connect = module.dbapi2.connect = _first_path(module.connect, mapped)


def mapper(root: str, mounts: list[str], *, keep: list[str]) -> Callable[[Any], Any]:
    """A function from paths as the program names them to paths of the machine.

    Paths below `keep` are the machine's already, although they may also lie below a mount.
    """
    prefixes = tuple(mount.rstrip("/") + "/" for mount in mounts)
    kept = tuple(folder.rstrip("/") + "/" for folder in keep)

    def mapped(path: Any) -> Any:
        if isinstance(path, int) or path is None:
            return path
        text = os.fspath(path)
        name = os.fsdecode(text)
        whole = name + "/"
        if not whole.startswith(prefixes) or whole.startswith(kept):
            return path
        return root + name if isinstance(text, str) else os.fsencode(root + name)

    return mapped


def _first_path(function: Callable[..., Any], mapped: Callable[[Any], Any]) -> Callable[..., Any]:
    def call(*arguments: Any, **options: Any) -> Any:
        if arguments:
            return function(mapped(arguments[0]), *arguments[1:], **options)
        for name in ("path", "file", "database"):
            if name in options:
                options[name] = mapped(options[name])
        return function(**options)

    return call


def _second_path(function: Callable[..., Any], mapped: Callable[[Any], Any]) -> Callable[..., Any]:
    def call(source: Any, target: Any, *arguments: Any, **options: Any) -> Any:
        return function(source, mapped(target), *arguments, **options)

    return call


def _both_paths(function: Callable[..., Any], mapped: Callable[[Any], Any]) -> Callable[..., Any]:
    def call(source: Any, target: Any, *arguments: Any, **options: Any) -> Any:
        return function(mapped(source), mapped(target), *arguments, **options)

    return call
