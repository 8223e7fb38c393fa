"""Use of the processor over the last seconds."""

from __future__ import annotations

from choreo_local.allinone.cpu import CpuMeter, of_this_process


class Machine:
    """A clock and a counter that tests turn."""

    def __init__(self) -> None:
        self.now = 100.0
        self.used = 40.0
        self.meter = CpuMeter(lambda: self.used, now=lambda: self.now)

    def work(self, seconds: float, share: float) -> None:
        """Let time pass, some of it at work."""
        self.now += seconds
        self.used += seconds * share


def test_nothing_is_said_before_there_is_something_to_compare() -> None:
    machine = Machine()
    assert machine.meter.percent() == 0.0
    machine.meter.sample()
    machine.work(0.1, 1.0)
    assert machine.meter.percent() == 0.0


def test_what_happened_before_the_first_sample_does_not_count() -> None:
    machine = Machine()
    machine.meter.sample()
    machine.work(2, 0.25)
    assert machine.meter.percent() == 25.0
    machine.work(2, 0.75)
    assert machine.meter.percent() == 50.0


def test_old_work_is_forgotten() -> None:
    machine = Machine()
    for share in (1.0, 1.0, 0.0, 0.0, 0.01):
        machine.meter.sample()
        machine.work(5, share)
    assert machine.meter.percent() == 0.3


def test_asking_often_changes_nothing() -> None:
    machine = Machine()
    machine.meter.sample()
    for _ in range(10):
        machine.work(1, 0.5)
        assert machine.meter.percent() == (50.0 if machine.now > 100 else 0.0)


def test_this_process_has_used_a_processor() -> None:
    meter = of_this_process()
    meter.sample()
    assert meter.percent() >= 0.0
