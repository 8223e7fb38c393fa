"""`choreo NOUN VERB`: the commands of `cli.nouns`, as upstream's client has them.

`get` prints YAML, `list` a table, unless `-o` says otherwise.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

import click

from choreo_local.api import registry
from choreo_local.cli import connection, kinds, nouns, objects, options, output, tables


class NounGroup(click.Group):
    """The commands of a noun; those that other modules have are imported when they are called."""

    def __init__(self, noun: nouns.Noun, **attributes: Any) -> None:
        super().__init__(name=noun.name, **attributes)
        self.noun = noun
        self.kind = _kind(noun)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The usual three, then the noun's own."""
        usual = [verb for verb in _MAKERS if verb != "delete" or self.noun.deletable]
        return [*usual, *self.noun.more]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Make or import the command."""
        if cmd_name not in self.list_commands(ctx):
            return None
        if cmd_name in self.noun.more:
            module, attribute = self.noun.more[cmd_name]
            found = importlib.import_module(f"choreo_local.cli.commands.{module}")
            command: click.Command = getattr(found, attribute)
            return command
        return _MAKERS[cmd_name](self.noun, self.kind)


def group(noun: nouns.Noun) -> NounGroup:
    """The commands of a noun."""
    return NounGroup(noun, help=f"{noun.kind} objects of OpenChoreo.")


def _kind(noun: nouns.Noun) -> registry.ApiKind:
    found = kinds.of_api(noun.kind)
    assert found is not None
    return found


def _list(noun: nouns.Noun, kind: registry.ApiKind) -> click.Command:
    def run(
        name: str,
        /,
        *,
        namespace: str | None = None,
        everywhere: bool = False,
        form: str,
        **given: str | None,
    ) -> int:
        filters = {key: value for key, value in given.items() if value}
        where = None if everywhere else namespace
        found = connection.with_api(
            name, lambda client: objects.read_all(client, kind, where, filters=filters)
        )
        if not found and form in ("table", "wide"):
            output.say_none(kind.resource.plural, where)
            return 0
        shown = [each for each in noun.columns if each.name.lower() not in filters]
        tables.print_objects(found, form, shown, everywhere=everywhere)
        return 0

    command = click.pass_obj(run)
    if kind.resource.namespaced:
        command = click.option(
            "-A", "--all-namespaces", "everywhere", is_flag=True, help="Of all namespaces."
        )(command)
    for choice in noun.filters:
        flags = [f"--{choice.name}", *([choice.flag] if choice.flag else [])]
        command = click.option(*flags, help=f"Only those of this {choice.name}.")(command)
    command = options.output_format(*output.FORMATS)(_placed(kind, command))
    return click.command("list", help="List them, as far as you may see them.")(command)


def _get(noun: nouns.Noun, kind: registry.ApiKind) -> click.Command:
    def run(name: str, /, *, object_name: str, namespace: str = "", form: str) -> int:
        found = connection.with_api(
            name, lambda client: objects.read(client, kind, object_name, namespace)
        )
        tables.print_objects([found], form, noun.columns, single=True)
        return 0

    command = options.output_format(*output.FORMATS, default="yaml")(
        _placed(kind, click.pass_obj(run))
    )
    return _of_one("get", "Show one; YAML unless -o says otherwise.", command)


def _delete(noun: nouns.Noun, kind: registry.ApiKind) -> click.Command:
    def run(name: str, /, *, object_name: str, namespace: str = "") -> int:
        connection.with_api(
            name, lambda client: objects.delete(client, kind, object_name, namespace)
        )
        output.emit(output.safe(f"{noun.kind} '{object_name}' deleted"))
        return 0

    return _of_one("delete", "Delete one.", _placed(kind, click.pass_obj(run)))


def _of_one(verb: str, text: str, command: Callable[..., Any]) -> click.Command:
    return click.command(verb, help=text)(click.argument("object_name", metavar="NAME")(command))


def _placed(kind: registry.ApiKind, command: Callable[..., Any]) -> Callable[..., Any]:
    return options.namespace(command) if kind.resource.namespaced else command


_MAKERS = {"list": _list, "get": _get, "delete": _delete}
