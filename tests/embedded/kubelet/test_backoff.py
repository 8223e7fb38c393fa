"""Doubling, bounded, forgotten in time."""

from __future__ import annotations

from datetime import timedelta

from choreo_local.embedded.kubelet.backoff import BackOff
from tests.embedded.kubelet.builders import NOW


def seconds(number: float) -> timedelta:
    return timedelta(seconds=number)


def test_the_first_failure_is_tried_again_at_once() -> None:
    assert BackOff().remaining("a", failed_at=NOW, now=NOW) == seconds(0)


def test_delays_double_up_to_the_maximum() -> None:
    back_off, now, delays = BackOff(), NOW, []
    for _ in range(8):
        back_off.advance("a", failed_at=now, now=now)
        delays.append(back_off.delay("a").total_seconds())
        now += back_off.delay("a")
    assert delays == [10, 20, 40, 80, 160, 300, 300, 300]


def test_the_wait_counts_from_the_failure() -> None:
    back_off = BackOff()
    back_off.advance("a", failed_at=NOW, now=NOW)
    failed_at = NOW + seconds(5)
    left = back_off.remaining("a", failed_at=failed_at, now=NOW + seconds(8))
    assert left == seconds(7)
    assert not back_off.remaining("a", failed_at=failed_at, now=NOW + seconds(15))


def test_ten_quiet_minutes_start_over() -> None:
    back_off = BackOff()
    for _ in range(4):
        back_off.advance("a", failed_at=NOW, now=NOW)
    later = NOW + seconds(601)
    assert not back_off.remaining("a", failed_at=later, now=later)
    back_off.advance("a", failed_at=later, now=later)
    assert back_off.delay("a") == seconds(10)


def test_nine_quiet_minutes_do_not() -> None:
    back_off = BackOff()
    back_off.advance("a", failed_at=NOW, now=NOW)
    later = NOW + seconds(599)
    assert back_off.remaining("a", failed_at=later, now=later) == seconds(10)


def test_keys_are_independent_and_can_be_forgotten() -> None:
    back_off = BackOff()
    back_off.advance("pod/a", failed_at=NOW, now=NOW)
    back_off.advance("other/a", failed_at=NOW, now=NOW)
    back_off.forget("pod/")
    assert back_off.delay("pod/a") == seconds(0)
    assert back_off.delay("other/a") == seconds(10)
