"""One component in an environment: conditions, pods, events, releases; a tab for each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from typing import TypeVar

from textual import on
from textual.message import Message
from textual.widget import Widget

from choreo_local.apiclient.types import Cell, Column
from tui import actions, data, messages, pages, tables, workers
from tui.connection import Platform
from tui.messages import Subject
from tui.screens.frame import Desk, PageFrame
from tui.text import Line, Span, visible
from tui.widgets.drawn import Drawn, rule
from tui.widgets.page import Page

T = TypeVar("T")

_REFRESH_SECONDS = 3.0


class TabbedFrame(PageFrame[None]):
    """A screen about one component with a tab for each environment."""

    def __init__(self, desk: Desk, subject: Subject) -> None:
        super().__init__(desk)
        self.subject = subject

    def body(self) -> Iterable[Widget]:
        """Title, tabs, page."""
        yield Drawn(self._title, id="title")
        yield Drawn(self._tabs, id="tabs")
        yield Drawn(rule)
        yield Page(id="page")

    def on_mount(self) -> None:
        """Ask for what is to be shown."""
        super().on_mount()
        self.ask()

    def ask(self) -> None:
        """Ask the platform, for the environment that is chosen."""

    def pose(
        self, question: Callable[[Platform], Awaitable[T]], told: Callable[[T], Message]
    ) -> None:
        """Post the answer to a question; only the last one that was posed counts."""
        asking = partial(data.answer, self.desk.connection, self.post_message, question, told)
        workers.start(self, asking, group="ask")

    @property
    def columns(self) -> Sequence[Column]:
        """The environments."""
        return self.desk.state.board.environments

    @property
    def cell(self) -> Cell | None:
        """The component there, as the board knows it."""
        return self.desk.state.board.cell(self.subject.component, self.subject.environment)

    def facts(self) -> dict[str, str]:
        """What command twins speak of."""
        return {"component": self.subject.component, "environment": self.subject.environment}

    def _title(self, columns: int) -> Sequence[Line]:
        name = Span(f" {visible(self.subject.component)}", "title")
        facts = pages.cell_facts(self.cell, self.desk.state.now())
        return ((name, Span("   "), *facts),)

    def _tabs(self, columns: int) -> Sequence[Line]:
        return (pages.tabs(self.columns, self.subject.environment),)

    def tick(self) -> None:
        """Ages grow."""
        self.query_one("#title", Drawn).redraw()

    @on(messages.BoardRedrawn)
    def _follow_board(self, event: messages.BoardRedrawn) -> None:
        self.tick()
        if self.subject.component in event.components or event.is_reshaped:
            self.ask()

    @on(messages.Failed)
    def _show_failure(self, event: messages.Failed) -> None:
        self.page.show(lambda columns: tables.failure(event.error, columns))

    def choose(self, index: int) -> None:
        """Go to another environment."""
        name = self.columns[index].name
        if name == self.subject.environment:
            return
        self.subject = Subject(self.subject.namespace, self.subject.component, name)
        self.query_one("#tabs", Drawn).redraw()
        self.page.show(tables.note("asking the platform …"))
        self.tick()
        self.ask()

    def _index(self) -> int:
        names = [column.name for column in self.columns]
        return names.index(self.subject.environment) if self.subject.environment in names else 0

    def act_tab_left(self, argument: str) -> None:
        """The environment to the left."""
        if self.columns:
            self.choose((self._index() - 1) % len(self.columns))

    def act_tab_right(self, argument: str) -> None:
        """The environment to the right."""
        if self.columns:
            self.choose((self._index() + 1) % len(self.columns))

    def act_environment(self, argument: str) -> None:
        """An environment by number or name."""
        index = self.desk.state.board.environment_index(argument)
        if index is None:
            self.say(f"there is no environment {argument or '(none)'}", is_warning=True)
        else:
            self.choose(index)

    def act_reload(self, argument: str) -> None:
        """Ask again."""
        self.ask()

    def act_logs(self, argument: str) -> None:
        """What the containers write."""
        from tui.screens.logs import LogScreen

        self.app.push_screen(LogScreen(self.desk, self.subject))

    def act_why(self, argument: str) -> None:
        """Why it is not ready."""
        from tui.screens.why import WhyScreen

        self.app.push_screen(WhyScreen(self.desk, self.subject))


class ComponentScreen(TabbedFrame):
    """Conditions, pods, events, releases."""

    CONTEXT = actions.COMPONENT
    BINDINGS = actions.bindings(actions.COMPONENT)

    def on_mount(self) -> None:
        """Pods and events do not wake the board: ask for them now and then."""
        super().on_mount()
        self.set_interval(_REFRESH_SECONDS, self.ask)

    def ask(self) -> None:
        """Ask for the details."""
        subject = self.subject
        self.pose(
            lambda platform: platform.details(
                subject.namespace, subject.component, environment=subject.environment
            ),
            lambda found: messages.DetailsRead(subject, found),
        )

    @on(messages.DetailsRead)
    def _show_details(self, event: messages.DetailsRead) -> None:
        if event.subject == self.subject:
            found, now = event.details, self.desk.state.now
            self.page.show(lambda columns: pages.details(found, columns, now()))

    def twin(self) -> str:
        """`choreo describe` shows the same."""
        return "details"

    def why_not(self, action: str) -> str:
        """Logs and URLs exist where something is deployed."""
        if action == "logs" and (self.cell is None or self.cell.state == "empty"):
            return f"nothing is deployed in {self.subject.environment}"
        if action == "open" and not (self.cell and self.cell.url):
            return "it answers at no URL here"
        return ""

    def act_open(self, argument: str) -> None:
        """The URL in the browser."""
        if self.cell is not None:
            self.open_link(self.cell.url)
