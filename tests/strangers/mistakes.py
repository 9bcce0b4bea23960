"""Mistakes that are made when a program is moved to AnyIO, as edits of a right port.

For each program three: what kind of mistake it is, what stands in the right port, and what
stands there instead.
"""

MISTAKES: dict[str, list[tuple[str, str, str]]] = {
    "as_they_complete": [
        (
            "order: waits for each in turn",
            """        async with anyio.create_task_group() as tasks:
            for i in range(1, CLIENTS + 1):
                tasks.start_soon(fetch, i, send)
            for i in range(CLIENTS):
                result = await receive.receive()
""",
            """        async with anyio.create_task_group() as tasks:
            for i in range(CLIENTS):
                await fetch(i + 1, send)
                result = await receive.receive()
""",
        ),
        (
            "dropped result: one too few",
            "for i in range(CLIENTS):",
            "for i in range(CLIENTS - 1):",
        ),
        ("numbering: from zero", "range(1, CLIENTS + 1)", "range(CLIENTS)"),
    ],
    "blocking_io": [
        (
            "blocks the loop",
            "tasks.start_soon(to_thread.run_sync, blocking_io)",
            "blocking_io()",
        ),
        (
            "one after the other",
            """        tasks.start_soon(to_thread.run_sync, blocking_io)
""",
            """        await to_thread.run_sync(blocking_io)
""",
        ),
        (
            "not awaited before the end",
            """    print(f"finished main at {time.strftime('%X')}")
""",
            "",
        ),
    ],
    "cancel_me": [
        ("lost cancel", "        scope.cancel()\n", ""),
        (
            "cancels its own group",
            "        scope.cancel()\n",
            "        tasks.cancel_scope.cancel()\n",
        ),
        (
            "catches what is never raised",
            "except anyio.get_cancelled_exc_class():",
            "except TimeoutError:",
        ),
    ],
    "current_date": [
        ("one too many", "+ 1.0 < end_time", "<= end_time"),
        (
            "prints before it sleeps no more",
            "    print(datetime.datetime.now())\n    while",
            "    while",
        ),
        ("drifts", "await anyio.sleep(1)", "await anyio.sleep(1.001)"),
    ],
    "eternity": [
        ("missing time-out", "with anyio.fail_after(1.0):", "with anyio.fail_after(None):"),
        ("silent time-out", "with anyio.fail_after(1.0):", "with anyio.move_on_after(1.0):"),
        (
            "deadline by the wrong clock",
            "limit.deadline = anyio.current_time() + 10",
            "limit.deadline = 10",
        ),
    ],
    "makers_and_takers": [
        ("does not wait for the queue", "            await pending.join()\n", ""),
        ("consumers are not ended", "            taking.cancel_scope.cancel()\n", ""),
        ("the wrong group", "making.start_soon(produce", "taking.start_soon(produce"),
    ],
    "orders": [
        ("a stack instead of a heap", "heapq.heappop(orders)", "orders.pop()"),
        ("one worker", "range(2)", "range(1)"),
        (
            "customers beside the workers",
            "    await customers(orders)\n    async with anyio.create_task_group() as tasks:\n",
            (
                "    async with anyio.create_task_group() as tasks:\n"
                "        tasks.start_soon(customers, orders)\n"
            ),
        ),
    ],
    "say_after": [
        (
            "one after the other",
            'group.start_soon(say_after, 2, "world")',
            'await say_after(2, "world")',
        ),
        (
            "group inside out",
            '        group.start_soon(say_after, 1, "hello")\n',
            '        await say_after(1, "hello")\n',
        ),
        (
            "one run is missing",
            "anyio.run(in_a_group)\nanyio.run(in_a_group)\n",
            "anyio.run(in_a_group)\n",
        ),
    ],
    "sleepy_workers": [
        ("the end of the queue never comes", "    send.close()\n", ""),
        (
            "prints too early",
            """            await anyio.sleep(seconds)
            print(f"{name} has slept for {seconds:.2f} seconds")
""",
            """            print(f"{name} has slept for {seconds:.2f} seconds")
            await anyio.sleep(seconds)
""",
        ),
        ("a worker too few", "range(3)", "range(2)"),
    ],
    "spinner": [
        ("lost cancel", "        tasks.cancel_scope.cancel()\n", ""),
        (
            "clean-up lost",
            "    finally:\n        print(",
            "    except TimeoutError:\n        print(",
        ),
        (
            "dropped result",
            "        result = await ask()\n",
            "        result = None\n        await ask()\n",
        ),
    ],
    "echo_by_streams": [
        (
            "dropped bytes",
            "data = await stream.receive(100)\n        peer",
            "data = await stream.receive(5)\n        peer",
        ),
        ("no answer", "        await stream.send(data)\n", ""),
        ("the server does not end", "        tasks.cancel_scope.cancel()\n", ""),
    ],
    "pubsub_restart": [
        (
            "one error ends all",
            """        try:
            await job(message)
        except Exception as error:
            errors.append(error)
""",
            """        await job(message)
""",
        ),
        ("lost exception", "            errors.append(error)\n", "            pass\n"),
        ("the event is never set", "    event.set()\n", ""),
    ],
    "background_loop": [
        (
            "wrong order: the results are sorted",
            "for number in (3, 1, 2):",
            "for number in (1, 2, 3):",
        ),
        (
            "not awaited: work goes on beside",
            "print(portal.call(work, number))",
            "print(portal.start_task_soon(work, number).done())",
        ),
        (
            "told before it is so",
            'closed = True\nprint("closed:", closed)\n',
            '    print("closed:", closed)\nclosed = True\n',
        ),
    ],
    "bank_of_threads": [
        ("lost limit: as many threads as there are jobs", ", limiter=limiter)", ")"),
        (
            "order of completion instead of the jobs'",
            "results[i] = await to_thread.run_sync(work, 0.3 + 0.7 * (i % 3), limiter=limiter)",
            (
                "done = await to_thread.run_sync(work, 0.3 + 0.7 * (i % 3), limiter=limiter)\n"
                "        results[results.index(None)] = done"
            ),
        ),
        (
            "blocks the loop",
            "await to_thread.run_sync(work, 0.3 + 0.7 * (i % 3), limiter=limiter)",
            "work(0.3 + 0.7 * (i % 3))",
        ),
    ],
    "barrier_of_three": [
        ("deadlock: one party more than there are", "Barrier(3)", "Barrier(4)"),
        ("deadlock: nobody aborts", "        self.broken = True\n", "        pass\n"),
        (
            "missing join: results are read before they are there",
            "        print(barrier.broken, barrier.n_waiting)\n    print(sorted(places))\n",
            (
                "        print(barrier.broken, barrier.n_waiting)\n"
                "        print(sorted(places))\n"
            ),
        ),
    ],
    "callbacks_in_time": [
        (
            "one after the other",
            "        tasks.start_soon(call_at, start + 0.2, 1, start)\n",
            "        await call_at(start + 0.2, 1, start)\n",
        ),
        ("main ends with its last callback", "        await anyio.sleep(1)\n", ""),
        (
            "lost call",
            "        tasks.start_soon(call_at, start, 3, start)\n",
            "",
        ),
    ],
    "chained": [
        (
            "one after the other",
            "            tasks.start_soon(chain, n)\n",
            "            await chain(n)\n",
        ),
        (
            "a time-out where there was none",
            "    first = await part1(n)\n    result = await part2(n, first)\n",
            (
                "    with anyio.move_on_after(10):\n"
                "        first = await part1(n)\n"
                "        result = await part2(n, first)\n"
            ),
        ),
        (
            "time is taken too late",
            "    start = time.perf_counter()\n    first = await part1(n)\n",
            "    first = await part1(n)\n    start = time.perf_counter()\n",
        ),
    ],
    "condition_notified": [
        ("all are woken instead of so many", "condition.notify(i)", "condition.notify_all()"),
        ("deadlock: the last are not woken", "condition.notify_all()", "condition.notify()"),
        (
            "sleeps while it holds the lock",
            "            condition.notify(i)\n        await anyio.sleep(0.1)\n",
            "            condition.notify(i)\n            await anyio.sleep(0.1)\n",
        ),
    ],
    "connection_states": [
        (
            "does not look again when woken",
            "            while self._state is not",
            "            if self._state is not",
        ),
        ("deadlock: one is woken of two", "notify_all()", "notify()"),
        (
            "works without the lock",
            (
                '            print(f"execute: running {query}!!!")\n'
                "            await anyio.sleep(3)\n"
            ),
            ('        print(f"execute: running {query}!!!")\n        await anyio.sleep(3)\n'),
        ),
    ],
    "context_per_task": [
        (
            "the variable is set outside of the task",
            "            tasks.start_soon(handle, i)\n",
            "            request_id.set(i)\n            tasks.start_soon(handle, i)\n",
        ),
        ("the variable is not reset", "    request_id.reset(token)\n", ""),
        (
            "missing join: the inner task is awaited by nobody",
            "        tasks.start_soon(inner, number)\n    request_id.reset(token)\n",
            (
                "        tasks.start_soon(inner, number)\n"
                "        tasks.cancel_scope.cancel()\n"
                "    request_id.reset(token)\n"
            ),
        ),
    ],
    "delays_with_callbacks": [
        (
            "cancels its own group",
            "                scope.cancel()\n",
            "                tasks.cancel_scope.cancel()\n",
        ),
        (
            "one after the other",
            "        tasks.start_soon(delay, 2)\n",
            "        await delay(2)\n",
        ),
        (
            "clean-up is lost under cancellation",
            (
                "            try:\n"
                "                return await func(*args, **kwargs)\n"
                "            finally:\n"
                "                print("
            ),
            (
                "            try:\n"
                "                return await func(*args, **kwargs)\n"
                "            except Exception:\n"
                "                print("
            ),
        ),
    ],
    "domains_probed": [
        (
            "wrong order: that of the names",
            '            tasks.start_soon(probe_and_show, f"{name}.dev")\n',
            '            await probe_and_show(f"{name}.dev")\n',
        ),
        (
            "ends with the first that is found",
            '    print(f"{mark} {domain}")\n',
            '    print(f"{mark} {domain}")\n    if found:\n        raise SystemExit\n',
        ),
        (
            "the slow ones are cancelled",
            '            tasks.start_soon(probe_and_show, f"{name}.dev")\n',
            (
                '            tasks.start_soon(probe_and_show, f"{name}.dev")\n'
                "        await anyio.sleep(0.5)\n"
                "        tasks.cancel_scope.cancel()\n"
            ),
        ),
    ],
    "echo_server_protocol": [
        (
            "deadlock: the client does not end its side",
            "        await stream.send_eof()\n        received",
            "        received",
        ),
        ("no answer", "            await stream.send(data)\n", ""),
        (
            "hang: the server does not end",
            "        tasks.cancel_scope.cancel()\n",
            "",
        ),
    ],
    "event_waiter": [
        ("deadlock: the event is never set", "        event.set()\n", ""),
        (
            "wrong order: set before the wait",
            "        await anyio.sleep(1)\n        event.set()\n",
            "        event.set()\n        await anyio.sleep(1)\n",
        ),
        (
            "cancels before it tells",
            "        event.set()\n",
            "        tasks.cancel_scope.cancel()\n        event.set()\n",
        ),
    ],
    "exception_handler": [
        (
            "one error ends all",
            "        except Exception as error:\n            errors.append(error)\n",
            """        except Exception as error:
            errors.append(error)
            raise
""",
        ),
        (
            "swallowed error",
            "        except Exception as error:\n            errors.append(error)\n",
            "        except Exception:\n            pass\n",
        ),
        (
            "told at once, not when it is noticed",
            "            errors.append(error)\n",
            '            handler("Task exception was never retrieved", error)\n',
        ),
    ],
    "factorials": [
        (
            "one after the other",
            "            tasks.start_soon(compute, place, name, number)\n",
            "            await compute(place, name, number)\n",
        ),
        (
            "missing join: results are read before they are there",
            "    print(results)\n",
            "        print(results)\n",
        ),
        (
            "a time limit where there was none",
            "    async with anyio.create_task_group() as tasks:\n",
            (
                "    with anyio.move_on_after(2.5):\n"
                "      async with anyio.create_task_group() as tasks:\n"
            ),
        ),
    ],
    "files_written": [
        (
            "missing await: nothing is written",
            "            await path.write_text",
            "            path.write_text",
        ),
        ("one worker too few", "range(2)", "range(1)"),
        (
            "cancels what is still under way",
            "                await send.send(number)\n",
            "                await send.send(number)\n        tasks.cancel_scope.cancel()\n",
        ),
    ],
    "first_address_wins": [
        ("the time-out is an error", "anyio.move_on_after(limit)", "anyio.fail_after(limit)"),
        (
            "order of completion",
            "    for service in SERVICES:\n        if service in results:\n",
            "    for service in results:\n        if service in results:\n",
        ),
        ("lost time-out", "anyio.move_on_after(limit)", "anyio.CancelScope()"),
    ],
    "generators_and_contexts": [
        (
            "the generator is closed by nobody",
            "            await numbers.aclose()\n",
            "",
        ),
        ("error not swallowed", "return kind is LookupError", "return kind is IndexError"),
        (
            "missing await",
            '        print(">entering the context manager")\n        await anyio.sleep(0.5)\n',
            '        print(">entering the context manager")\n        anyio.sleep(0.5)\n',
        ),
    ],
    "graceful_stop": [
        (
            "level cancellation: the clean-up is not shielded",
            """        with anyio.CancelScope(shield=True):
            await anyio.sleep(0.5)
""",
            "        await anyio.sleep(0.5)\n",
        ),
        (
            "swallowed cancellation",
            "            await anyio.sleep(0.5)\n        raise\n",
            "            await anyio.sleep(0.5)\n",
        ),
        (
            "another signal",
            "anyio.open_signal_receiver(signal.SIGTERM)",
            "anyio.open_signal_receiver(signal.SIGINT)",
        ),
    ],
    "lock_by_callback": [
        (
            "released by another task than the holder",
            "        await tasks.start(hold, lock)\n",
            ("        await lock.acquire()\n        tasks.start_soon(lock.release)\n"),
        ),
        (
            "does not wait for the lock",
            "    await lock.acquire()\n    try:\n",
            "    lock.acquire_nowait()\n    try:\n",
        ),
        (
            "missing await: started, but not there yet",
            "        await tasks.start(hold, lock)\n",
            "        tasks.start_soon(hold, lock)\n",
        ),
    ],
    "one_bad_task": [
        (
            "the group's error is not taken apart",
            "except* ValueError as group",
            "except ValueError as group",
        ),
        (
            "swallowed error",
            "        except Exception as error:\n            values[i] = error\n",
            "        except Exception:\n            pass\n",
        ),
        (
            "one error ends all",
            "            tasks.start_soon(settle, i)\n",
            "            tasks.start_soon(task_coro, i)\n",
        ),
    ],
    "periodic_service": [
        (
            "level cancellation: the clean-up is not shielded",
            "    with anyio.CancelScope(shield=True):\n        await anyio.sleep(1)\n",
            "    await anyio.sleep(1)\n",
        ),
        ("silent time-out", "anyio.fail_after(4.5)", "anyio.move_on_after(4.5)"),
        (
            "wrong order of the clean-up",
            (
                "            stack.push_async_callback(settle)\n"
                '            stack.callback(log.warning, "cleaning up")\n'
            ),
            (
                '            stack.callback(log.warning, "cleaning up")\n'
                "            stack.push_async_callback(settle)\n"
            ),
        ),
    ],
    "pipeline_of_phases": [
        (
            "the time-out is where nothing waits",
            (
                "    with anyio.move_on_after(0.15):\n"
                "        async with anyio.create_task_group() as tasks:\n"
            ),
            (
                "    async with anyio.create_task_group() as tasks:\n"
                "        with anyio.move_on_after(0.15):\n"
            ),
        ),
        ("the time-out is an error", "anyio.move_on_after(0.15)", "anyio.fail_after(0.15)"),
        (
            "lost time-out",
            "anyio.move_on_after(0.15)",
            "anyio.CancelScope()",
        ),
    ],
    "race_of_workers": [
        ("lost cancellation", "            tasks.cancel_scope.cancel()\n", ""),
        (
            "catches what is never raised",
            "except anyio.get_cancelled_exc_class():",
            "except TimeoutError:",
        ),
        (
            "cancels before it waits",
            (
                "            done.append(await work(number))\n"
                "            tasks.cancel_scope.cancel()\n"
            ),
            (
                "            tasks.cancel_scope.cancel()\n"
                "            done.append(await work(number))\n"
            ),
        ),
    ],
    "random_threshold": [
        (
            "one after the other",
            "            tasks.start_soon(keep, i)\n",
            "            await keep(i)\n",
        ),
        ("a turn instead of a sleep", "await anyio.sleep(number + 1)", "await anyio.sleep(0)"),
        (
            "results in the order of completion",
            "    return [drawn[i] for i in range(3)]\n",
            "    return list(drawn.values())\n",
        ),
    ],
    "semaphore_of_two": [
        ("a lock, which has one place", "anyio.Semaphore(2)", "anyio.Lock()"),
        (
            "the place is given back too early",
            (
                "        seconds = random()\n"
                "        await anyio.sleep(seconds)\n"
                '        print(f"task'
            ),
            (
                "        seconds = random()\n"
                "    if seconds:\n"
                "        await anyio.sleep(seconds)\n"
                '        print(f"task'
            ),
        ),
        (
            "waits for the first alone",
            "            tasks.start_soon(task, i, semaphore)\n",
            (
                "            tasks.start_soon(task, i, semaphore)\n"
                "        await anyio.sleep(0.2)\n"
                "        tasks.cancel_scope.cancel()\n"
            ),
        ),
    ],
    "set_after": [
        ("deadlock: the value never comes", "    await send.send(value)\n", ""),
        (
            "waits before it goes on",
            '        tasks.start_soon(set_after, send, 1, "... world")\n',
            '        await set_after(send, 1, "... world")\n',
        ),
        (
            "does not wait for the value",
            "print(await receive.receive())",
            "print(receive.receive_nowait())",
        ),
    ],
    "shielded_task": [
        ("lost cancellation", "    scope.cancel()\n", ""),
        (
            "cancels what was to go on",
            "cancel_after, waiting)",
            "cancel_after, tasks.cancel_scope)",
        ),
        (
            "no shield: works where it only should wait",
            """        tasks.start_soon(run)
        with anyio.CancelScope() as waiting:
            tasks.start_soon(cancel_after, waiting)
            await ended.wait()
""",
            """        with anyio.CancelScope() as waiting:
            tasks.start_soon(cancel_after, waiting)
            await run()
""",
        ),
    ],
    "subprocess_shell": [
        ("an exit code is an error", ", check=False", ""),
        ("no shell", "run_process(command,", "run_process(command.split(),"),
        ("errors go where the output goes", "check=False", "check=False, stderr=-2"),
    ],
}
