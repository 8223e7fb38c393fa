"""Which alternative of a choice to take, by looking ahead as far as it takes.

First every alternative is followed without knowing who called the rule; when that leaves a
conflict, again with the calls that led here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import NamedTuple

from choreo_local.cel.diagnosis.automaton import END, Grammar, Kind, State

Stack = tuple[State, ...]
"""Where the pending calls return to, the innermost first."""


class _Config(NamedTuple):
    """A way to get somewhere.

    Attributes:
        state: where.
        alternative: by which way, from 1.
        stack: pending calls since the decision, and before it when they are known.
        left: whether the rule of the decision was left by a guess.
    """

    state: State
    alternative: int
    stack: Stack
    left: bool

    def at(self, state: State) -> _Config:
        """The same way, gone on to another state."""
        return _Config(state, self.alternative, self.stack, self.left)


class NoViableError(Exception):
    """No alternative fits.

    Attributes:
        ahead: how many tokens were looked at before the one that did not fit.
    """

    def __init__(self, ahead: int) -> None:
        super().__init__()
        self.ahead = ahead


class _NeedsContextError(Exception):
    """Only the calls that led here can decide."""


class ExhaustedError(Exception):
    """The choices of one text have taken too much work; the complaints so far must do."""


# A tenth of a second of work.
_MOST_CONFIGS = 100_000


class Predictor:
    """Predictions over one grammar; `peek` gives the kind of the n-th next token, from 0."""

    def __init__(self, grammar: Grammar, peek: Callable[[int], str]) -> None:
        self.grammar = grammar
        self.peek = peek
        self.configs = 0

    def predict(self, decision: State, stack: Stack) -> int:
        """The alternative to take, from 1.

        Raises:
            NoViableError: there is none.
        """
        try:
            return self._decide(decision, (), full=False)
        except _NeedsContextError:
            return self._decide(decision, stack, full=True)

    def _decide(self, decision: State, stack: Stack, *, full: bool) -> int:
        start = [
            _Config(target, number, stack, left=False)
            for number, target in enumerate(decision.targets, start=1)
        ]
        configs = self._closure(start, full=full)
        ahead = 0
        while True:
            kind = self.peek(ahead)
            reached = self._reach(configs, kind, full=full)
            if not reached:
                finished = [config.alternative for config in configs if _is_finished(config)]
                if finished:
                    return min(finished)
                raise NoViableError(ahead)
            alternatives = {config.alternative for config in reached}
            if len(alternatives) == 1:
                return alternatives.pop()
            if full:
                least = {min(group) for group in _conflicts(reached, full=True)}
                if len(least) == 1:
                    return least.pop()
            elif _needs_context(reached):
                raise _NeedsContextError
            configs = reached
            if kind != END:
                ahead += 1

    def _reach(self, configs: Iterable[_Config], kind: str, *, full: bool) -> set[_Config]:
        """Where a token leads."""
        moved: list[_Config] = []
        stopped: set[_Config] = set()
        for config in configs:
            if config.state.kind is Kind.RULE_STOP:
                if full or kind == END:
                    stopped.add(config)
            elif kind in config.state.tokens:
                moved.append(config.at(config.state.targets[0]))
        if not stopped and kind != END and len({one.alternative for one in moved}) == 1:
            return set(moved)
        reached = self._closure(moved, full=full)
        if kind == END:
            reached = {config for config in reached if config.state.kind is Kind.RULE_STOP}
        if stopped and not (full and any(one.state.kind is Kind.RULE_STOP for one in reached)):
            reached |= stopped
        return reached

    def _closure(self, configs: Iterable[_Config], *, full: bool) -> set[_Config]:
        """All that can be reached without a token."""
        found: set[_Config] = set()
        seen: set[_Config] = set()
        pending = list(configs)
        while pending:
            config = pending.pop()
            if config in seen:
                continue
            seen.add(config)
            self.configs += 1
            if self.configs > _MOST_CONFIGS:
                raise ExhaustedError
            state = config.state
            if state.kind is Kind.RULE_STOP:
                pending.extend(self._returns(config, found, full=full))
            elif state.tokens:
                found.add(config)
            elif state.rule:
                stack = (state.targets[0], *config.stack)
                start = self.grammar.starts[state.rule]
                pending.append(_Config(start, config.alternative, stack, config.left))
            else:
                pending += [config.at(target) for target in state.targets]
        return found

    def _returns(self, config: _Config, found: set[_Config], *, full: bool) -> list[_Config]:
        """Where a rule that ends returns to."""
        if config.stack:
            caller, *stack = config.stack
            return [_Config(caller, config.alternative, tuple(stack), config.left)]
        follows = self.grammar.follows[config.state.rule]
        if full or not follows:
            found.add(config)
            return []
        return [_Config(follow, config.alternative, (), left=True) for follow in follows]


def _is_finished(config: _Config) -> bool:
    return config.left or (config.state.kind is Kind.RULE_STOP and not config.stack)


def _conflicts(configs: Iterable[_Config], *, full: bool) -> list[set[int]]:
    """The alternatives that are in the same state with the same calls pending."""
    stacks: dict[tuple[State, int], set[Stack]] = {}
    for config in configs:
        stacks.setdefault((config.state, config.alternative), set()).add(config.stack)
    groups: dict[tuple[State, frozenset[Stack]], set[int]] = {}
    for (state, alternative), several in stacks.items():
        merged = frozenset(several if full else _absorbed(several))
        groups.setdefault((state, merged), set()).add(alternative)
    return list(groups.values())


def _absorbed(stacks: set[Stack]) -> set[Stack]:
    """Without those that begin like a shorter one: what follows that is unknown anyway."""
    return {
        stack
        for stack in stacks
        if not any(stack[:length] in stacks for length in range(len(stack)))
    }


def _needs_context(configs: set[_Config]) -> bool:
    """Whether going on without the calls that led here cannot decide."""
    if all(config.state.kind is Kind.RULE_STOP for config in configs):
        return True
    if all(len(group) == 1 for group in _conflicts(configs, full=False)):
        return False
    by_state: dict[State, set[int]] = {}
    for config in configs:
        by_state.setdefault(config.state, set()).add(config.alternative)
    return all(len(alternatives) > 1 for alternatives in by_state.values())
