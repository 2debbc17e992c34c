import contextlib
import threading
import time
from concurrent.futures import CancelledError, Future
from queue import Queue

import pytest

from vaenhance.workflows.conveyor import PIECES_IN_FLIGHT, Conveyor, is_closed


def run(works, *, read=lambda w: w, compute=lambda w, r: r, write=lambda w, a: None):
    conveyor = Conveyor(
        works, read=read, compute=compute, write=write, weigh=lambda w: 1.0, room=3.0
    )
    try:
        return list(conveyor.results())
    finally:
        conveyor.close()


def test_results_come_in_order_and_pass_all_stages():
    written = []
    results = run(
        range(20),
        read=lambda w: w * 10,
        compute=lambda w, r: r + w,
        write=lambda w, a: written.append((w, a)),
    )
    assert results == [(w, None) for w in range(20)]
    assert written == [(w, w * 11) for w in range(20)]


@pytest.mark.parametrize("stage", ["read", "compute", "write"])
def test_an_error_belongs_to_its_piece_alone(stage):
    def fail(work, *rest):
        if work == 2:
            raise ValueError("two")
        return work

    results = run(range(5), **{stage: fail})
    assert [work for work, error in results if error is None] == [0, 1, 3, 4]
    assert isinstance(results[2][1], ValueError)


def test_the_next_piece_is_read_while_one_is_computed():
    second_is_read = threading.Event()

    def read(work):
        if work == 1:
            second_is_read.set()

    def compute(work, read):
        # Would wait in vain if reading began after computing.
        assert second_is_read.wait(timeout=10)

    assert run(range(2), read=read, compute=compute) == [(0, None), (1, None)]


def test_one_piece_is_written_while_the_next_is_computed():
    second_is_computed = threading.Event()

    def compute(work, read):
        if work == 1:
            second_is_computed.set()

    def write(work, answer):
        assert second_is_computed.wait(timeout=10)

    assert run(range(2), compute=compute, write=write) == [(0, None), (1, None)]


def test_room_bounds_what_is_in_flight_and_a_giant_travels_alone():
    weights = [1.0, 1.0, 9.0, 1.0, 2.0, 1.0]
    lock, inside, seen = threading.Lock(), set(), []

    def read(work):
        with lock:
            inside.add(work)
            seen.append(set(inside))

    conveyor = Conveyor(
        range(6),
        read=read,
        compute=lambda w, r: r,
        write=lambda w, a: None,
        weigh=lambda w: weights[w],
        room=3.0,
    )
    for work, _ in conveyor.results():
        with lock:
            inside.discard(work)
    conveyor.close()
    # A piece may be over a moment before it is taken out, never later.
    assert {2} in seen
    assert all(sum(weights[w] for w in each) <= 3 for each in seen if each != {2})


def test_weightless_work_is_not_queued_without_end():
    conveyor = Conveyor(
        range(1000),
        read=lambda w: w,
        compute=lambda w, r: r,
        write=lambda w, a: None,
        weigh=lambda w: 0.0,
        room=1.0,
    )
    conveyor.read_ahead()
    assert len(conveyor._reading) == PIECES_IN_FLIGHT
    conveyor.close()


def test_a_fatal_error_ends_the_run():
    def compute(work, read):
        raise KeyError(work)

    conveyor = Conveyor(
        range(3),
        read=lambda w: w,
        compute=compute,
        write=lambda w, a: None,
        weigh=lambda w: 1.0,
        room=3.0,
        is_fatal=lambda error: isinstance(error, KeyError),
    )
    with pytest.raises(KeyError):
        list(conveyor.results())
    conveyor.close()


def test_close_waits_for_what_is_being_written_and_drops_the_rest():
    begun, go_on, written = Queue(), threading.Event(), []

    def write(work, answer):
        begun.put(work)
        go_on.wait(timeout=10)
        written.append(work)

    conveyor = Conveyor(
        range(4),
        read=lambda w: w,
        compute=lambda w, r: r,
        write=write,
        weigh=lambda w: 1.0,
        room=4.0,
    )

    def consume():
        with contextlib.suppress(RuntimeError, CancelledError):  # closed
            list(conveyor.results())

    thread = threading.Thread(target=consume, daemon=True)
    thread.start()
    assert begun.get(timeout=10) == 0
    closing = threading.Thread(target=conveyor.close)
    closing.start()
    closing.join(timeout=0.05)
    assert closing.is_alive() and written == []
    go_on.set()
    closing.join(timeout=10)
    assert not closing.is_alive()
    assert 0 in written


def test_what_waits_in_reading_is_told_that_it_may_end():
    begun, seen = Queue(), []

    def read(work):
        begun.put(work)
        deadline = time.monotonic() + 10
        while not is_closed() and time.monotonic() < deadline:
            time.sleep(0.01)
        seen.append(is_closed())

    conveyor = Conveyor(
        range(2),
        read=read,
        compute=lambda w, r: r,
        write=lambda w, a: None,
        weigh=lambda w: 1.0,
        room=2.0,
    )
    conveyor.read_ahead()
    assert begun.get(timeout=10) == 0
    conveyor.close()
    assert seen == [True]
    assert not is_closed()  # of this thread, which reads for no conveyor


def test_after_an_interrupt_what_is_being_written_still_comes_out():
    begun, go_on = Queue(), threading.Event()

    def compute(work, answer):
        if work == 0:
            raise ValueError("bad")
        if work == 3:
            assert begun.get(timeout=10) == 1  # 2 waits behind it
            threading.Timer(0.05, go_on.set).start()
            raise KeyboardInterrupt
        return answer

    def write(work, answer):
        begun.put(work)
        go_on.wait(timeout=10)

    conveyor = Conveyor(
        range(6),
        read=lambda w: w,
        compute=compute,
        write=write,
        weigh=lambda w: 0.0,
        room=1.0,
    )
    # Two would be waited for before the third is computed: put them there by hand.
    conveyor.read_ahead()
    with pytest.raises(KeyboardInterrupt):
        for _ in range(4):
            piece = conveyor._reading.popleft()
            conveyor._advance(piece)
            conveyor._writing.append(piece)
    left = [(work, type(error)) for work, error in conveyor.written()]
    conveyor.close()
    assert left == [(0, ValueError), (1, type(None))]


@pytest.mark.parametrize("is_known", [False, True])
def test_an_interrupt_while_the_writer_is_told_loses_no_record(monkeypatch, is_known):
    conveyor = Conveyor(
        range(3),
        read=lambda work: work,
        compute=lambda work, value: value,
        write=lambda work, value: time.sleep(0.05),
        weigh=lambda work: 0,
        room=1,
    )
    submit = conveyor._writer.submit

    def interrupted(function, piece, answer):
        future = submit(function, piece, answer)
        if is_known:
            piece.writing = future
        while not piece.has_begun:
            time.sleep(0.001)
        raise KeyboardInterrupt

    monkeypatch.setattr(conveyor._writer, "submit", interrupted)
    with pytest.raises(KeyboardInterrupt):
        list(conveyor.results())
    monkeypatch.undo()  # the interrupt comes once
    assert list(conveyor.written()) == [(0, None)]
    conveyor.close()


def test_an_interrupt_while_computing_makes_no_record():
    def compute(work, value):
        raise KeyboardInterrupt

    conveyor = Conveyor(
        range(3),
        read=lambda work: work,
        compute=compute,
        write=lambda work, value: None,
        weigh=lambda work: 0,
        room=1,
    )
    with pytest.raises(KeyboardInterrupt):
        list(conveyor.results())
    assert list(conveyor.written()) == []
    conveyor.close()


def test_no_wait_is_without_end_that_a_signal_could_come_right_before(monkeypatch):
    # Its handler would run after the wait: Python looks for signals between steps.
    ended = []
    result = Future.result

    def watched(future, timeout=None):
        ended.append(future.done())
        return result(future, timeout)

    monkeypatch.setattr(Future, "result", watched)
    slow = {"read": lambda w: time.sleep(0.1), "write": lambda w, a: time.sleep(0.1)}
    assert run([1], **slow) == [(1, None)]
    assert ended == [True, True]
