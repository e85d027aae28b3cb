"""A node that asks another one need not wait for it longer than it wants to."""

import socket
from concurrent.futures import ThreadPoolExecutor

import pytest

from tlog.errors import BusyError
from tlog.log.nodes.link import Link, NotReachedError
from tlog.log.storage.writers import Writer


def test_a_question_that_is_cut_ends_though_nobody_answers() -> None:
    link = Link(timeout_s=600)
    with socket.create_server(("127.0.0.1", 0)) as silent, ThreadPoolExecutor(1) as one:
        writer = Writer(1, f"http://127.0.0.1:{silent.getsockname()[1]}", b"secret")
        asking = one.submit(link.ask, writer, "GET", "/nodes/v1/heads")
        asked, _ = silent.accept()
        with asked:
            assert asked.recv(1 << 16).startswith(b"GET /nodes/v1/heads ")
            link.cut()
            with pytest.raises(BusyError):
                asking.result()
            # Nobody is asked any more, be the node there or not.
            with pytest.raises(NotReachedError):
                link.ask(writer, "GET", "/nodes/v1/heads")
    link.close()
