"""The operations that are priced; a module each, or for a few that belong together."""

from __future__ import annotations

from collections.abc import Mapping

from portable.bench._operations import Operation

from .against_trio_asyncio import AGAINST_TRIO_ASYNCIO
from .async_tree import ASYNC_TREE
from .cancel_group import CANCEL_GROUP, CANCEL_NESTED
from .cancel_one import CANCEL_ONE, CANCEL_UNSTARTED
from .idling import IDLE
from .importing import IMPORT
from .mapping import MAP
from .mapping_memory import MAP_MEMORY
from .memory import PENDING
from .racing import RACE
from .spawn import SPAWN
from .supervising import SUPERVISOR
from .timeouts import TIMEOUT_CPU, TIMEOUT_FIRES, TIMEOUT_IDLE
from .waiting import WAIT, WAIT_IN_TRIO

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        SPAWN,
        SUPERVISOR,
        WAIT,
        WAIT_IN_TRIO,
        CANCEL_UNSTARTED,
        CANCEL_ONE,
        CANCEL_GROUP,
        CANCEL_NESTED,
        TIMEOUT_IDLE,
        TIMEOUT_FIRES,
        TIMEOUT_CPU,
        RACE,
        MAP,
        PENDING,
        MAP_MEMORY,
        ASYNC_TREE,
        IDLE,
        AGAINST_TRIO_ASYNCIO,
        IMPORT,
    )
}
