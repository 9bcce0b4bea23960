"""Keep the garbage collector away from what was there before.

Recording a program collects garbage, to see what the program left behind, and measuring one
must not pay for walking through the objects of whatever measures it: 50,000 in pytest, many
more late in a long session. Blocks nest; only the outermost one thaws the heap, so that a
session can set its own heap aside once and not again for each recording in it.
"""

import gc
from collections.abc import Iterator
from contextlib import contextmanager

_open_blocks = 0


@contextmanager
def heap_set_aside() -> Iterator[None]:
    """Freeze what is there by now; thaw it when the outermost block ends.

    Freezing costs nothing, as it only moves a list. What somebody else has frozen is thawed
    with it, which is a matter of speed alone.
    """
    global _open_blocks
    _open_blocks += 1
    gc.freeze()
    try:
        yield
    finally:
        _open_blocks -= 1
        if not _open_blocks:
            gc.unfreeze()
