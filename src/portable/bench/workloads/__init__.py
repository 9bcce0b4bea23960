"""The operations that are priced, in a module each; a few related ones share a module."""

from __future__ import annotations

from collections.abc import Mapping

from portable.bench._operations import Operation

from .against_trio_asyncio import AGAINST_TRIO_ASYNCIO
from .asgi import ASGI
from .async_tree import ASYNC_TREE
from .cancel_group import CANCEL_GROUP, CANCEL_NESTED
from .cancel_one import CANCEL_ONE, CANCEL_UNSTARTED
from .fan_out import FAN_OUT
from .idling import IDLE
from .importing import IMPORT
from .mapping import MAP
from .mapping_memory import MAP_MEMORY
from .memory import PENDING
from .network import ECHO, HTTP, SUBPROCESS
from .pipeline import PIPELINE
from .racing import RACE
from .spawn import SPAWN
from .supervising import SUPERVISOR
from .timeouts import TIMEOUT_CPU, TIMEOUT_FIRES, TIMEOUT_IDLE
from .waiting import WAIT, WAIT_IN_TRIO

OPERATIONS: Mapping[str, Operation] = {
    operation.name: operation
    for operation in (
        SPAWN,
        CANCEL_ONE,
        CANCEL_GROUP,
        SUPERVISOR,
        CANCEL_UNSTARTED,
        CANCEL_NESTED,
        WAIT,
        WAIT_IN_TRIO,
        TIMEOUT_IDLE,
        TIMEOUT_FIRES,
        TIMEOUT_CPU,
        RACE,
        MAP,
        ASGI,
        PIPELINE,
        FAN_OUT,
        ASYNC_TREE,
        AGAINST_TRIO_ASYNCIO,
        ECHO,
        HTTP,
        SUBPROCESS,
        PENDING,
        MAP_MEMORY,
        IDLE,
        IMPORT,
    )
}
