"""How long a supervised program has not been there, and what is said of it. Pure."""

from __future__ import annotations

# A crash that is answered at once is nothing that statuses have to speak of.
_NOTICEABLE_SECONDS = 1.0


class Absence:
    """From the end of a run that answered until another answers."""

    def __init__(self) -> None:
        self._since: float | None = None
        self._code = 0

    def began(self, now: float, code: int) -> None:
        """A run has ended with this code."""
        self._code = code
        if self._since is None:
            self._since = now

    def ended(self) -> None:
        """A run answers."""
        self._since = None

    def reason(self, now: float) -> str:
        """Why nothing is served; empty while it is, and for a moment after that."""
        if self._since is None or now - self._since < _NOTICEABLE_SECONDS:
            return ""
        return f"Envoy does not run: it ended with code {self._code} and is started again"
