"""An embedded server is the one that was started, whoever else answers at its port."""

import socket
import threading
from pathlib import Path

import pytest

from redis_rehearsal.embedded.redis_server import RedisServer
from redis_rehearsal.errors import ServerRefusedError


def test_another_program_that_answers_at_its_port_is_not_taken_for_it(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            while True:
                try:
                    accepted, _ = listener.accept()
                except OSError:
                    return
                with accepted:
                    accepted.recv(64)
                    accepted.sendall(b"+PONG\r\n")

        answering = threading.Thread(target=answer)
        answering.start()
        server = RedisServer("valkey-9.1", tmp_path / "server", port=listener.getsockname()[1])
        try:
            with pytest.raises(ServerRefusedError, match=r"did not start.*[Aa]ddress already in use"):
                server.start()
        finally:
            server.kill()
            listener.shutdown(socket.SHUT_RDWR)
            answering.join()
