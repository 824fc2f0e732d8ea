"""The engine process: ``python -P -m workbench.backend.process FD``, FD one end of a socket pair.

Ends when the other end closes.
"""

from __future__ import annotations

import faulthandler
import logging
import os
import pickle
import signal
import sys
import threading
from multiprocessing.connection import Connection

from workbench.backend.lanes import Lanes
from workbench.backend.messages import Ask, Forget, Refusal, Reply, Trouble

#: Seconds after which a thread that computes in Python lets another one on (5 ms by default): who
#: scrolls waits for the judge no longer than this.
_SWITCH = 0.001


def main(fd: int) -> None:
    # Ctrl-C in the terminal is for the screen.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    faulthandler.enable()
    logging.basicConfig(level=logging.WARNING)
    sys.setswitchinterval(_SWITCH)
    serve(Connection(fd))
    # Plugins may run threads of their own that never end.
    os._exit(0)


def serve(connection: Connection) -> None:
    """Answer until the other end closes."""
    from workbench.backend.answers import answer
    from workbench.backend.desk import Desk
    from workbench.cli.memory import reuse_memory

    reuse_memory()
    sending = threading.Lock()

    def send(message: Reply | Refusal) -> None:
        try:
            data = pickle.dumps(message, protocol=pickle.HIGHEST_PROTOCOL)
        except Exception as error:
            data = pickle.dumps(Refusal(message.id, Trouble.of(error)))
        with sending:
            try:
                connection.send_bytes(data)
            except OSError:
                os._exit(0)

    desk = Desk()
    lanes = Lanes(lambda question, asking: answer(desk, question, asking), send)
    while True:
        try:
            message = pickle.loads(connection.recv_bytes())
        except (EOFError, OSError):
            return
        if isinstance(message, Ask):
            lanes.put(message)
        elif isinstance(message, Forget):
            lanes.forget(message.kind)


if __name__ == "__main__":
    main(int(sys.argv[1]))
