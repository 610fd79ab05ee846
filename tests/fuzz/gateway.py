"""What stands for the gateway: HTTP clients whose every request gets the same bytes."""

from __future__ import annotations

import httpx

from tikhub_ai import Settings


class Gateway:
    """Answers everything with the same bytes.

    Attributes:
        body: The bytes.
        content_type: Their type.
        settings: Of clients that ask it, sync or async.
        requests: How many came.
    """

    def __init__(self) -> None:
        self.body, self.content_type, self.status = b"", "application/json", 200
        self.requests = 0
        transport = httpx.MockTransport(self._answer)
        self.settings = Settings(
            api_key="sk-fuzz",
            base_url="http://gateway.test",
            max_retries=0,
            http_client=httpx.Client(transport=transport),
            http_async_client=httpx.AsyncClient(transport=transport),
        )

    def _answer(self, _: httpx.Request) -> httpx.Response:
        self.requests += 1
        return httpx.Response(self.status, headers={"content-type": self.content_type}, content=self.body)
