"""Measures of videos: jobs waited for at once, and a large download."""

from __future__ import annotations

import asyncio
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from memory import taken


def jobs(url: str, count: int) -> dict[str, float]:
    """CPU milliseconds of a job waited for, peak memory in MB, and most open sockets, with so many at once."""
    from tikhub_ai import Videos

    most = 0

    def sockets() -> int:
        count = 0
        for one in os.listdir("/proc/self/fd"):
            with suppress(OSError):
                count += os.readlink(f"/proc/self/fd/{one}").startswith("socket:")
        return count

    async def wait() -> None:
        nonlocal most
        videos = Videos(api_key="sk-bench", base_url=url)
        waiting = [await videos.aget(f"video_{number}", family="videos") for number in range(count)]
        done = asyncio.gather(*(job.aresult(poll_interval=0.5) for job in waiting))
        while not done.done():
            await asyncio.sleep(0.05)
            most = max(most, sockets())
        assert len(await done) == count

    found = taken(lambda: asyncio.run(wait()))
    return {"cpu": found.cpu / count * 1000, "memory": found.peak, "wall": found.wall, "sockets": float(most)}


def download(url: str, *, is_ours: bool) -> dict[str, float]:
    """Wall and CPU seconds and peak memory of a film on its way to the disk: ours, or httpx and a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        if is_ours:
            from tikhub_ai import Videos

            videos = Videos(api_key="sk-bench", base_url=url)
            job = videos.get("video_done", family="videos")
            job.result(poll_interval=0.01)
            found = taken(lambda: job.download(path))
        else:
            import httpx

            client = httpx.Client(timeout=60)
            client.get(f"{url}/v1/videos/video_done")

            def fetch() -> None:
                with client.stream("GET", f"{url}/v1/videos/video_done/content") as answer, path.open("wb") as file:
                    for piece in answer.iter_bytes():
                        file.write(piece)

            found = taken(fetch)
        assert path.stat().st_size == 200_000_000
    return {"wall": found.wall, "cpu": found.cpu, "memory": found.peak}
