"""The ways that a video job's methods are called, behind one signature: sync, and async over each library."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from tests.video_gateway import KEY
from tikhub_ai import Videos


@dataclass(frozen=True)
class Way:
    """Sync, or async over one library."""

    name: str
    is_async: bool
    backend: str

    def videos(self, url: str, **settings: Any) -> Videos:
        return Videos(**{"api_key": KEY, "base_url": url, "http_backend": self.backend} | settings)

    async def call(self, thing: Any, method: str, *given: Any, **named: Any) -> Any:
        """A method, or its async twin."""
        if self.is_async:
            return await getattr(thing, f"a{method}")(*given, **named)
        return getattr(thing, method)(*given, **named)

    async def list(self, videos: Videos, **named: Any) -> list[Any]:
        if self.is_async:
            return [job async for job in videos.alist(**named)]
        return list(videos.list(**named))


WAYS = [Way("sync", False, "auto"), Way("async httpx", True, "httpx"), Way("async aiohttp", True, "aiohttp")]
each_way = pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
