"""The board: components × environments, and what can be done from there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import partial

from textual import on
from textual.widget import Widget

from choreo_local.apiclient.types import Cell, Column, Promotable, Row
from tui import actions, data, filters, messages, rows, sense, strip, tables, workers
from tui.board import Difference
from tui.messages import Subject
from tui.screens.frame import Desk, Frame
from tui.state import Probe
from tui.text import Line
from tui.widgets.boardtable import BoardTable
from tui.widgets.drawn import Drawn, rule
from tui.widgets.prompt import Prompt


class BoardScreen(Frame[None]):
    """The first screen."""

    CONTEXT = actions.BOARD
    BINDINGS = actions.bindings(actions.BOARD)

    def __init__(self, desk: Desk) -> None:
        super().__init__(desk)
        self._probe: Probe | None = None
        # URL, release and state of the cell whose URL is asked.
        self._probed = ("", "", "")

    def body(self) -> Iterable[Widget]:
        """Heading, rows, rule, strip."""
        yield Drawn(self._heading, id="heading")
        yield Drawn(self._instead, id="instead")
        yield BoardTable(self.desk.state, id="board")
        yield Drawn(rule)
        yield Drawn(self._strip, id="strip")

    def on_mount(self) -> None:
        """Show what is known, which at first is nothing."""
        self._show_table()
        self.focus_content()

    def focus_content(self) -> None:
        """The table takes the keys."""
        self.table.focus()

    @property
    def table(self) -> BoardTable:
        """The table."""
        return self.query_one(BoardTable)

    # What is under the cursor.

    @property
    def row(self) -> Row | None:
        """The component under the cursor."""
        return self.desk.state.board.row(self.table.component)

    @property
    def column(self) -> Column | None:
        """The environment under the cursor."""
        columns = self.desk.state.board.environments
        index = self.table.environment
        return columns[index] if index < len(columns) else None

    @property
    def cell(self) -> Cell | None:
        """The cell under the cursor."""
        column = self.column
        if column is None:
            return None
        return self.desk.state.board.cell(self.table.component, column.name)

    @property
    def subject(self) -> Subject | None:
        """The component and the environment under the cursor."""
        if self.row is None or self.column is None:
            return None
        return Subject(self.desk.state.namespace, self.row.component, self.column.name)

    def facts(self) -> dict[str, str]:
        """What command twins speak of."""
        row, column = self.row, self.column
        if row is None or column is None:
            return {}
        found = {"component": row.component, "environment": column.name}
        way = sense.difference(self.desk.state, row, column)
        return found if isinstance(way, str) else {**found, "target": way.target}

    # What is drawn.

    def _heading(self, columns: int) -> Sequence[Line]:
        state = self.desk.state
        return (
            rows.heading(state.board.environments, self.table.at, selected=self.table.environment),
        )

    def _instead(self, columns: int) -> Sequence[Line]:
        return strip.instead_of_rows(self.desk.state, columns)

    def _strip(self, columns: int) -> Sequence[Line]:
        row, column, board = self.row, self.column, self.desk.state.board
        if row is None or column is None:
            return ()
        pointed = strip.Pointed(
            row,
            column,
            self.cell,
            probe=self._probe,
            place=self.table.position,
            filter=board.filter.text if board.filter else "",
            lost=self.desk.state.link.lost,
        )
        return strip.strip(pointed, columns, self.desk.state.now())

    @property
    def strip_text(self) -> str:
        """The lines below the board."""
        return tables.plain(self.query_one("#strip", Drawn).lines)

    # What happens.

    @on(messages.BoardRedrawn)
    def _redraw(self, event: messages.BoardRedrawn) -> None:
        self._show_table()
        self.table.refresh_board(Difference(event.components, event.is_reshaped))
        self.query_one("#keys", Drawn).redraw()

    def _show_table(self) -> None:
        has_rows = bool(self.desk.state.board.shown)
        self.table.display = has_rows
        instead = self.query_one("#instead", Drawn)
        instead.display = not has_rows
        instead.redraw()

    def tick(self) -> None:
        """Ages grow."""
        self.table.tick()
        self.query_one("#strip", Drawn).redraw()
        self.query_one("#instead", Drawn).redraw()

    @on(BoardTable.Reshaped)
    def _reshape(self) -> None:
        self.query_one("#heading", Drawn).redraw()

    @on(BoardTable.Moved)
    def _move(self) -> None:
        self.query_one("#strip", Drawn).redraw()
        self.query_one("#keys", Drawn).redraw()
        cell = self.cell
        asked = (cell.url, cell.release, cell.state) if cell else ("", "", "")
        if asked == self._probed:
            return
        url = asked[0]
        if url != self._probed[0]:
            self._probe = None
        self._probed = asked
        if url:
            workers.start(
                self,
                partial(data.follow_url, self.desk.prober, self.post_message, url),
                group="probe",
            )
        else:
            self.workers.cancel_group(self, "probe")

    @on(messages.Probed)
    def _show_probe(self, event: messages.Probed) -> None:
        if event.url == self._probed[0]:
            self._probe = event.probe
            self.query_one("#strip", Drawn).redraw()

    @on(BoardTable.Chosen)
    def _open_details(self) -> None:
        self.action_invoke("details")

    def why_not(self, action: str) -> str:
        """Why an action makes no sense on this cell."""
        return sense.why_not(
            action, self.desk.state, row=self.row, column=self.column, cell=self.cell
        )

    # Actions.

    def act_up(self, argument: str) -> None:
        """The row above."""
        self.table.move(down=-1)

    def act_down(self, argument: str) -> None:
        """The row below."""
        self.table.move(down=1)

    def act_left(self, argument: str) -> None:
        """The environment before."""
        self.table.move(right=-1)

    def act_right(self, argument: str) -> None:
        """The next environment."""
        self.table.move(right=1)

    def act_page_up(self, argument: str) -> None:
        """A page up."""
        self.table.move(down=-self.table.page_height)

    def act_page_down(self, argument: str) -> None:
        """A page down."""
        self.table.move(down=self.table.page_height)

    def act_top(self, argument: str) -> None:
        """The first row."""
        self.table.move(down=-len(self.desk.state.board))

    def act_bottom(self, argument: str) -> None:
        """The last row."""
        self.table.move(down=len(self.desk.state.board))

    def act_environment(self, argument: str) -> None:
        """An environment by number or name."""
        index = self.desk.state.board.environment_index(argument)
        if index is None:
            self.say(f"there is no environment {argument or '(none)'}", is_warning=True)
        else:
            self.table.select(self.table.component, index)

    def act_details(self, argument: str) -> None:
        """All about the component; `:component NAME` goes there first."""
        from tui.screens.component import ComponentScreen

        if argument:
            self._go_to(argument)
        if self.subject is not None and argument in {"", self.subject.component}:
            self.app.push_screen(ComponentScreen(self.desk, self.subject))

    def _go_to(self, component: str) -> None:
        if self.desk.state.board.row(component) is None:
            self.say(f"there is no component {component}", is_warning=True)
        else:
            self.desk.state.board.show_only(None)
            self.table.component = component
            self._refilter()

    def act_logs(self, argument: str) -> None:
        """What the containers write."""
        from tui.screens.logs import LogScreen

        if self.subject is not None:
            self.app.push_screen(LogScreen(self.desk, self.subject))

    def act_why(self, argument: str) -> None:
        """Why it is not ready."""
        from tui.screens.why import WhyScreen

        if self.subject is not None:
            self.app.push_screen(WhyScreen(self.desk, self.subject))

    def act_open(self, argument: str) -> None:
        """The URL in the browser."""
        if self.cell is not None:
            self.open_link(self.cell.url)

    def act_status(self, argument: str) -> None:
        """The platform itself."""
        from tui.screens.status import StatusScreen

        self.app.push_screen(StatusScreen(self.desk))

    def shown_text(self) -> str:
        """The URL."""
        return self.cell.url if self.cell else ""

    def act_promote(self, argument: str) -> None:
        """The plan of the way onward."""
        if self.row is not None and self.column is not None:
            way = sense.onward(self.desk.state, self.row, self.column)
            self._plan(self.row, way, is_writable=True)

    def act_diff(self, argument: str) -> None:
        """The same plan, only to look at."""
        if self.row is not None and self.column is not None:
            way = sense.difference(self.desk.state, self.row, self.column)
            self._plan(self.row, way, is_writable=False)

    def _plan(self, row: Row, way: Promotable | str, *, is_writable: bool) -> None:
        from tui.screens.plan import PlanScreen, Proposal

        if isinstance(way, Promotable):
            proposal = Proposal("promote", row.component, way.target, is_writable=is_writable)
            self.app.push_screen(PlanScreen(self.desk, proposal))

    def act_rollback(self, argument: str) -> None:
        """The plan of the way back."""
        from tui.screens.plan import PlanScreen, Proposal

        if self.subject is not None:
            proposal = Proposal("rollback", self.subject.component, self.subject.environment)
            self.app.push_screen(PlanScreen(self.desk, proposal))

    def act_undo(self, argument: str) -> None:
        """The plan of taking the last write back."""
        from tui.screens.plan import PlanScreen, Proposal

        undo = self.desk.state.undo
        if undo is not None:
            proposal = Proposal(undo.way, undo.component, undo.environment, release=undo.release)
            self.app.push_screen(PlanScreen(self.desk, proposal))

    # Filters, projects, leaving.

    def act_filter(self, argument: str) -> None:
        """Type a filter, or take the one that was given."""
        if argument:
            self._filter(argument)
            return
        shown = self.desk.state.board.filter
        self.query_one(Prompt).ask(
            "filter", value=shown.text if shown else "", hint="text · !text · -f letters"
        )

    def typing(self, purpose: str, text: str) -> None:
        """Rows follow while a filter is typed."""
        if purpose == "filter":
            self._filter(text)

    def _filter(self, text: str) -> None:
        self.desk.state.board.show_only(filters.parse(text))
        self._refilter()

    def _refilter(self) -> None:
        self._show_table()
        self.table.relayout()

    def act_project(self, argument: str) -> None:
        """Another project, or all of them."""
        self.desk.state.project = argument or None
        self.app.post_message(messages.ScopeChanged())

    def act_namespace(self, argument: str) -> None:
        """Another namespace."""
        self.desk.state.namespace = argument or "default"
        self.desk.state.project = None
        self.app.post_message(messages.ScopeChanged())

    def leave(self) -> None:
        """`esc` takes the filter away; the board itself is left with `q` only."""
        if self.desk.state.board.filter is not None:
            self._filter("")
        else:
            self.say("q leaves the dashboard; the platform goes on running")

    def act_quit(self, argument: str) -> None:
        """Leave the dashboard."""
        self.app.exit("leave")

    def act_stop(self, argument: str) -> None:
        """Ask, then stop the platform."""
        from tui.screens.question import QuestionScreen

        question = f'Stop the platform "{self.desk.state.instance}"? Its data stays.'
        self.app.push_screen(QuestionScreen(question, "stop"), self._stop_agreed)

    def _stop_agreed(self, is_agreed: bool | None) -> None:  # noqa: FBT001 - Textual calls it
        if is_agreed:
            self.app.exit("stop")
