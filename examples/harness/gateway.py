"""One address in front of several local servers, as TikHub's stands in front of several providers.

So a program of the gallery runs as a user would run it, with `TIKHUB_AI_BASE_URL` and a key and nothing else changed.
"""

from __future__ import annotations

import http.client
import re
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any, Self
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

_OF_THE_CONNECTION = {"connection", "content-length", "host", "keep-alive", "transfer-encoding"}


class Gateway:
    """A reverse proxy on a free port of loopback, while the block runs.

    Attributes:
        asked: How often each path was asked for.
    """

    def __init__(self, routes: Mapping[str, str], speech_model: str = "") -> None:
        """Begin to listen.

        Args:
            routes: Addresses by the start of the paths that they serve; the longest start wins.
            speech_model: The name of the model that stands in for whichever transcription model is asked for.
        """
        self.asked: Counter[str] = Counter()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self, routes, speech_model))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def url(self) -> str:
        """The address to set as `TIKHUB_AI_BASE_URL`."""
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _handler(gateway: Gateway, routes: Mapping[str, str], speech_model: str) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("content-length") or 0))
            if speech_model and self.path.endswith("/audio/transcriptions"):
                body = re.sub(rb'(name="model"\r\n\r\n)[^\r]*', rb"\g<1>" + speech_model.encode(), body, count=1)
            self._pass_on(body)

        def do_GET(self) -> None:
            self._pass_on(None)

        def do_DELETE(self) -> None:
            self._pass_on(None)

        def _pass_on(self, body: bytes | None) -> None:
            path = urlsplit(self.path).path
            gateway.asked[path] += 1
            start = max((start for start in routes if path.startswith(start)), key=len)
            upstream = http.client.HTTPConnection(urlsplit(routes[start]).netloc, timeout=300)
            try:
                headers = {
                    name: value for name, value in self.headers.items() if name.lower() not in _OF_THE_CONNECTION
                }
                upstream.request(self.command, self.path, body, headers)
                self._answer(upstream.getresponse())
            finally:
                upstream.close()

        def _answer(self, answer: http.client.HTTPResponse) -> None:
            self.send_response(answer.status)
            for name, value in answer.getheaders():
                if name.lower() not in _OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Transfer-Encoding", "chunked")
            self.end_headers()
            while piece := answer.read1(65536):
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
                self.wfile.flush()
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: Any) -> None:
            """Nothing: the programs' own words are the output."""

    return Handler
