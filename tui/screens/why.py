"""Why a component is not ready: the way from the component to the first cause, and what to do."""

from __future__ import annotations

from functools import partial

from textual import on

from tui import actions, data, messages, pages, workers
from tui.screens.component import TabbedFrame


class WhyScreen(TabbedFrame):
    """A diagnosis."""

    CONTEXT = actions.WHY
    BINDINGS = actions.bindings(actions.WHY)

    def ask(self) -> None:
        """Ask for the diagnosis."""
        subject = self.subject
        workers.start(
            self,
            partial(
                data.answer,
                self.desk.connection,
                self.post_message,
                lambda platform: platform.why(
                    subject.namespace, subject.component, environment=subject.environment
                ),
                lambda found: messages.Diagnosed(subject, found),
            ),
            group="ask",
        )

    @on(messages.Diagnosed)
    def _show_diagnosis(self, event: messages.Diagnosed) -> None:
        if event.subject == self.subject:
            found = event.diagnosis
            self.page.show(lambda columns: pages.diagnosis(found, columns))

    def twin(self) -> str:
        """`choreo why` says the same."""
        return "why"
