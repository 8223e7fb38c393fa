"""The only way to a write: a plan, its diff, a deliberate yes; production asks for its name."""

from __future__ import annotations

from collections.abc import Awaitable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from textual import on
from textual.widget import Widget

from choreo_local.apiclient.types import Plan
from choreo_local.errors import ConflictError
from tui import actions, data, messages, plans, tables, workers
from tui.connection import Platform
from tui.messages import Way
from tui.screens.frame import Desk, PageFrame
from tui.state import Undo
from tui.text import Line, Span, visible
from tui.widgets.drawn import Drawn, rule
from tui.widgets.page import Page
from tui.widgets.prompt import Prompt

_VERBS: dict[Way, str] = {"promote": "Promote", "rollback": "Roll back", "undeploy": "Undeploy"}
_DONE: dict[Way, str] = {
    "promote": "promoted {release} to {target}",
    "rollback": "rolled {target} back to {release}",
    "undeploy": "undeployed from {target}",
}


@dataclass(frozen=True, slots=True)
class Proposal:
    """What is to be planned.

    Attributes:
        release: which one to promote; "" for the one that the source environment has.
        is_writable: may the plan be carried out from here, or only be looked at?
    """

    way: Way
    component: str
    environment: str
    release: str = ""
    is_writable: bool = True


class PlanScreen(PageFrame[None]):
    """A plan and its diff."""

    CONTEXT = actions.PLAN
    BINDINGS = actions.bindings(actions.PLAN)

    def __init__(self, desk: Desk, proposal: Proposal) -> None:
        super().__init__(desk)
        self._proposal = proposal
        self._plan: Plan | None = None
        self._anchors: list[int] = []
        self._is_writing = False

    def body(self) -> Iterable[Widget]:
        """Title, page."""
        yield Drawn(self._title, id="title")
        yield Drawn(rule)
        yield Page(id="page")

    def on_mount(self) -> None:
        """Ask for the plan."""
        super().on_mount()
        self.ask()

    def _title(self, columns: int) -> Sequence[Line]:
        verb = _VERBS[self._proposal.way] if self._proposal.is_writable else "Diff of promoting"
        if self._plan is not None:
            return plans.title(self._plan, verb)
        where = visible(self._proposal.environment)
        component = Span(visible(self._proposal.component), "title")
        return ((Span(f" {verb} "), component, Span(f"  {where}")),)

    # The plan.

    def ask(self) -> None:
        """Ask what the write would do."""
        self._plan = None
        if self._proposal.way == "undeploy":
            self.post_message(messages.Planned(self._undeployment()))
            return
        workers.start(
            self,
            partial(
                data.answer,
                self.desk.connection,
                self.post_message,
                self._question,
                messages.Planned,
            ),
            group="ask",
        )

    def _question(self, platform: Platform) -> Awaitable[Plan]:
        wanted, namespace = self._proposal, self.desk.state.namespace
        if wanted.way == "rollback":
            return platform.rollback_plan(
                namespace, wanted.component, environment=wanted.environment
            )
        return platform.promotion_plan(
            namespace, wanted.component, to=wanted.environment, release=wanted.release or None
        )

    def _undeployment(self) -> Plan:
        """What undeploying does, which the platform has no plan for: it removes everything."""
        wanted, board = self._proposal, self.desk.state.board
        cell = board.cell(wanted.component, wanted.environment)
        column = board.column(wanted.environment)
        return Plan(
            component=wanted.component,
            source=wanted.environment,
            target=wanted.environment,
            release="nothing",
            current=cell.release if cell else None,
            is_production=bool(column and column.is_production),
            warnings=("every object of the component in this environment is removed",),
        )

    @on(messages.Planned)
    def _show_plan(self, event: messages.Planned) -> None:
        self._plan = event.plan
        self.page.show(self._draw)
        self.query_one("#title", Drawn).redraw()
        self.redraw_edges()

    def _draw(self, columns: int) -> Sequence[Line]:
        assert self._plan is not None
        if self._proposal.way == "undeploy":
            return plans.warnings(self._plan, columns)
        drawn = plans.plan(self._plan, columns)
        self._anchors = drawn.anchors
        return drawn.lines

    @on(messages.Failed)
    def _show_failure(self, event: messages.Failed) -> None:
        self._is_writing = False
        if isinstance(event.error, ConflictError) and self._plan is not None:
            self.say("it was changed meanwhile: this is the new plan", is_warning=True)
            self.ask()
            return
        self.page.show(lambda columns: tables.failure(event.error, columns))
        self._plan = None
        self.redraw_edges()

    # The write.

    def why_not(self, action: str) -> str:
        """A plan is carried out once, and only when there is something to do."""
        if action != "confirm":
            return ""
        if not self._proposal.is_writable:
            return "this is only the difference; p on the board promotes"
        if self._plan is None:
            return "there is no plan to carry out"
        if self._plan.up_to_date:
            return f"{self._plan.target} has this release already"
        return "it is being done" if self._is_writing else ""

    def label(self, action: str) -> str:
        """`y` names what it does."""
        if action != "confirm" or self._plan is None:
            return ""
        target = visible(self._plan.target)
        verbs = {
            "promote": f"promote to {target}",
            "rollback": f"roll back {target}",
            "undeploy": f"undeploy from {target}",
        }
        return verbs[self._proposal.way]

    def act_confirm(self, argument: str) -> None:
        """Yes; for production its name must be typed."""
        assert self._plan is not None
        if self._plan.is_production:
            target = visible(self._plan.target)
            self.query_one(Prompt).ask("confirm", hint=f"PROD: type {target} to go on, esc to stop")
        else:
            self._write()

    def typed(self, purpose: str, text: str) -> None:
        """The name was typed."""
        if purpose != "confirm" or self._plan is None:
            return
        if text.strip() == self._plan.target:
            self._write()
        else:
            self.say("that is not its name: nothing was changed", is_warning=True)

    def _write(self) -> None:
        self._is_writing = True
        way = self._proposal.way
        workers.start(
            self,
            partial(
                data.answer,
                self.desk.connection,
                self.post_message,
                self._carried_out,
                lambda _: messages.Written(way),
            ),
            group="write",
            exclusive=False,
        )

    def _carried_out(self, platform: Platform) -> Awaitable[Any]:
        plan, namespace = self._plan, self.desk.state.namespace
        assert plan is not None
        if self._proposal.way == "undeploy":
            return platform.undeploy(namespace, plan.component, environment=plan.target)
        if self._proposal.way == "rollback":
            return platform.rollback(
                namespace,
                plan.component,
                environment=plan.target,
                release=plan.release,
                expect_current=plan.current,
            )
        return platform.promote(
            namespace,
            plan.component,
            to=plan.target,
            release=plan.release,
            expect_current=plan.current,
        )

    @on(messages.Written)
    def _report(self, event: messages.Written) -> None:
        assert self._plan is not None
        self.desk.state.undo = inverse(event.way, self._plan)
        hint = " · u takes it back" if self.desk.state.undo else ""
        done = _DONE[event.way].format(release=self._plan.release, target=self._plan.target)
        self.say(f"{self._plan.component}: {done}{hint}")
        self.dismiss(None)

    # Moving about.

    def act_next_change(self, argument: str) -> None:
        """The next object."""
        here = self.page.scroll_offset.y
        self.page.go(next((y for y in self._anchors if y > here), here))

    def act_previous_change(self, argument: str) -> None:
        """The object before."""
        here = self.page.scroll_offset.y
        self.page.go(next((y for y in reversed(self._anchors) if y < here), 0))

    def act_reload(self, argument: str) -> None:
        """Plan anew."""
        self.ask()

    def facts(self) -> dict[str, str]:
        """What command twins speak of."""
        wanted = self._proposal
        return {
            "component": wanted.component,
            "environment": wanted.environment,
            "target": wanted.environment,
        }

    def twin(self) -> str:
        """The command that writes, or that shows the difference."""
        if self._proposal.way == "rollback":
            return "rollback"
        return "promote" if self._proposal.is_writable else "diff"


def inverse(way: Way, plan: Plan) -> Undo | None:
    """How to take a write back; there is no way back from undeploying what was never promoted."""
    if way == "undeploy":
        return None
    if plan.current is None:
        return Undo("undeploy", plan.component, plan.target, release="", written=plan.release)
    back: Way = "rollback" if way == "promote" else "promote"
    return Undo(back, plan.component, plan.target, release=plan.current, written=plan.release)
