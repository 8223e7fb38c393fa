"""What a person sees in a terminal: a grid of letters, made from what a program writes."""

from __future__ import annotations

import re
import unicodedata

# Escape sequences: control sequences, strings that end with BEL or ST, and two-letter ones.
_SEQUENCE = re.compile(
    r"\x1b(?:\[(?P<arguments>[0-?]*)[ -/]*(?P<final>[@-~])"
    r"|[\]P_^X][^\x07\x1b]*(?:\x07|\x1b\\)"
    r"|[ -/]*[0-OQ-WYZ\\`-~])"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-?]*[ -/]*|[\]P_^X][^\x07\x1b]*\x1b?|[ -/]*)?\Z")


class Screen:
    """A terminal of a fixed size. Colours and modes are not kept.

    Args:
        columns: how wide.
        lines: how high.
    """

    def __init__(self, columns: int, lines: int) -> None:
        self._size = lines, columns
        self._grid = [[" "] * columns for _ in range(lines)]
        self._line = self._column = 0
        self._rest = ""
        self._aside = self._grid, 0, 0

    @property
    def text(self) -> str:
        """All lines, without the blanks at their ends."""
        return "\n".join("".join(line).rstrip() for line in self._grid)

    def row(self, word: str) -> str:
        """The first line that holds a word, "" when none does."""
        return next((line for line in self.text.split("\n") if word in line), "")

    def feed(self, text: str) -> None:
        """Take a piece of the stream; half a sequence waits for its other half."""
        text = self._rest + text
        at = 0
        while at < len(text):
            if text[at] != "\x1b":
                self._put(text[at])
                at += 1
                continue
            found = _SEQUENCE.match(text, at)
            if found is None:
                if _UNFINISHED.match(text, at):
                    break
                at += 1
                continue
            if found["final"]:
                self._control(found["final"], found["arguments"])
            at = found.end()
        self._rest = text[at:]

    def _put(self, letter: str) -> None:
        lines, columns = self._size
        if letter == "\r":
            self._column = 0
        elif letter == "\n":
            self._line = min(self._line + 1, lines - 1)
        elif letter == "\b":
            self._column = max(self._column - 1, 0)
        elif letter >= " " and letter != "\x7f":
            wide = unicodedata.east_asian_width(letter) in "WF"
            if self._column < columns:
                self._grid[self._line][self._column] = letter
            if wide and self._column + 1 < columns:
                self._grid[self._line][self._column + 1] = ""
            self._column += 2 if wide else 1

    def _control(self, final: str, arguments: str) -> None:
        if arguments[:1] in ("?", ">", "<", "="):
            if arguments == "?1049":
                self._alternate(on=final == "h")
            return
        numbers = [int(number or 0) for number in arguments.split(";")] if arguments else [0]
        first = numbers[0]
        lines, columns = self._size
        if final in "Hf":
            self._line = min(max(first, 1), lines) - 1
            self._column = min(max((*numbers, 1)[1], 1), columns) - 1
        elif final == "A":
            self._line = max(self._line - max(first, 1), 0)
        elif final == "B":
            self._line = min(self._line + max(first, 1), lines - 1)
        elif final == "C":
            self._column = min(self._column + max(first, 1), columns - 1)
        elif final == "D":
            self._column = max(self._column - max(first, 1), 0)
        elif final == "G":
            self._column = min(max(first, 1), columns) - 1
        elif final == "J":
            self._erase(0, 0) if first == 2 else self._erase(self._line, self._column)
        elif final == "K":
            self._grid[self._line][self._column :] = " " * (columns - self._column)

    def _alternate(self, *, on: bool) -> None:
        """A full-screen program puts what was there aside, and brings it back in the end."""
        if on:
            self._aside = self._grid, self._line, self._column
            self._grid = [[" "] * len(line) for line in self._grid]
        else:
            self._grid, self._line, self._column = self._aside

    def _erase(self, line: int, column: int) -> None:
        """Everything from a place to the end."""
        lines, columns = self._size
        self._grid[line][column:] = " " * (columns - column)
        for below in range(line + 1, lines):
            self._grid[below] = [" "] * columns
