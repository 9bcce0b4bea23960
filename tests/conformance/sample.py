"""Tests as CPython's are, with every end a test can have, for `test_judging.py`."""

# ruff: noqa: PT009, PT027
# They are written as CPython's: with unittest's own assertions.

import asyncio
import os
import time
import unittest

from test.test_asyncio import utils as test_utils

from portable.asyncio_on_trio import EventLoop


class Old(test_utils.TestCase):
    def twice(self, number):
        loop = self.new_test_loop()
        return 2 * loop.run_until_complete(asyncio.sleep(0, number))

    def test_pass(self):
        self.assertEqual(self.twice(21), 42)

    def test_own_time(self):
        def gen():
            when = yield
            self.assertEqual(when, 1000)
            yield 1000

        loop = self.new_test_loop(gen)
        loop.run_until_complete(asyncio.sleep(1000))
        self.assertEqual(loop.time(), 1000)

    def test_fail(self):
        self.assertEqual(self.twice(21), 43)

    def test_no_loop(self):
        self.assertEqual(2 * 21, 42)

    def test_subtests(self):
        for number in range(2):
            with self.subTest(number=number):
                self.twice(number)
                self.assertEqual(number, 0)

    def test_skip(self):
        self.twice(21)
        self.skipTest("not today")

    def test_hang(self):
        self.twice(21)
        time.sleep(100)

    def test_crash(self):
        self.twice(21)
        os._exit(7)


class New(unittest.IsolatedAsyncioTestCase):
    async def test_pass(self):
        task = asyncio.create_task(asyncio.sleep(0, "done"))
        self.assertEqual(await asyncio.gather(task, task), ["done", "done"])

    async def test_fail(self):
        with self.assertRaises(asyncio.CancelledError):
            await asyncio.sleep(0)

    async def test_which_loop(self):
        self.assertIsInstance(asyncio.get_running_loop(), EventLoop)


class Plain(unittest.TestCase):
    def test_no_loop(self):
        self.assertFalse(asyncio.isfuture(None))
