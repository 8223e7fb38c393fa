"""Textual's command palette (ctrl+p) over the same actions as the keys."""

from __future__ import annotations

from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui import actions
from tui.screens.frame import Frame


class ActionProvider(Provider):
    """The actions of the screen that the palette was opened on."""

    async def discover(self) -> Hits:
        """All of them, while nothing is typed."""
        for name, title, text, call in self._entries():
            yield DiscoveryHit(title, call, name, help=text)

    async def search(self, query: str) -> Hits:
        """Those that match what is typed."""
        matcher = self.matcher(query)
        for name, title, text, call in self._entries():
            score = max(matcher.match(title), matcher.match(text))
            if score > 0:
                yield Hit(score, matcher.highlight(title), call, name, text)

    def _entries(self) -> list[tuple[str, str, str, partial[None]]]:
        frame = self.screen
        if not isinstance(frame, Frame):
            return []
        return [
            (
                action.name,
                f"{(action.label or action.name).replace('_', ' ').capitalize()}"
                f"  ({actions.shown_keys(action, most=1)})",
                action.help,
                partial(frame.action_invoke, action.name),
            )
            for action in actions.of(frame.CONTEXT)
            if action.keys and action.name not in {"palette", "environment"}
        ]
