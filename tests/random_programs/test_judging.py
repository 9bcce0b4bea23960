"""The judge of random programs is judged: what it must tell apart, by programs of its own."""

from portable._backends import installed_backends

from .judging import misses, predict
from .modelling import MESSAGE
from .steps import (
    Await,
    Body,
    Cancel,
    Gather,
    Group,
    Limit,
    Raise,
    RandomProgram,
    Say,
    Sleep,
    Spawn,
    WaitForTask,
)


def program(*steps):
    return RandomProgram(Body(0, steps))


def chain(first, last, *steps):
    """Tasks of which each awaits the next one; the last one runs the steps."""
    if first == last:
        return Spawn(Body(first, steps))
    return Spawn(Body(first, (chain(first + 1, last, *steps), Await(first + 1))))


def keeps(program, prediction):
    return [
        missed
        for backend in installed_backends()
        if (missed := misses(program, prediction, backend)) is not None
    ]


def test_asyncio_tells_a_message_once():
    """Whoever was cancelled while it awaited a task has been told; portable tells again."""
    waiting = program(chain(1, 2, Sleep(9.5)), Sleep(1.25), Cancel(1, "stop"), Sleep(20.125))
    prediction = predict(waiting)
    assert prediction.differences == {MESSAGE}
    assert not prediction.free
    assert not keeps(waiting, prediction)


def test_a_task_cancels_whoever_awaits_it():
    """The message comes back to it, and has been told by the time main asks."""
    turning = program(chain(1, 2, Cancel(1, "stop"), Sleep(1.5)), Sleep(4.25))
    prediction = predict(turning)
    assert prediction.differences == {MESSAGE}
    assert not keeps(turning, prediction)


def test_a_limit_and_a_sleep_that_end_together_are_free():
    """Which of them is first is seen through all the tasks that await each other."""
    inner = chain(2, 4, Sleep(2.0), Sleep(1.0))
    task = Spawn(Body(1, (Sleep(1.0), Sleep(2.0), inner, Await(2))))
    clashing = program(Sleep(1.0), task, WaitForTask(1, 5.0), Sleep(4.0))
    prediction = predict(clashing)
    assert prediction.free
    assert not keeps(clashing, prediction)


def test_what_happens_at_two_instants_is_not_free():
    """Where no two things end together there is one order alone."""
    ordered = program(chain(1, 4, Sleep(2.0), Say(1)), WaitForTask(1, 3.0))
    prediction = predict(ordered)
    assert not prediction.free
    assert not prediction.differences
    assert not keeps(ordered, prediction)


def test_a_failure_that_is_ready_is_not_lost_by_gather():
    """A child fails, and its gather()'s caller is cancelled before it has seen that."""
    child = Body(3, (Cancel(1, None), Raise(0)))
    inner = Body(2, (Gather((child,), None, return_exceptions=False),))
    failing = program(Group((Body(1, (Group((inner,), ()),)),), ()), Sleep(4.5))
    prediction = predict(failing)
    assert prediction.differences == {"D10"}
    assert not keeps(failing, prediction)


def test_a_message_goes_down_through_gather():
    """What a child awaits is told the message that gather()'s caller was cancelled with."""
    last = Spawn(Body(3, (Cancel(1, "stop"), Sleep(1.0))))
    child = Body(2, (last, Await(3)))
    caller = Spawn(Body(1, (Gather((child,), None, return_exceptions=False),)))
    told = program(caller, Await(1), Sleep(4.5))
    prediction = predict(told)
    assert prediction.differences == {"D4", MESSAGE}
    assert "t0: t3 is cancelled ('stop',)" in prediction.expected.lines("stdout")
    assert not keeps(told, prediction)


def test_no_time_left_for_a_task_that_is_cancelled():
    """asyncio makes one of the cancellation and the limit that follows; portable does not."""
    hurrying = program(
        Spawn(Body(1, (Cancel(1, None), Limit(0.0, (Sleep(1.5),))))), Sleep(4.25)
    )
    prediction = predict(hurrying)
    assert prediction.differences == {"D1"}
    assert "t1: ends: cancelled" in prediction.expected.lines("stdout")
    assert not keeps(hurrying, prediction)


def test_no_child_begins_for_whoever_is_cancelled():
    """asyncio's cancellation goes through nested groups turn by turn; portable's is there."""
    children = (Body(4, ()),)
    last = Body(3, (Cancel(1, None), Gather(children, None, return_exceptions=False)))
    inner = Body(2, (Group((last,), ()),))
    nested = program(Spawn(Body(1, (Group((inner,), ()),))), Sleep(4.5))
    prediction = predict(nested)
    assert prediction.differences == {"D1"}
    assert "t4: begins" not in prediction.expected.lines("stdout")
    assert not keeps(nested, prediction)
