"""A supervisor that ends while it is asked is an error with a remedy, and no traceback."""

from __future__ import annotations

import socket
import struct
import threading
from pathlib import Path
from tempfile import mkdtemp

import pytest

from sandbox.machine import supervisor_client
from sandbox.machine.errors import SandboxError


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
def test_a_supervisor_that_ends_before_it_answers_is_named(reset: bool) -> None:
    path = Path(mkdtemp(dir="/tmp")) / "s.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()

        def end() -> None:
            connection, _ = server.accept()
            if reset:  # unread data makes the kernel reset the connection
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            else:
                connection.recv(4096)
            connection.close()

        thread = threading.Thread(target=end)
        thread.start()
        with pytest.raises(SandboxError, match="ended during shutdown"):
            supervisor_client.call("shutdown", path)
        thread.join()
    path.unlink()
    path.parent.rmdir()
