"""The heart-beat of a link: who hears nothing lets go, and a machine that slept lets go at once."""

from __future__ import annotations

from twisted.internet.task import Clock

from readers.remote.beat import Beat


class Life:
    def __init__(self) -> None:
        self.clock = Clock()
        self.slept = 0.0
        self.pings: list[int] = []
        self.lost: list[str] = []
        seconds = self.clock.seconds
        self.beat = Beat(self.clock, seconds, lambda: seconds() + self.slept, self.pings.append, self.lost.append)
        self.beat.start(5.0)


def test_a_peer_that_answers_is_kept_and_its_round_trip_is_known() -> None:
    life = Life()
    assert life.beat.round_trip_s == -1
    for _ in range(20):
        life.clock.advance(0.2)
        life.beat.heard()
        life.beat.pong(life.pings[-1])
        life.clock.advance(4.8)

    assert len(life.pings) == 21
    assert life.lost == []
    assert abs(life.beat.round_trip_s - 0.2) < 1e-9


def test_three_beats_without_a_word_end_the_link_once() -> None:
    life = Life()
    life.clock.pump([5.0] * 10)

    assert life.lost == ["no sign of life"]
    assert len(life.pings) == 4


def test_a_machine_that_slept_ends_the_link_at_once_though_no_time_seems_to_have_passed() -> None:
    life = Life()
    life.slept = 3600.0
    life.clock.advance(5.0)

    assert life.lost == ["this machine slept"]


def test_an_old_pong_says_nothing_and_a_stopped_beat_is_silent() -> None:
    life = Life()
    life.beat.pong(life.pings[0] - 1)
    assert life.beat.round_trip_s == -1
    life.beat.stop()
    life.clock.advance(60)

    assert (life.lost, len(life.pings)) == ([], 1)
