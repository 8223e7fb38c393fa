"""Runs the grammar over tokens, complains where they do not fit, and goes on.

Recovery is ANTLR's: leave out one token, pretend that one is there, or skip to what may follow the
rule. After a complaint there is silence until a token fits again.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from choreo_local.cel.diagnosis.automaton import END, EPSILON, Kind, State
from choreo_local.cel.diagnosis.grammar import GRAMMAR, shown
from choreo_local.cel.diagnosis.prediction import (
    ExhaustedError,
    NoViableError,
    Predictor,
    Stack,
)
from choreo_local.cel.diagnosis.scanning import escaped
from choreo_local.cel.errors import Issue
from choreo_local.cel.lexer import SPACE, Token

_MOST_STEPS = 100_000
_MOST_ATTEMPTS = 30
_MOST_SKIPPED = 256


@dataclass(frozen=True, slots=True)
class _Call:
    """A rule that is being run; `invoked` is the state that called it, none for the first."""

    rule: str
    level: int
    invoked: State | None


class _MisfitError(Exception):
    """A rule cannot go on; carries the complaint."""

    def __init__(self, token: Token, message: str) -> None:
        super().__init__(message)
        self.token = token
        self.message = message


class Recognizer:
    """One run over the tokens of a text.

    Attributes:
        issues: the complaints, in the order in which they came up.
    """

    def __init__(self, tokens: Sequence[Token]) -> None:
        self.every = tokens
        self.tokens = [token for token in tokens if token.kind != SPACE]
        self.index = 0
        self.calls = [_Call("start", 0, None)]
        self.state = GRAMMAR.starts["start"]
        self.issues: list[Issue] = []
        self.recovering = False
        self.attempts = 0
        self.failed_at = -1
        self.failed_states: set[State] = set()
        self.predictor = Predictor(GRAMMAR, self.peek)

    def run(self) -> None:
        """Recognize until the first rule ends, or until it has taken too long."""
        for _ in range(_MOST_STEPS):
            if not self.calls:
                return
            try:
                self.advance()
            except ExhaustedError:
                return

    def advance(self) -> None:
        """Do one step, or recover from it."""
        try:
            self.step()
        except _MisfitError as misfit:
            self.complain(misfit.token, misfit.message)
            self.attempt()
            self.resume()

    def peek(self, ahead: int = 0) -> str:
        """The kind of a coming token."""
        return self.tokens[min(self.index + ahead, len(self.tokens) - 1)].kind

    @property
    def current(self) -> Token:
        """The next token."""
        return self.tokens[self.index]

    def consume(self) -> None:
        """Step over the next token; the end stays."""
        if self.current.kind != END:
            self.index += 1

    def step(self) -> None:
        """Do what the state asks for."""
        state = self.state
        if state.kind is Kind.RULE_STOP:
            invoked = self.calls.pop().invoked
            if invoked is not None:
                self.state = invoked.targets[0]
        elif state.tokens:
            self.match(state)
            self.state = state.targets[0]
        elif state.rule:
            self.calls.append(_Call(state.rule, state.level, state))
            self.state = GRAMMAR.starts[state.rule]
        elif state.kind is Kind.LOOP_BACK:
            self.synchronize()
            self.state = self.chosen(state.targets[0])
        elif state.kind is Kind.PLUS_BACK:
            self.synchronize()
            target = self.chosen(state)
            self.state = target.targets[0] if target.kind is Kind.PLUS_BLOCK else target
        elif state.kind is Kind.PLAIN:
            self.state = state.targets[0]
        else:
            self.synchronize()
            self.state = self.chosen(state) if len(state.targets) > 1 else state.targets[0]

    def chosen(self, decision: State) -> State:
        """The target that fits what comes."""
        kind = self.peek()
        if decision.operators is not None:
            goes_on = decision.operators.get(kind, -1) >= self.calls[-1].level
            return decision.targets[0 if goes_on else 1]
        if decision.simple:
            for target in decision.targets:
                following = GRAMMAR.next_tokens(target)
                if kind in following or EPSILON in following:
                    return target
            if decision.kind is not Kind.BLOCK or len(decision.targets) == 2:
                return decision.targets[-1]
        try:
            number = self.predictor.predict(decision, self.pending())
        except NoViableError as error:
            raise self.no_viable(error.ahead) from None
        return decision.targets[number - 1]

    def pending(self) -> Stack:
        """Where the running rules return to."""
        found = [call.invoked.targets[0] for call in reversed(self.calls) if call.invoked]
        return tuple(found)

    def match(self, state: State) -> None:
        """Step over a token that fits, or mend."""
        if self.peek() in state.tokens:
            self.accepted()
            self.consume()
            return
        self.attempt()
        if self.leave_out():
            self.consume()
            return
        if self.peek() in self.expected(state.targets[0]):
            missing = shown(self.expected(state))
            self.complain(self.current, f"missing {missing} at {_quoted(self.current)}")
            return
        raise self.mismatch()

    def accepted(self) -> None:
        """A token fits: the next misfit is worth a complaint."""
        self.recovering = False
        self.failed_at = -1
        self.failed_states = set()

    def synchronize(self) -> None:
        """See at a choice or a loop whether what comes can be part of it."""
        if self.recovering:
            return
        following = GRAMMAR.next_tokens(self.state)
        if EPSILON in following or self.peek() in following:
            return
        if self.state.kind in (Kind.LOOP_BACK, Kind.PLUS_BACK):
            self.unwanted()
            self.skip_to(self.expected(self.state) | self.recovery_set())
        elif not self.leave_out():
            raise self.mismatch()

    def leave_out(self) -> bool:
        """Skip the next token when the one after it fits."""
        if self.peek(1) not in self.expected(self.state):
            return False
        self.unwanted()
        self.consume()
        self.accepted()
        return True

    def unwanted(self) -> None:
        """Complain about a token too many."""
        expected = shown(self.expected(self.state))
        self.complain(
            self.current, f"extraneous input {_quoted(self.current)} expecting {expected}"
        )

    def mismatch(self) -> _MisfitError:
        """The complaint about a token that cannot come here."""
        expected = shown(self.expected(self.state))
        message = f"mismatched input {_quoted(self.current)} expecting {expected}"
        return _MisfitError(self.current, message)

    def no_viable(self, ahead: int) -> _MisfitError:
        """The complaint about tokens that no alternative fits."""
        first = self.current
        last = self.tokens[min(self.index + ahead, len(self.tokens) - 1)]
        if first.kind == END:
            read = END
        else:
            pieces = [
                token.text
                for token in self.every
                if first.position <= token.position <= last.position and token.kind != END
            ]
            read = escaped("".join(pieces))
        return _MisfitError(last, f"no viable alternative at input '{read}'")

    def complain(self, token: Token, message: str) -> None:
        """Note a complaint, unless one was just noted."""
        if not self.recovering:
            self.recovering = True
            self.issues.append(Issue(token.position, message))

    def attempt(self) -> None:
        """Begin to recover, which is done only so many times."""
        self.attempts += 1
        if self.attempts > _MOST_ATTEMPTS:
            raise self.given_up(f"error recovery attempt limit exceeded: {_MOST_ATTEMPTS}")

    def given_up(self, message: str) -> ExhaustedError:
        """The last complaint, which is never left out."""
        self.issues.append(Issue(self.current.position, message))
        return ExhaustedError()

    def resume(self) -> None:
        """Leave the rule that failed, at a token that may follow it."""
        start = self.index
        if self.failed_at == self.index and self.state in self.failed_states:
            # The same failure again at the same place: one token less, or it would never end.
            self.consume()
        self.failed_at = self.index
        self.failed_states.add(self.state)
        self.skip_to(self.recovery_set())
        if self.index - start > _MOST_SKIPPED:
            self.index = start + _MOST_SKIPPED
            limit = f"error recovery token lookahead limit exceeded: {_MOST_SKIPPED}"
            raise self.given_up(limit)
        self.state = GRAMMAR.stops[self.calls[-1].rule]

    def skip_to(self, kinds: frozenset[str]) -> None:
        """Step over tokens until one of these kinds comes."""
        while self.peek() != END and self.peek() not in kinds:
            self.consume()

    def expected(self, state: State) -> frozenset[str]:
        """The tokens that can come at a state, with what may follow the running rules."""
        following = GRAMMAR.next_tokens(state)
        found = set(following)
        for after in self.pending():
            if EPSILON not in following:
                break
            following = GRAMMAR.next_tokens(after)
            found |= following
        if EPSILON in following:
            found.add(END)
        return frozenset(found - {EPSILON})

    def recovery_set(self) -> frozenset[str]:
        """The tokens that may follow any running rule."""
        found: set[str] = set()
        for after in self.pending():
            found |= GRAMMAR.next_tokens(after)
        return frozenset(found - {EPSILON})


def _quoted(token: Token) -> str:
    return f"'{escaped(token.text)}'"
