"""A command that is to be recorded: made before the recording, let go once it is under way."""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import threading
from collections.abc import Sequence
from typing import NoReturn

from capture.errors import FalcowbError

#: Signals that Python ignores; a command expects them as they were. Handlers end with exec.
_IGNORED = (signal.SIGPIPE, signal.SIGXFSZ)


class Child:
    """A command that waits at its start. To be made while the process has one thread.

    Standard input, output and error are ours, untouched. It never runs if it is not let go: when
    this process ends first, it ends too. ``status`` is its exit status as a shell tells it (128 and
    the signal's number for one that was killed), None while it runs; ``let``: it was let go.
    """

    def __init__(self, command: Sequence[str]) -> None:
        self.command = tuple(command)
        self.status: int | None = None
        self.let = False
        self._waiting = threading.Lock()
        gate, self._gate = os.pipe()
        self._failed, failed = os.pipe()
        self.pid = os.fork()
        if self.pid == 0:
            os.close(self._gate)
            os.close(self._failed)
            _become(self.command, gate, failed)
        os.close(gate)
        os.close(failed)

    def let_go(self) -> None:
        """Run the command. Raises FalcowbError where it cannot be run."""
        self.let = True
        with contextlib.suppress(BrokenPipeError):
            os.write(self._gate, b"x")
        os.close(self._gate)
        with os.fdopen(self._failed, "rb") as pipe:
            said = pipe.read()
        if said:
            number = int(said)
            hint = "Is it installed, and on the PATH?" if number == errno.ENOENT else ""
            self.wait()
            self.let = False
            raise FalcowbError(f"{self.command[0]} cannot be run: {os.strerror(number)}", hint=hint)

    def wait(self) -> int:
        """Its exit status, once it has ended."""
        with self._waiting:
            if self.status is None:
                _, how = os.waitpid(self.pid, 0)
                code = os.waitstatus_to_exitcode(how)
                self.status = code if code >= 0 else 128 - code
        return self.status

    def terminate(self) -> None:
        """Ask it to end, where it still runs."""
        if self.status is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGTERM)


def _become(command: Sequence[str], gate: int, failed: int) -> NoReturn:
    """In the child: wait, then run the command in its place."""
    try:
        for each in _IGNORED:
            signal.signal(each, signal.SIG_DFL)
        if os.read(gate, 1):
            os.close(gate)
            os.execvp(command[0], list(command))
    except OSError as error:
        os.write(failed, str(error.errno or 0).encode())
    except BaseException:
        os.write(failed, b"0")
    finally:
        os._exit(127)
