"""A server of embeddings in a process of its own, whose memory and CPU time are not the client's: `serving()`.

Run as a program it prints its port: `python tests/embeddings_server.py LENGTH SECONDS`.
"""

from __future__ import annotations

import base64
import json
import struct
import subprocess
import sys
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def serving(length: int, seconds: float = 0.0) -> Iterator[str]:
    """The base URL of a running server.

    Args:
        length: Of its vectors.
        seconds: That each answer takes.
    """
    command = [sys.executable, __file__, str(length), str(seconds)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield f"http://127.0.0.1:{int(process.stdout.readline())}"
        finally:
            process.terminate()


def handler(length: int, seconds: float) -> type[BaseHTTPRequestHandler]:
    """What answers: the same vector for each text, written once for each form."""
    numbers = [(place % 97 - 48) / 64 + 1 / 3 for place in range(length)]
    forms = {
        "float": json.dumps(numbers),
        "base64": json.dumps(base64.b64encode(struct.pack(f"<{length}f", *numbers)).decode()),
    }
    items: dict[tuple[str, int], bytes] = {}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True

        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["content-length"])))
            key = asked.get("encoding_format") or "float", len(asked["input"])
            if key not in items:
                rows = (
                    f'{{"object":"embedding","index":{index},"embedding":{forms[key[0]]}}}' for index in range(key[1])
                )
                items[key] = ('{"object":"list","model":"m","data":[' + ",".join(rows) + "]}").encode()
            time.sleep(seconds)
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(items[key])))
            self.end_headers()
            self.wfile.write(items[key])

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    return Handler


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients may go away."""


if __name__ == "__main__":
    server = Server(("127.0.0.1", 0), handler(int(sys.argv[1]), float(sys.argv[2])))
    sys.stdout.write(f"{server.server_port}\n")
    sys.stdout.flush()
    server.serve_forever()
