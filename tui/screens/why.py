"""Why a component is not ready: the way from the component to the first cause, and what to do."""

from __future__ import annotations

from textual import on

from tui import actions, messages, pages
from tui.screens.component import TabbedFrame


class WhyScreen(TabbedFrame):
    """A diagnosis."""

    CONTEXT = actions.WHY
    BINDINGS = actions.bindings(actions.WHY)

    def ask(self) -> None:
        """Ask for the diagnosis."""
        subject = self.subject
        self.pose(
            lambda platform: platform.why(
                subject.namespace, subject.component, environment=subject.environment
            ),
            lambda found: messages.Diagnosed(subject, found),
        )

    @on(messages.Diagnosed)
    def _show_diagnosis(self, event: messages.Diagnosed) -> None:
        if event.subject == self.subject:
            found = event.diagnosis
            self.page.show(lambda columns: pages.diagnosis(found, columns))

    def twin(self) -> str:
        """`choreo why` says the same."""
        return "why"
