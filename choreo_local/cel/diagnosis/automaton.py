"""States and transitions of a grammar, made from parts; and which tokens can come where.

The shapes of blocks and loops are those of ANTLR, as its recovery looks at the kinds of states.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from enum import Enum, auto

EPSILON = ""
END = "<EOF>"


class Kind(Enum):
    """What a state is for."""

    PLAIN = auto()
    RULE_STOP = auto()
    BLOCK = auto()
    LOOP_ENTRY = auto()
    LOOP_BACK = auto()
    PLUS_BLOCK = auto()
    PLUS_BACK = auto()


class State:
    """A state: with tokens to a target, with a rule and where it returns to, or with choices.

    Attributes:
        kind: what it is for.
        tokens: any of them leads to the first target.
        rule: the rule to be called; the first target is where it returns to.
        level: the precedence that the called rule gets.
        targets: where to go; several are alternatives, in order.
        simple: whether the next token alone decides between the targets.
        operators: of a loop over operators the least precedence by token; else None.
    """

    __slots__ = ("kind", "level", "operators", "rule", "simple", "targets", "tokens")

    def __init__(self, kind: Kind = Kind.PLAIN) -> None:
        self.kind = kind
        self.tokens: frozenset[str] = frozenset()
        self.rule = ""
        self.level = 0
        self.targets: list[State] = []
        self.simple = False
        self.operators: Mapping[str, int] | None = None


Part = Callable[[State], State]
"""A piece of a rule: attached to a state, it gives the state after it."""


def token(*kinds: str) -> Part:
    """One of these tokens."""

    def attach(start: State) -> State:
        after = State()
        start.tokens = frozenset(kinds)
        start.targets.append(after)
        return after

    return attach


def call(rule: str, level: int = 0) -> Part:
    """A rule."""

    def attach(start: State) -> State:
        after = State()
        start.rule, start.level = rule, level
        start.targets.append(after)
        return after

    return attach


def sequence(*parts: Part) -> Part:
    """One part after the other."""

    def attach(start: State) -> State:
        for part in parts:
            start = part(start)
        return start

    return attach


def choice(*parts: Part, simple: bool = False) -> Part:
    """One of the parts."""
    return _block(parts, simple=simple, optional=False)


def optional(part: Part) -> Part:
    """The part or nothing."""
    return _block([part], simple=True, optional=True)


def _block(parts: Sequence[Part], *, simple: bool, optional: bool) -> Part:
    def attach(start: State) -> State:
        block, after = State(Kind.BLOCK), State()
        start.targets.append(block)
        block.simple = simple
        for part in parts:
            _branch(block, part, after)
        if optional:
            block.targets.append(after)
        return after

    return attach


def _branch(start: State, part: Part, after: State) -> None:
    first = State()
    start.targets.append(first)
    part(first).targets.append(after)


def star(part: Part, *, simple: bool = False, operators: Mapping[str, int] | None = None) -> Part:
    """The part any number of times."""

    def attach(start: State) -> State:
        entry, back, after = State(Kind.LOOP_ENTRY), State(Kind.LOOP_BACK), State()
        start.targets.append(entry)
        entry.simple, entry.operators = simple, operators
        _branch(entry, part, back)
        back.targets.append(entry)
        entry.targets.append(after)
        return after

    return attach


def plus(part: Part, *, simple: bool = False) -> Part:
    """The part once or more."""

    def attach(start: State) -> State:
        block, back, after = State(Kind.PLUS_BLOCK), State(Kind.PLUS_BACK), State()
        start.targets.append(block)
        back.simple = simple
        _branch(block, part, back)
        back.targets.extend((block, after))
        return after

    return attach


class Grammar:
    """Rules as states.

    Attributes:
        starts: the first state of each rule.
        stops: the last state of each rule.
        follows: for each rule the states that its calls return to.
    """

    def __init__(self, rules: Mapping[str, Part]) -> None:
        self.starts: dict[str, State] = {}
        self.stops: dict[str, State] = {}
        self.follows: dict[str, list[State]] = {name: [] for name in rules}
        for name, part in rules.items():
            start, stop = State(), State(Kind.RULE_STOP)
            stop.rule = name
            self.starts[name], self.stops[name] = start, stop
            part(start).targets.append(stop)
        for start in self.starts.values():
            self._link(start, set())
        self._next: dict[State, frozenset[str]] = {}

    def _link(self, state: State, seen: set[State]) -> None:
        if state in seen:
            return
        seen.add(state)
        if state.rule and state.kind is not Kind.RULE_STOP:
            self.follows[state.rule].append(state.targets[0])
        for target in state.targets:
            self._link(target, seen)

    def next_tokens(self, state: State) -> frozenset[str]:
        """The tokens that can come; EPSILON when the rule can end here."""
        known = self._next.get(state)
        if known is None:
            found: set[str] = set()
            self._look(state, found, set())
            known = self._next[state] = frozenset(found)
        return known

    def _look(self, state: State, found: set[str], seen: set[State]) -> None:
        if state in seen:
            return
        seen.add(state)
        if state.kind is Kind.RULE_STOP:
            found.add(EPSILON)
        elif state.tokens:
            found |= state.tokens
        elif state.rule:
            inner: set[str] = set()
            self._look(self.starts[state.rule], inner, set(seen))
            found |= inner - {EPSILON}
            if EPSILON in inner:
                self._look(state.targets[0], found, seen)
        else:
            for target in state.targets:
                self._look(target, found, seen)
