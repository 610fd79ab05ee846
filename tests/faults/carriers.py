"""Every HTTP library that carries forms and downloads, sync and async, behind one signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.faults.lanes import settings_of
from tikhub_ai import Transport

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tikhub_ai.wire import ApiRequest, ApiResponse


@dataclass(frozen=True)
class Carrier:
    """One library, sync or async.

    Attributes:
        name: Its column in the table.
        is_async: Whether its async half is used.
        backend: The setting that asks for it.
    """

    name: str
    is_async: bool
    backend: str

    def transport(self, **settings: Any) -> Transport:
        return Transport(settings_of({"http_backend": self.backend} | settings))

    async def send(self, request: ApiRequest, **settings: Any) -> ApiResponse:
        transport = self.transport(**settings)
        return await transport.asend(request, _itself) if self.is_async else transport.send(request, _itself)

    async def stream(self, request: ApiRequest, new_reader: Any, **settings: Any) -> list[Any]:
        """All items of a stream."""
        transport = self.transport(**settings)
        if self.is_async:
            return [item async for items in transport.astream(request, new_reader) for item in items]
        return [item for items in transport.stream(request, new_reader) for item in items]

    async def download(self, source: Any, target: Path, how: dict[str, Any] | None = None, **settings: Any) -> Path:
        """Download; `refresh` in `how` is a plain function."""
        transport, how = self.transport(**settings), dict(how or {})
        if not self.is_async:
            return transport.download(source, target, **how)
        if (refresh := how.pop("refresh", None)) is not None:
            how["refresh"] = _awaited(refresh)
        return await transport.adownload(source, target, **how)


def _itself(response: ApiResponse) -> ApiResponse:
    return response


def _awaited(function: Callable[[], Any]) -> Callable[[], Any]:
    async def call() -> Any:
        return function()

    return call


CARRIERS = [
    Carrier("sync httpx", False, "httpx"),
    Carrier("sync httpx2", False, "httpx2"),
    Carrier("async httpx", True, "httpx"),
    Carrier("async httpx2", True, "httpx2"),
    Carrier("async aiohttp", True, "aiohttp"),
]
each_carrier = pytest.mark.parametrize("lane", CARRIERS, ids=lambda carrier: carrier.name)
