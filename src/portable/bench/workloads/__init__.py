"""The operations that are priced; a module each, or for a few that belong together."""

from __future__ import annotations

from collections.abc import Mapping

from portable.bench._operations import Operation

from .async_tree import ASYNC_TREE
from .cancel_group import CANCEL_GROUP, CANCEL_NESTED
from .cancel_one import CANCEL_ONE, CANCEL_UNSTARTED
from .gathering import AS_COMPLETED, GATHER, RACE
from .handing_over import SHIELD, TO_THREAD
from .importing import IMPORT
from .mapping import MAP
from .mapping_memory import MAP_MEMORY
from .memory import PENDING
from .spawn import SPAWN
from .timeouts import TIMEOUT_CPU, TIMEOUT_FIRES, TIMEOUT_IDLE

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        SPAWN,
        CANCEL_UNSTARTED,
        CANCEL_ONE,
        CANCEL_GROUP,
        CANCEL_NESTED,
        TIMEOUT_IDLE,
        TIMEOUT_FIRES,
        TIMEOUT_CPU,
        GATHER,
        AS_COMPLETED,
        RACE,
        MAP,
        SHIELD,
        TO_THREAD,
        PENDING,
        MAP_MEMORY,
        IMPORT,
        ASYNC_TREE,
    )
}
