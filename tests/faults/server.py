"""A server of faults, byte by byte, in a process of its own. Standard library only: it is run by path.

Beside the port of scripts there are ports whose fault comes before any request. What a script's requests are answered
with is told over standard input, a JSON object a line; each is confirmed by a line on standard output.

A request belongs to the script that its path begins with: `/<script>/v1/...`. Its n-th request gets the script's n-th
list of steps, the last list again and again. A step is a pair:

    ["send", text]      the text's characters as bytes (Latin-1)
    ["sleep", seconds]
    ["close", null]     close the connection
    ["reset", null]     close it with a TCP reset
    ["hold", null]      wait for the client to go away
    ["repeat", text]    send the text again and again, until the client goes away
    ["fill", [text, n]]  send the text n times
    ["tls", null]       go on over TLS, as a proxy does after CONNECT
    ["unread", null]    as the first step: leave the request's body unread

After its last step a connection waits for the next request.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import sys
import threading
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PATIENCE = 120.0
"""Seconds until a connection on which nothing happens is given up."""

MOST = 100
"""Scripts that are kept: a test has a few, and names its own."""

scripts: dict[str, list[list[tuple[str, Any]]]] = {}
seen: dict[str, list[str]] = {}
peers: dict[str, list[int]] = {}
gone: dict[str, threading.Event] = {}
"""By script: what came in, the client's port of each request, and whether a held client went away."""


def main() -> None:
    """Serve until standard input ends."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(HERE / "certificates/server.crt", HERE / "certificates/server.key")
    ports = {
        "scripts": listen(serve),
        "tls": listen(lambda connection: serve(secured(connection, context))),
        "closing": listen(lambda connection: connection.close()),
        "handshake": listen(lambda connection: connection.recv(100)),
        "cleartext": listen(lambda connection: (connection.recv(100), connection.sendall(b"HTTP/1.1 400 No\r\n\r\n"))),
        "refusing": closed_port(),
        "deaf": full_port(),
    }
    tell(ports)
    for line in sys.stdin:
        asked = json.loads(line)
        name = asked["script"]
        if "answers" in asked:
            scripts[name], seen[name], peers[name] = asked["answers"], [], []
            gone[name] = threading.Event()
            for old in list(scripts)[:-MOST]:
                for of in (scripts, seen, peers, gone):
                    del of[old]
            tell(True)
        elif asked.get("wait"):
            tell(gone[name].wait(60))
        elif asked.get("peers"):
            tell(peers[name])
        else:
            tell(seen[name])


def tell(value: Any) -> None:
    sys.stdout.write(json.dumps(value) + "\n")
    sys.stdout.flush()


_kept: list[socket.socket] = []


def listen(handle: Any) -> int:
    listener = socket.create_server(("127.0.0.1", 0), backlog=200)

    def accept() -> None:
        while True:
            connection, _ = listener.accept()
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=guarded, args=(handle, connection), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    return int(listener.getsockname()[1])


def guarded(handle: Any, connection: socket.socket) -> None:
    try:
        handle(connection)
    except OSError:
        pass  # the client went away, or never spoke
    finally:
        connection.close()


def closed_port() -> int:
    """A port that nobody listens at, and that nobody else can take."""
    bound = socket.socket()
    bound.bind(("127.0.0.1", 0))
    _kept.append(bound)
    return int(bound.getsockname()[1])


def full_port() -> int:
    """A port whose queue is full: connecting neither succeeds nor fails."""
    listener = socket.create_server(("127.0.0.1", 0), backlog=0)
    _kept.append(listener)
    for _ in range(4):
        client = socket.socket()
        client.setblocking(False)
        client.connect_ex(listener.getsockname())
        _kept.append(client)
    return int(listener.getsockname()[1])


def secured(connection: socket.socket, context: ssl.SSLContext) -> socket.socket:
    return context.wrap_socket(connection, server_side=True)


def serve(connection: socket.socket) -> None:
    """Read requests and answer each as its script says."""
    rest = b""
    while True:
        while b"\r\n\r\n" not in rest:
            piece = connection.recv(65536)
            if not piece:
                return
            rest += piece
        head, _, rest = rest.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        length = next((int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:")), 0)
        method, target, _ = lines[0].split(" ", 2)
        path = target if target.startswith("/") or method == "CONNECT" else "/" + target.split("/", 3)[-1]
        name = "CONNECT" if method == "CONNECT" else path.split("/")[1]
        if name not in scripts:
            return  # of a test that is long over
        steps = scripts[name][min(len(seen[name]) + 1, len(scripts[name])) - 1]
        while len(rest) < length and [kind for kind, _ in steps[:1]] != ["unread"]:
            piece = connection.recv(1 << 20)
            if not piece:
                return
            length -= len(rest)  # many megabytes are not put together
            rest = piece
        rest = rest[length:]
        seen[name].append("\n".join(lines))
        peers[name].append(connection.getpeername()[1])
        left = gone[name]
        for verb, argument in steps:
            match verb:
                case "send":
                    try:
                        connection.sendall(argument.encode("latin-1"))
                    except OSError:
                        left.set()
                        raise
                case "sleep":
                    time.sleep(argument)
                case "close":
                    connection.close()
                    return
                case "reset":
                    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    connection.close()
                    return
                case "hold":
                    if hold(connection):
                        left.set()
                    return
                case "repeat":
                    if repeat(connection, argument.encode("latin-1")):
                        left.set()
                    return
                case "fill":
                    piece, times = argument
                    for _ in range(times):
                        connection.sendall(piece.encode("latin-1"))
                case "tls":
                    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
                    context.load_cert_chain(HERE / "certificates/server.crt", HERE / "certificates/server.key")
                    serve(secured(connection, context))
                    return


def hold(connection: socket.socket) -> bool:
    """Wait; whether the client went away, before patience ended."""
    try:
        while connection.recv(65536):
            pass
    except TimeoutError:
        return False
    except OSError:
        pass
    return True


def repeat(connection: socket.socket, text: bytes) -> bool:
    """Send a text until patience ends; whether the client went away before."""
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            connection.sendall(text)
        except OSError:
            return True
        time.sleep(0.01)
    return False


if __name__ == "__main__":
    main()
