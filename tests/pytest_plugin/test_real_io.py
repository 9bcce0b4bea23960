"""Virtual time in tests that do real I/O: how long it is given, and what a failure says."""

import fnmatch
import textwrap

import pytest

from .helpers import ON_ALL_BACKENDS

pytestmark = ON_ALL_BACKENDS

SERVER = """
    import socket
    import threading

    import httpx

    @pytest.fixture
    def port():
        with socket.create_server(("127.0.0.1", 0)) as listener:

            def serve():
                connection, _ = listener.accept()
                with connection:
                    connection.recv(1000)
                    threading.Event().wait(0.3)  # in real time
                    connection.send(b"HTTP/1.1 200 OK\\r\\nContent-Length: 2\\r\\n\\r\\nok")

            thread = threading.Thread(target=serve)
            thread.start()
            yield listener.getsockname()[1]
            thread.join()

    @pytest.mark.anyio
    {marker}
    async def test_it(port):
        async with httpx.AsyncClient(timeout={timeout}) as client:
            assert (await client.get(f"http://127.0.0.1:{{port}}")).text == "ok"
"""
CUT_OFF = "*jumped from 0 s to 60 s after 0.05 real seconds of silence from a connection to *"


def test_a_client_of_a_server_elsewhere(suite):
    """A client's time-out does not come before the answer of a server in another thread."""
    suite(SERVER.format(marker="", timeout=5), "--virtual-time").assert_outcomes(passed=3)


@pytest.mark.parametrize(
    ("marker", "ini"),
    [("@pytest.mark.virtual_time(io=0.05)", ""), ("", "virtual_time_io = 0.05")],
    ids=["marker", "ini"],
)
def test_a_jump_that_cut_off_io_is_told(suite, pytester, marker, ini):
    """A failure says which jump may be the reason for it, and how to have it wait longer."""
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = suite(SERVER.format(marker=marker, timeout=60), "--virtual-time")
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines([CUT_OFF, "*virtual_time_io = SECONDS*"] * 3)


def test_a_jump_past_a_thread_is_told(suite):
    """A failure says that virtual time jumped while a thread of the test's was at work."""
    result = suite(
        """
        import select, threading
        import anyio, pytest

        @pytest.mark.anyio
        async def test_it():
            seen = []

            def work():
                select.select([], [], [], 1)
                seen.append("done")

            thread = threading.Thread(target=work, name="worker")
            thread.start()
            await anyio.sleep(60)
            try:
                assert seen
            finally:
                thread.join()
        """,
        "--virtual-time",
    )
    result.assert_outcomes(failed=3)
    told = "*from 0 s to 60 s after 0.05 real seconds of silence from the thread 'worker'"
    result.stdout.fnmatch_lines([told, "*virtual_time(False)*real time."] * 3)


def test_the_marker_goes_before_the_ini_setting(suite, pytester):
    """One test may be given longer than the others."""
    pytester.makeini("[pytest]\nvirtual_time_io = 0.05\n")
    result = suite(SERVER.format(marker="@pytest.mark.virtual_time(io=20)", timeout=60))
    result.assert_outcomes(passed=3)


def test_a_jump_of_another_test_is_not_told(suite):
    """A failure that has to do with no jump, or only with one of a test before, tells none."""
    code = SERVER.format(marker="@pytest.mark.virtual_time(io=0.05)", timeout=60)
    code = textwrap.dedent(code) + textwrap.dedent("""
        @pytest.fixture(scope="module", autouse=True)
        async def home():
            yield

        @pytest.mark.anyio
        @pytest.mark.virtual_time
        async def test_another():
            await anyio.sleep(3600)
            assert False
    """)
    result = suite(code, option="--anyio-backends=asyncio")
    result.assert_outcomes(failed=2)
    assert str(result.stdout).count("virtual time jumped") == 1


@pytest.mark.parametrize(
    ("marker", "ini", "words"),
    [
        ("(io='5')", "", "*marker virtual_time: write *virtual_time(io=SECONDS)"),
        ("(io=-1)", "", "*marker virtual_time: write *virtual_time(io=SECONDS)"),
        ("(io=False)", "", "*marker virtual_time: write *virtual_time(io=SECONDS)"),
        ("(5)", "", "*marker virtual_time: write *"),
        ("", "virtual_time_io = soon", "*virtual_time_io: write a number of seconds*'soon'"),
        ("", "virtual_time_io = inf", "*virtual_time_io: write a number of seconds*'inf'"),
    ],
)
def test_wrong_seconds(suite, pytester, marker, ini, words):
    """What is no number of seconds is refused, and the right way shown."""
    pytester.makeini(f"[pytest]\n{ini}\n")
    result = suite(f"""
        @pytest.mark.anyio
        @pytest.mark.virtual_time{marker}
        async def test_it():
            pass
    """)
    assert result.ret != 0
    result_lines = result.outlines + result.errlines
    assert fnmatch.filter(result_lines, words)


def test_a_busy_test(suite):
    """A test that spins while another of its tasks sleeps fails, and the task is named."""
    result = suite(
        """
        async def spin():
            while True:
                await anyio.sleep(0)

        @pytest.mark.anyio
        async def test_it():
            async with anyio.create_task_group() as tasks:
                tasks.start_soon(spin)
                await anyio.sleep(1)
                tasks.cancel_scope.cancel()
        """,
        "--virtual-time",
    )
    result.assert_outcomes(failed=3)
    result.stdout.fnmatch_lines(["E*livelock: *always ready: test_it.spin"] * 3)
    result.stdout.no_fnmatch_line("*portable/*.py:*")
