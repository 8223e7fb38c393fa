"""The one list of what a user can do: key bindings, footer, help, `:` words and command twins.

A screen names its context and gets its bindings from here; an action is the method
`act_<name>` of the screen. Every binding passes through `invoke`, which asks the screen whether
the action makes sense now, so that a key that does nothing says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from textual.binding import Binding, BindingType

Context = Literal["board", "component", "logs", "why", "plan", "status", "help", "question"]
BOARD: Final = "board"
COMPONENT: Final = "component"
LOGS: Final = "logs"
WHY: Final = "why"
PLAN: Final = "plan"
STATUS: Final = "status"
HELP: Final = "help"
QUESTION: Final = "question"

_FULL: Final = (BOARD, COMPONENT, LOGS, WHY, PLAN, STATUS)
_ENVIRONMENTAL: Final = (BOARD, COMPONENT, LOGS, WHY)


@dataclass(frozen=True, slots=True)
class Action:
    """Something a user can do.

    Attributes:
        name: of the method, and the id of the binding.
        keys: as Textual names them, separated by commas.
        label: in the footer.
        help: one sentence.
        contexts: the screens that have it.
        footer: the screens whose footer shows it.
        words: what may be typed after `:`.
        twin: the command that does the same, with `{component}`, `{environment}`, `{target}`.
        argument: what follows the word after `:`, for the help.
    """

    name: str
    keys: str
    label: str
    help: str
    contexts: tuple[Context, ...]
    footer: tuple[Context, ...] = ()
    words: tuple[str, ...] = ()
    twin: str = ""
    argument: str = ""


ACTIONS: Final[tuple[Action, ...]] = (
    Action(
        "promote",
        "p",
        "promote",
        "Bring this environment's release to the next one; shows the plan first",
        (BOARD,),
        footer=(BOARD,),
        words=("promote", "pr"),
        twin="promote {component} --to {target}",
    ),
    Action(
        "diff",
        "d",
        "diff",
        "Show what a promotion from here would change, or what waits for the last environment",
        (BOARD,),
        footer=(BOARD,),
        words=("diff",),
        twin="diff {component} --to {target}",
    ),
    Action(
        "logs",
        "l",
        "logs",
        "Follow what the component's containers write here",
        (BOARD, COMPONENT, WHY),
        footer=(BOARD, COMPONENT, WHY),
        words=("logs", "log", "lo"),
        twin="logs {component} --env {environment} --follow",
    ),
    Action(
        "why",
        "y",
        "why",
        "Say why the component is not ready here, and what to do about it",
        (BOARD, COMPONENT, LOGS),
        footer=(BOARD, COMPONENT, LOGS),
        words=("why",),
        twin="why {component} --env {environment}",
    ),
    Action(
        "rollback",
        "r",
        "roll back",
        "Go back to the release this environment had before; shows the plan first",
        (BOARD,),
        footer=(BOARD,),
        words=("rollback", "rb"),
        twin="rollback {component} --env {environment}",
    ),
    Action(
        "details",
        "enter",
        "details",
        "Open the component: conditions, events, pods, releases",
        (BOARD,),
        words=("component", "comp", "co"),
        twin="describe component {component}",
        argument="[NAME]",
    ),
    Action(
        "open",
        "o",
        "open",
        "Open the component's URL in the browser",
        (BOARD, COMPONENT),
        footer=(COMPONENT,),
        words=("open",),
        twin="url {component} --env {environment}",
    ),
    Action(
        "status",
        "i",
        "",
        "Show planes, what this machine cannot do and why, addresses and memory",
        (BOARD,),
        words=("status", "info"),
        twin="status",
    ),
    Action(
        "undo",
        "u",
        "undo",
        "Take back the last promotion or roll-back made here; shows the plan first",
        (BOARD,),
        words=("undo",),
    ),
    Action(
        "confirm",
        "y",
        "yes, do it",
        "Do what the plan says; production asks for its name first",
        (PLAN,),
        footer=(PLAN,),
    ),
    Action(
        "next_change",
        "n",
        "next object",
        "Go to the next object that changes",
        (PLAN,),
        footer=(PLAN,),
    ),
    Action("previous_change", "N", "", "Go to the object before", (PLAN,)),
    Action(
        "filter",
        "slash",
        "filter",
        "Show only rows that match; /! those that do not, /-f letters in this order",
        (BOARD, LOGS),
        footer=(BOARD, LOGS),
        words=("filter",),
        argument="TEXT",
    ),
    Action(
        "pause",
        "space",
        "pause",
        "Stop or go on moving with new lines; nothing is lost meanwhile",
        (LOGS,),
        footer=(LOGS,),
    ),
    Action(
        "previous",
        "p",
        "previous",
        "Lines of the containers before their last restart, and back",
        (LOGS,),
        footer=(LOGS,),
    ),
    Action("times", "t", "times", "Show or hide the time of each line", (LOGS,), footer=(LOGS,)),
    Action("clear", "x", "clear", "Forget the lines so far", (LOGS,)),
    Action(
        "tab_left",
        "left_square_bracket,shift+tab",
        "",
        "The environment to the left",
        (COMPONENT, LOGS, WHY),
    ),
    Action(
        "tab_right",
        "right_square_bracket,tab",
        "environment",
        "The environment to the right",
        (COMPONENT, LOGS, WHY),
        footer=(COMPONENT,),
    ),
    Action(
        "environment",
        "1,2,3,4,5,6,7,8,9",
        "",
        "Go to the first, second, … environment",
        _ENVIRONMENTAL,
        words=("environment", "env"),
        argument="NAME",
    ),
    Action("up", "up,k", "", "Up", (*_FULL, HELP)),
    Action("down", "down,j", "", "Down", (*_FULL, HELP)),
    Action("left", "left,h", "", "Left", (BOARD, LOGS)),
    Action("right", "right", "", "Right", (BOARD, LOGS)),
    Action("page_up", "pageup,ctrl+b", "", "A page up", (*_FULL, HELP)),
    Action("page_down", "pagedown,ctrl+f", "", "A page down", (*_FULL, HELP)),
    Action("top", "home,g", "", "To the first line", _FULL),
    Action("bottom", "end,G", "", "To the last line", _FULL),
    Action("reload", "ctrl+r", "", "Ask again", (COMPONENT, WHY, PLAN)),
    Action(
        "copy", "c", "copy", "Copy the URL, or what this view shows", _FULL, footer=(WHY, STATUS)
    ),
    Action(
        "copy_command",
        "C",
        "command",
        "Copy the command that does the same; on the board, C and then the key of the action",
        _FULL,
        footer=(PLAN, WHY, STATUS),
    ),
    Action(
        "command",
        "colon",
        "command",
        "Type a command: :logs, :env production, :theme light …",
        _FULL,
    ),
    Action(
        "project",
        "",
        "",
        "Show only one project; without a name, all of them",
        (BOARD,),
        words=("project", "proj"),
        argument="[NAME]",
    ),
    Action(
        "namespace",
        "",
        "",
        "Show another namespace",
        (BOARD,),
        words=("namespace", "ns"),
        argument="NAME",
    ),
    Action(
        "theme",
        "",
        "",
        "Change the colours: dark, light, contrast, ansi",
        _FULL,
        words=("theme", "skin"),
        argument="NAME",
    ),
    Action("palette", "ctrl+p", "", "Search all actions", _FULL),
    Action("screenshot", "ctrl+s", "", "Save this screen as a picture (SVG)", _FULL),
    Action(
        "help",
        "question_mark,f1",
        "help",
        "Search and run everything there is",
        _FULL,
        footer=(BOARD, COMPONENT, LOGS, WHY, STATUS),
        words=("help", "h"),
    ),
    Action("back", "escape", "", "Back: one step", (*_FULL, HELP, QUESTION)),
    Action(
        "quit",
        "q",
        "leave running",
        "Leave this view; from the board, leave the dashboard: the platform goes on running",
        _FULL,
        footer=(BOARD,),
        words=("quit", "q"),
    ),
    Action(
        "stop",
        "Q",
        "stop",
        "Stop the platform, after asking; its data stays",
        (BOARD,),
        words=("stop", "down"),
        twin="down",
    ),
)
BY_NAME: Final[Mapping[str, Action]] = {action.name: action for action in ACTIONS}

_BACK: Final = ("esc", "back")
_FOOTER_MOST: Final = 8
_SHOWN_KEYS: Final = {
    "slash": "/",
    "colon": ":",
    "question_mark": "?",
    "left_square_bracket": "[",
    "right_square_bracket": "]",
    "escape": "esc",
    "pageup": "pgup",
    "pagedown": "pgdn",
    "up": "↑",
    "down": "↓",
    "left": "←",
    "right": "→",
}


def bindings(context: Context) -> list[BindingType]:
    """The bindings of a screen."""
    return [
        Binding(
            key,
            f"invoke('{action.name}', '{key if key.isdigit() else ''}')",
            action.label,
            show=False,
            id=_id(action, key),
        )
        for action in of(context)
        for key in filter(None, action.keys.split(","))
    ]


def _id(action: Action, key: str) -> str:
    first = action.keys.split(",", maxsplit=1)[0]
    return action.name if key == first else f"{action.name}.{key}"


def of(context: Context) -> Iterator[Action]:
    """The actions of a screen, in the order of the list."""
    return (action for action in ACTIONS if context in action.contexts)


def footer(context: Context) -> list[tuple[str, str, str]]:
    """The footer of a screen: action, key and label, at most eight."""
    found = [
        (action.name, shown_keys(action, most=1), action.label)
        for action in of(context)
        if context in action.footer
    ]
    if context != BOARD:
        found.append(("back", *_BACK))
    return found[:_FOOTER_MOST]


def shown_keys(action: Action, *, most: int = 2) -> str:
    """The keys of an action as a person reads them."""
    keys = [key for key in action.keys.split(",") if key]
    if len(keys) > 4:
        return f"{keys[0]}…{keys[-1]}"
    return " ".join(_SHOWN_KEYS.get(key, key) for key in keys[:most])


def command(action: Action, facts: Mapping[str, str], *, instance: str, namespace: str) -> str:
    """The command that does the same, "" when there is none or a fact is missing."""
    if not action.twin:
        return ""
    try:
        twin = action.twin.format_map(facts)
    except KeyError:
        return ""
    where = "" if instance in {"", "default"} else f" --instance {instance}"
    in_namespace = f" -n {namespace}" if "{component}" in action.twin else ""
    return f"choreo{where} {twin}" + (in_namespace if namespace != "default" else "")
