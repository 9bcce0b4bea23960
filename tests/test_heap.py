"""The heap that is set aside: out of the collector's way, and given back."""

import gc
import weakref

import pytest

from portable._heap import heap_set_aside


class Circle:
    """Garbage that only the collector can take away."""

    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def _thawed():
    """Begin with a heap that nobody has set aside, as a user's is."""
    portable_blocks = pytest.MonkeyPatch()
    portable_blocks.setattr("portable._heap._open_blocks", 0)
    portable_blocks.setattr("portable._heap._inner_blocks", 0)
    gc.unfreeze()
    yield
    portable_blocks.undo()
    gc.freeze()


@pytest.mark.slow
def test_garbage_of_before_is_left_alone_until_the_block_ends():
    """What was there before is not looked at in the block, and collectable after it."""
    circle = Circle()
    gone = weakref.ref(circle)
    with heap_set_aside():
        del circle
        gc.collect()
        assert gone() is not None
    gc.collect()
    assert gone() is None


def test_garbage_of_the_block_is_collected_in_it():
    """What is made in the block is collected as ever."""
    with heap_set_aside():
        gone = weakref.ref(Circle())
        gc.collect()
        assert gone() is None


def test_only_the_outermost_block_thaws():
    """A block within a block leaves the heap as the outer one set it aside."""
    circle = Circle()
    gone = weakref.ref(circle)
    with heap_set_aside():
        with heap_set_aside():
            del circle
        gc.collect()
        assert gone() is not None
    assert gc.get_freeze_count() == 0


def test_blocks_within_a_block_keep_no_garbage():
    """What was made between two inner blocks, or in one, is collected in a later one."""
    with heap_set_aside():
        gone = []
        for _ in range(3):
            circle = Circle()
            gone.append(weakref.ref(circle))
            with heap_set_aside():
                gone.append(weakref.ref(Circle()))
            del circle
        with heap_set_aside():
            assert [one() for one in gone] == [None] * 6


def test_blocks_within_a_block_freeze_now_and_then():
    """A long session's later objects are set aside as well."""
    with heap_set_aside():
        before = gc.get_freeze_count()
        later = [Circle() for _ in range(100)]
        for _ in range(60):
            with heap_set_aside():
                pass
        assert gc.get_freeze_count() >= before + len(later)


def test_an_error_thaws():
    """However the block ends, the heap is given back."""
    with pytest.raises(ZeroDivisionError), heap_set_aside():
        1 / 0  # noqa: B018
    assert gc.get_freeze_count() == 0
