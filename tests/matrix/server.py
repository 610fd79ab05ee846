"""What stands for the gateway: HTTP clients whose requests are answered here, as the column's wire does."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import httpx

if TYPE_CHECKING:
    from tests.matrix.columns import Column
    from tests.matrix.said import Said


class Server:
    """Answers with one `Said` after another, or with an error; keeps the bodies that came in."""

    def __init__(self) -> None:
        transport = httpx.MockTransport(self._answer)
        self.client = httpx.Client(transport=transport)
        self.async_client = httpx.AsyncClient(transport=transport)
        self.bodies: list[Any] = []

    def script(self, *answers: tuple[Column, Said], error: str | None = None) -> None:
        """What the next requests are answered with.

        Args:
            *answers: Each with the wire that it is asked for on.
            error: The words of a 400 instead.
        """
        self._answers = list(answers)
        self._error = error
        self.bodies = []

    def _answer(self, request: httpx.Request) -> httpx.Response:
        body = json.loads(request.content)
        self.bodies.append(body)
        if self._error is not None:
            error = {"message": self._error, "type": "invalid_request_error", "param": None, "code": None}
            return httpx.Response(400, json={"error": error})
        column, said = self._answers.pop(0)
        headers = {"x-request-id": "req_1"}
        if column.streams(request.url.path, body):
            content = column.framed(column.stream(said))
            return httpx.Response(200, headers=headers | {"content-type": "text/event-stream"}, content=content)
        return httpx.Response(200, headers=headers, json=column.plain(said))
