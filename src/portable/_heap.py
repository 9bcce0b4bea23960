"""`heap_set_aside()`: hide the objects that exist already from the garbage collector.

A recording collects garbage, to see what its program has left behind. A measurement must not
pay for walking through the objects of pytest, which are 50,000 or many more. Blocks nest, and
only the outermost one thaws the heap. So a session can freeze its heap once for all recordings.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

#: A block inside another one freezes as seldom as this; what is frozen is never collected.
_BLOCKS_A_FREEZE = 50

_open_blocks = 0
_inner_blocks = 0


@contextmanager
def heap_set_aside(*, always: bool = False) -> Iterator[None]:
    """Freeze the objects that exist by now; thaw them when the outermost block ends.

    Freezing costs nothing, as it only moves a list. It also thaws what somebody else has
    frozen, which affects speed alone. A block inside another one collects what is garbage by
    now, and freezes only now and then: what is frozen and becomes garbage is kept until the
    outermost block ends.

    Args:
        always: whether to freeze in a block inside another one in any case.
    """
    global _open_blocks, _inner_blocks
    if _open_blocks:
        gc.collect()
        _inner_blocks += 1
    if always or not _open_blocks or _inner_blocks % _BLOCKS_A_FREEZE == 0:
        gc.freeze()
    _open_blocks += 1
    try:
        yield
    finally:
        _open_blocks -= 1
        if not _open_blocks:
            gc.unfreeze()
