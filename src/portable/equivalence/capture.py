"""The listener of a recording: it takes all that a program shows by a way that Python knows.

`listening()` stands in for `sys.stdout` and `sys.stderr`, makes the log records, shows the
warnings, and is called for errors that Python can only report. Each thing goes to a function
`see` when it happens. When the block ends all is as before, also what the program did to the
logging module.

What is written past Python (by a subprocess, or to a file descriptor) is only seen in a process
that leads its descriptors into files: at the next thing that happens, or before time moves on.
"""

from __future__ import annotations

import codecs
import io
import logging
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout
from typing import TYPE_CHECKING, Any

from .descriptors import Descriptors
from .noise import normalised
from .trace import ExceptionShape, Stream, Written

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer, Unused


Moment = tuple[float, int | None]
"""A virtual time, and the number of the task that runs then."""

See = Callable[[Stream, str, bool, Moment], object]
"""Takes each thing that is seen: its stream, its text, whether its line has ended, and when."""


Emit = Callable[[Stream, str], None]
"""Takes a thing that is seen now: its stream and its text."""


class Lines(io.BufferedIOBase):
    """The binary end of a stream that is listened to; cuts what arrives into lines.

    Text without a newline is kept until its line ends. If another moment or another
    task comes first, it is handed on unended, because by then someone outside has seen it
    for a while.
    """

    def __init__(self, stream: Stream, take: Callable[[Lines, bytes], object]) -> None:
        super().__init__()
        self.stream: Stream = stream
        self._take = take
        self._decode = codecs.getincrementaldecoder("utf-8")("backslashreplace").decode
        self._rest = ""
        self._since: Moment | None = None

    @property
    def name(self) -> str:
        """Python's name of the stream in whose place this is."""
        return f"<{self.stream}>"

    def writable(self) -> bool:
        """Tell the text layer that this end takes what is written."""
        return True

    def write(self, data: ReadableBuffer, /) -> int:
        """Take in bytes."""
        data = bytes(data)
        self._take(self, data)
        return len(data)

    def cut(self, data: bytes, now: Moment) -> list[str]:
        """Return the lines that these bytes end."""
        *lines, self._rest = (self._rest + self._decode(data)).split("\n")
        self._since = now
        return lines

    def take_rest(self, now: Moment | None) -> tuple[str, Moment] | None:
        """Return text of another moment than now that no newline ended, and forget it."""
        if not self._rest or self._since is None or self._since == now:
            return None
        rest, self._rest = self._rest, ""
        return rest, self._since


class Listener:
    """Takes all that a program shows, and hands it on.

    Args:
        see: called with each thing, in the order in which they happen.
        moment: returns the present moment.
        descriptors: has what was written past Python.

    Attributes:
        out: stands for stdout.
        err: stands for stderr.
    """

    def __init__(
        self, see: See, moment: Callable[[], Moment], descriptors: Descriptors | None
    ) -> None:
        self._see = see
        self._moment = moment
        self._descriptors = descriptors
        self._lock = threading.RLock()  # threads write too, and a finalizer may while one does
        self.out: Lines = Lines("stdout", self._take)
        self.err: Lines = Lines("stderr", self._take)
        self._past_python: dict[Written, Lines] = {
            "stdout": Lines("stdout", self._take),
            "stderr": Lines("stderr", self._take),
        }

    def emit(self, stream: Stream, text: str) -> None:
        """Take a thing that is seen in another way than on stdout or stderr."""
        with self._lock:
            self.poll()
            now = self._moment()
            self._hand_on_rests(now)
            self._see(stream, text, True, now)

    def poll(self) -> None:
        """Take what was written past Python since the last time."""
        if self._descriptors is None:
            return
        with self._lock:
            for stream, data in self._descriptors.poll():
                # Who wrote it is not known.
                self._cut(self._past_python[stream], data, (self._moment()[0], None))

    def end(self) -> None:
        """Take what is left, and text that no newline has ended."""
        self.poll()
        self._hand_on_rests(None)

    def _take(self, lines: Lines, data: bytes) -> None:
        with self._lock:
            self.poll()
            self._cut(lines, data, self._moment())

    def _cut(self, lines: Lines, data: bytes, now: Moment) -> None:
        self._hand_on_rests(now)
        for line in lines.cut(data, now):
            self._see(lines.stream, line, True, now)

    def _hand_on_rests(self, now: Moment | None) -> None:
        for lines in (self.out, self.err, *self._past_python.values()):
            rest = lines.take_rest(now)
            if rest is not None:
                text, since = rest
                self._see(lines.stream, text, False, since)


@contextmanager
def listening(
    see: See, moment: Callable[[], Moment], descriptors: Descriptors | None = None
) -> Iterator[Listener]:
    """Call `see` with all that is written, logged, warned of and lost inside the block.

    Args:
        see: called with each thing, in the order in which they happen.
        moment: returns the present moment.
        descriptors: has what was written past Python.
    """
    listener = Listener(see, moment, descriptors)
    with ExitStack() as restore:
        restore.enter_context(redirect_stdout(_text(listener.out)))
        restore.enter_context(redirect_stderr(_text(listener.err)))
        restore.enter_context(_warnings_to(listener.emit))
        restore.enter_context(_log_records_to(listener.emit))
        restore.enter_context(_lost_errors_to(listener.emit))
        try:
            yield listener
        finally:
            listener.end()


def _text(lines: Lines) -> io.TextIOWrapper:
    # newline="\n": "\r" is text (progress bars write it), and nothing is translated.
    # errors: whatever a program prints is to be seen, not to fail here.
    return io.TextIOWrapper(
        lines, "utf-8", errors="backslashreplace", newline="\n", write_through=True
    )


# What asyncio logs of a loop, and not of the program.
_OF_A_LOOP = ("Using selector: ", "Using proactor: ", "Executing %")

# What Python does not show by itself either: it speaks about the code, to its author.
_SILENT = (DeprecationWarning, PendingDeprecationWarning, ImportWarning, ResourceWarning)


@contextmanager
def _warnings_to(emit: Emit) -> Iterator[None]:
    def show(message: Warning | str, category: type[Warning], *_: Unused, **__: Unused) -> None:
        emit("warning", f"{category.__name__}: {normalised(str(message))}")

    with warnings.catch_warnings():
        # Each one counts each time, or a second run would seem quieter than the first.
        warnings.resetwarnings()
        warnings.simplefilter("always")
        for silent in _SILENT:
            warnings.simplefilter("ignore", silent)
        warnings.showwarning = show
        yield


@contextmanager
def _log_records_to(emit: Emit) -> Iterator[None]:
    # Records are seen where they are made. A handler at the root logger would be simpler,
    # but a program's own logging.basicConfig() does nothing once there is a handler.
    make = logging.getLogRecordFactory()

    def record(*args: Any, **kwargs: Any) -> logging.LogRecord:
        made = make(*args, **kwargs)
        if _counts(made):
            emit("log", _log_text(made))
        return made

    state = _LoggingState()
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    logging.getLogger("asyncio").addFilter(_counts)
    root.setLevel(logging.WARNING)
    logging.disable(logging.NOTSET)
    # Without handlers Python prints warnings and worse to stderr, with tracebacks full of
    # file names and line numbers; as records they have been seen already.
    last_resort, logging.lastResort = logging.lastResort, logging.NullHandler()
    logging.setLogRecordFactory(record)
    try:
        yield
    finally:
        logging.setLogRecordFactory(make)
        logging.lastResort = last_resort
        state.restore()


def _counts(record: logging.LogRecord) -> bool:
    """Say whether a record counts.

    Two of asyncio's do not: the name of a new loop's selector, and what debug mode says of slow
    steps. On uvloop it measures real time, and what blocks a loop is shown in any case.
    """
    return record.name != "asyncio" or not str(record.msg).startswith(_OF_A_LOOP)


def _log_text(record: logging.LogRecord) -> str:
    try:
        message = record.getMessage()
    except Exception:
        message = f"{record.msg!r} % {record.args!r}"
    text = f"{record.levelname} {record.name}: {normalised(message)}"
    error = record.exc_info[1] if record.exc_info else None
    return text if error is None else f"{text} [{ExceptionShape.of(error)}]"


class _LoggingState:
    """How all loggers were set up when this was made."""

    def __init__(self) -> None:
        self._disabled_up_to = logging.root.manager.disable
        self._loggers = {logger: self._settings(logger) for logger in self._all()}

    @staticmethod
    def _all() -> list[logging.Logger]:
        known = list(logging.root.manager.loggerDict.values())
        return [logging.root, *(found for found in known if isinstance(found, logging.Logger))]

    @staticmethod
    def _settings(logger: logging.Logger) -> tuple[Any, ...]:
        return (
            logger.level,
            logger.propagate,
            logger.disabled,
            logger.handlers[:],
            logger.filters[:],
        )

    def restore(self) -> None:
        """Set up all loggers like then; those made since, like new ones."""
        new: tuple[Any, ...] = (logging.NOTSET, True, False, [], [])
        for logger in self._all():
            level, propagate, disabled, handlers, filters = self._loggers.get(logger, new)
            logger.setLevel(level)
            logger.propagate = propagate
            logger.disabled = disabled
            logger.handlers[:] = handlers
            logger.filters[:] = filters
        logging.disable(self._disabled_up_to)


@contextmanager
def _lost_errors_to(emit: Emit) -> Iterator[None]:
    def unraisable(lost: sys.UnraisableHookArgs, /) -> None:
        error = lost.exc_value
        name = lost.exc_type.__name__
        emit("unraisable", name if error is None else str(ExceptionShape.of(error)))

    def in_thread(lost: threading.ExceptHookArgs, /) -> None:
        if not issubclass(lost.exc_type, SystemExit):  # Python ends such a thread silently
            error = lost.exc_value
            name = lost.exc_type.__name__
            emit("thread", name if error is None else str(ExceptionShape.of(error)))

    before = sys.unraisablehook, threading.excepthook
    sys.unraisablehook, threading.excepthook = unraisable, in_thread
    try:
        yield
    finally:
        sys.unraisablehook, threading.excepthook = before
