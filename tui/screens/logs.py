"""The log of a component in an environment: follow, pause, filter."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from textual import on
from textual.widget import Widget

from tui import actions, data, filters, messages, pages, tables, words, workers
from tui.logbuffer import LogBuffer
from tui.messages import Subject
from tui.screens.frame import Desk, Frame
from tui.text import Line, Span, visible
from tui.widgets.drawn import Drawn
from tui.widgets.logview import LogView, entry_line
from tui.widgets.prompt import Prompt


class LogScreen(Frame[None]):
    """Lines as they are written."""

    CONTEXT = actions.LOGS
    BINDINGS = actions.bindings(actions.LOGS)

    def __init__(self, desk: Desk, subject: Subject) -> None:
        super().__init__(desk)
        self.subject = subject
        self._buffer = LogBuffer()
        self._is_previous = False

    def body(self) -> Iterable[Widget]:
        """Title, tabs, lines."""
        yield Drawn(self._title, id="title")
        yield Drawn(self._tabs, id="tabs")
        yield LogView(self._buffer)

    @property
    def view(self) -> LogView:
        """The lines."""
        return self.query_one(LogView)

    def on_mount(self) -> None:
        """Follow."""
        self.focus_content()
        self._follow()

    def focus_content(self) -> None:
        """The lines take the keys."""
        self.view.focus()

    def _follow(self) -> None:
        self._buffer.clear()
        self._buffer.pause(is_paused=False)
        self._redraw()
        workers.start(
            self,
            partial(
                data.follow_logs,
                self.desk.connection,
                self.post_message,
                self.subject,
                previous=self._is_previous,
            ),
            group="logs",
        )

    def _title(self, columns: int) -> Sequence[Line]:
        buffer = self._buffer
        spans = [Span(f" {visible(self.subject.component)}", "title"), Span("   log  ")]
        if buffer.is_paused:
            missed = f", {words.counted(buffer.missed, 'new line')}" if buffer.missed else ""
            spans.append(Span(f"‖ paused{missed}", "warning"))
        elif self._is_previous:
            spans.append(Span("before the last restart", "warning"))
        else:
            spans.append(Span("● following", "ready"))
        spans.append(Span(f" · {words.counted(len(buffer), 'line')}", "muted"))
        if buffer.dropped:
            dropped = words.counted(buffer.dropped, "line")
            spans.append(Span(f" · {dropped} dropped, the oldest", "warning"))
        if buffer.filter is not None:
            as_text = " as plain text" if buffer.filter.is_literal else ""
            found = words.counted(len(buffer.shown), "match").replace("matchs", "matches")
            spans.append(Span(f" · /{visible(buffer.filter.text)}{as_text}: {found}", "accent"))
        return (tuple(spans),)

    def _tabs(self, columns: int) -> Sequence[Line]:
        return (pages.tabs(self.desk.state.board.environments, self.subject.environment),)

    def _redraw(self) -> None:
        self.view.follow()
        self.query_one("#title", Drawn).redraw()

    # What happens.

    @on(messages.LinesWritten)
    def _add(self, event: messages.LinesWritten) -> None:
        self._buffer.add(event.lines)
        self._redraw()

    @on(messages.LinesPaused)
    def _note(self, event: messages.LinesPaused) -> None:
        self._buffer.note(event.reason if event.is_over else f"{event.reason}; trying again")
        self._redraw()

    @on(LogView.Scrolled)
    def _stop_following(self) -> None:
        if not self._buffer.is_paused:
            self._buffer.pause(is_paused=True)
            self.query_one("#title", Drawn).redraw()

    # Actions.

    def facts(self) -> dict[str, str]:
        """What command twins speak of."""
        return {"component": self.subject.component, "environment": self.subject.environment}

    def twin(self) -> str:
        """`choreo logs` prints the same."""
        return "logs"

    def shown_text(self) -> str:
        """The lines that the filter lets through."""
        return tables.plain(
            entry_line(entry, shows_times=self.view.shows_times) for entry in self._buffer.shown
        )

    def act_pause(self, argument: str) -> None:
        """Stop or go on."""
        self._buffer.pause(is_paused=not self._buffer.is_paused)
        self._redraw()

    def act_previous(self, argument: str) -> None:
        """Lines before the last restart, and back."""
        self._is_previous = not self._is_previous
        self._follow()

    def act_times(self, argument: str) -> None:
        """Show or hide times."""
        self.view.shows_times = not self.view.shows_times
        self.view.refresh()

    def act_clear(self, argument: str) -> None:
        """Forget the lines so far."""
        self._buffer.clear()
        self._redraw()

    def act_filter(self, argument: str) -> None:
        """Type a filter."""
        if argument:
            self.typing("filter", argument)
            return
        shown = self._buffer.filter
        self.query_one(Prompt).ask(
            "filter", value=shown.text if shown else "", hint="expression · !opposite · -f letters"
        )

    def typing(self, purpose: str, text: str) -> None:
        """Lines follow while a filter is typed."""
        if purpose == "filter":
            self._buffer.show_only(filters.parse(text))
            self._redraw()

    def leave(self) -> None:
        """`esc` takes the filter away first."""
        if self._buffer.filter is not None:
            self.typing("filter", "")
        else:
            super().leave()

    def act_quit(self, argument: str) -> None:
        """Leave the screen, filter or not."""
        super().leave()

    def act_why(self, argument: str) -> None:
        """Why it is not ready."""
        from tui.screens.why import WhyScreen

        self.app.push_screen(WhyScreen(self.desk, self.subject))

    def act_environment(self, argument: str) -> None:
        """Another environment."""
        columns = self.desk.state.board.environments
        index = self.desk.state.board.environment_index(argument)
        if index is None:
            self.say(f"there is no environment {argument or '(none)'}", is_warning=True)
            return
        self.subject = Subject(self.subject.namespace, self.subject.component, columns[index].name)
        self.query_one("#tabs", Drawn).redraw()
        self._follow()

    def act_tab_left(self, argument: str) -> None:
        """The environment to the left."""
        self._turn(-1)

    def act_tab_right(self, argument: str) -> None:
        """The environment to the right."""
        self._turn(1)

    def _turn(self, step: int) -> None:
        names = [column.name for column in self.desk.state.board.environments]
        if self.subject.environment in names:
            place = (names.index(self.subject.environment) + step) % len(names)
            self.act_environment(str(place + 1))

    def act_up(self, argument: str) -> None:
        """A line up."""
        self.view.move(-1)

    def act_down(self, argument: str) -> None:
        """A line down."""
        self.view.move(1)

    def act_left(self, argument: str) -> None:
        """Back to the start of long lines."""
        self.view.sideways(-1)

    def act_right(self, argument: str) -> None:
        """The rest of long lines."""
        self.view.sideways(1)

    def act_page_up(self, argument: str) -> None:
        """A page up."""
        self.view.move(-self.view.page_height)

    def act_page_down(self, argument: str) -> None:
        """A page down."""
        self.view.move(self.view.page_height)

    def act_top(self, argument: str) -> None:
        """The oldest line."""
        self.view.move(-len(self._buffer))

    def act_bottom(self, argument: str) -> None:
        """The newest line, and follow."""
        self._buffer.pause(is_paused=False)
        self._redraw()
