from __future__ import annotations

import sys

from tui.bench import Figure, Terminal


def test_quantiles_are_samples() -> None:
    figure = Figure("keys", "ms", tuple(float(number) for number in range(100, 0, -1)))
    assert figure.quantile(0.5) == 51
    assert figure.quantile(0.95) == 96
    assert figure.quantile(1) == 100


def test_terminal_measures_from_key_to_paint() -> None:
    code = "import sys; print('ready', flush=True); print('got ' + input(), flush=True)"
    with Terminal([sys.executable, "-c", code]) as terminal:
        assert terminal.wait_for(b"ready") > 0
        assert terminal.press(b"x\n", b"got x") > 0
        assert terminal.ended() == 0
