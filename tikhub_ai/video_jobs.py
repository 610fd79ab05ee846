"""VideoJob: a video that is being made. Ask for it, wait for it, fetch it. Sync and async."""

from __future__ import annotations

import asyncio
import inspect
import math
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import fields, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from tikhub_ai.apis import videos as videos_api
from tikhub_ai.apis.jobs.paths import checked_paths
from tikhub_ai.errors import ConfigurationError, DownloadError, JobExpiredError, TikHubAIError
from tikhub_ai.http.side_files import SideFiles
from tikhub_ai.interrupts import told_if_interrupted
from tikhub_ai.media_client import MediaClient
from tikhub_ai.progress import progress_bar
from tikhub_ai.video_families import codec_of
from tikhub_ai.video_job import VideoJobData
from tikhub_ai.video_json import to_json
from tikhub_ai.waiting import Waiting

if TYPE_CHECKING:
    from tikhub_ai.http.downloads import Source
    from tikhub_ai.video_job import JobUpdate
    from tikhub_ai.wire import ApiRequest, ApiResponse

_SKEW = 30.0
"""Seconds that a server's clock may be ahead of ours."""

OnProgress = Callable[["VideoJob"], object] | None
"""Called with the job after each poll that was answered. What it raises ends the wait. Async methods await what it
returns, where that can be awaited."""


class VideoJob(VideoJobData):
    """A video that is being made, as `Videos.create`, `get`, `load` and `list` return it. Fields: `VideoJobData`."""

    __slots__ = ("_client", "_made_at")

    _client: MediaClient
    _made_at: float | None
    """Seconds since the epoch, by this machine's clock."""

    @classmethod
    def of(cls, data: VideoJobData, client: MediaClient) -> Self:
        """A job that is there already.

        Args:
            data: What is known of it.
            client: Asks for it.
        """
        job = cls(**{field.name: getattr(data, field.name) for field in fields(VideoJobData)})
        job._client, job._made_at = client, None
        return job

    @classmethod
    def made(cls, data: VideoJobData, client: MediaClient) -> Self:
        """A job that was made just now, and so may not be known everywhere yet."""
        job = cls.of(data, client)
        job._made_at = time.time()  # noqa: SLF001 - our own
        return job

    def __getattr__(self, name: str) -> Any:
        """What a job has not that was put together of its fields alone, as checkpoints of agents do."""
        if name == "_made_at":
            return None
        if name == "_client":
            raise ConfigurationError(
                "This video job came back without the client that asks for it: take it up with "
                "videos.load(job.to_json())."
            )
        raise AttributeError(f"{type(self).__name__!r} object has no attribute {name!r}")

    def __getstate__(self) -> dict[str, Any]:
        """What a pickle holds: no key, and no file that came inline, which `download` asks for again."""
        kept = {field.name: getattr(self, field.name) for field in fields(VideoJobData)}
        kept["videos"] = [file for file in self.videos if file.inline is None]
        return {**kept, "_client": self._client, "_made_at": self._made_at}

    def __setstate__(self, state: dict[str, Any]) -> None:
        for name, value in state.items():
            setattr(self, name, value)

    def __copy__(self) -> Self:
        job = self.of(self, self._client)
        job._made_at = self._made_at  # noqa: SLF001 - our own
        return job

    def __deepcopy__(self, memo: dict[int, Any]) -> Self:
        """A copy of what is said of the job; the client and a file that came inline are shared."""
        job = self.__copy__()
        job.videos = [replace(file) for file in self.videos]
        job.fields, job.raw = deepcopy(self.fields, memo), deepcopy(self.raw, memo)
        return job

    # --- keep -------------------------------------------------------------------------------------------------------

    def to_json(self) -> str:
        """The job as JSON, by which `Videos.load` takes it up again. No key is in it, and no file that came inline."""
        return to_json(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write `to_json` to a file, which is replaced where it is there.

        Args:
            path: The file.

        Returns:
            Its path.

        Raises:
            OSError: It cannot be written. What was there is unchanged.
        """
        target = Path(path)
        part = target.with_name(f".{os.urandom(8).hex()}.part")
        try:
            part.write_text(self.to_json(), encoding="utf-8")
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
        return target

    # --- ask --------------------------------------------------------------------------------------------------------

    def refresh(self) -> Self:
        """Ask for the job once.

        Returns:
            The job itself, with what is new. A state that is final stays.

        Raises:
            NotFoundError: The gateway knows no such job.
            TikHubAIError: Another member of the tree.
        """
        with self._told():
            self.take(self._client.transport().send(self._asking(), self._read))
        return self

    async def arefresh(self) -> Self:
        """`refresh`, async."""
        with self._told():
            self.take(await self._client.transport().asend(self._asking(), self._read))
        return self

    # --- wait -------------------------------------------------------------------------------------------------------

    def result(
        self,
        timeout: float | None = 1800,
        poll_interval: float | None = None,
        on_progress: OnProgress = None,
        *,
        progress: bool = False,
    ) -> Self:
        """Wait until the video is made.

        Polls that fail for a reason that may pass are repeated, 20 in a row at most.

        Args:
            timeout: Seconds to wait; 0 asks once, None waits for ever.
            poll_interval: Seconds between polls, which are kept, but for the last one before the time is over. None:
                what the server says, else 5 growing to 15.
            on_progress: Called with the job after each answered poll.
            progress: Whether to draw a progress bar, on a terminal or in a notebook; needs `tqdm`.

        Returns:
            The job itself, succeeded.

        Raises:
            JobFailedError: It failed: JobBlockedError, JobExpiredError, JobCancelledError, or this itself.
            JobTimeoutError: The time is over. The job still runs, and may be billed.
            TikHubAIError: It cannot be asked for: a wrong key, an unknown id, too many failures in a row.
            ValueError: `timeout` or `poll_interval` cannot work.
        """
        waiting = Waiting(self, timeout, poll_interval, age=self._age())
        with self._watched(progress) as show:
            while not self.is_finished:
                update: JobUpdate | TikHubAIError
                try:
                    update = self._poll_transport(waiting).send(self._asking(waiting.poll_deadline), self._read)
                except TikHubAIError as error:
                    update = error
                if self._took(update, waiting):
                    show(self.progress or 0)
                    if on_progress is not None:
                        on_progress(self)
                if not self.is_finished:
                    time.sleep(self._pause(waiting))
        return self._succeeded()

    async def aresult(
        self,
        timeout: float | None = 1800,  # noqa: ASYNC109 - polls go on by the same clock as in `result`
        poll_interval: float | None = None,
        on_progress: OnProgress = None,
        *,
        progress: bool = False,
    ) -> Self:
        """`result`, async."""
        waiting = Waiting(self, timeout, poll_interval, age=self._age())
        with self._watched(progress) as show:
            while not self.is_finished:
                update: JobUpdate | TikHubAIError
                try:
                    update = await self._poll_transport(waiting).asend(self._asking(waiting.poll_deadline), self._read)
                except TikHubAIError as error:
                    update = error
                if self._took(update, waiting):
                    show(self.progress or 0)
                    if on_progress is not None and inspect.isawaitable(called := on_progress(self)):
                        await called
                if not self.is_finished:
                    await asyncio.sleep(self._pause(waiting))
        return self._succeeded()

    # --- fetch ------------------------------------------------------------------------------------------------------

    def download(
        self,
        path: str | os.PathLike[str],
        *,
        index: int = 0,
        variant: str | None = None,
        overwrite: bool = False,
        progress: bool = False,
        on_progress: Callable[[int, int | None], object] | None = None,
    ) -> Path:
        """Fetch the result to the disk. It comes whole, or the file is not there.

        Args:
            path: The file to make.
            index: Which, where there are several.
            variant: What is fetched in place of the video: `last_frame`, `watermarked`, `thumbnail`; for the family
                `videos` also `spritesheet`, or a gateway's own word.
            overwrite: Whether a file that is there may be replaced.
            progress: Whether to draw a progress bar, on a terminal or in a notebook; needs `tqdm`.
            on_progress: Called with the bytes so far, and the bytes in all or None. What it raises ends the download.

        Returns:
            The file's path.

        Raises:
            JobFailedError: The job has no result; JobExpiredError where it is no longer kept.
            DownloadError: The job is not done or has no such file, or that could not be had whole; `path` is unchanged.
            TikHubAIError: Another member of the tree, such as AuthenticationError.
        """
        with self._fetching(progress, on_progress) as show:
            if self._is_to_be_asked(index, variant):
                self.refresh()
            return self._client.transport().download(
                self._source(index, variant),
                path,
                overwrite=overwrite,
                refresh=partial(self._fresh_source, index, variant),
                on_progress=show,
            )

    async def adownload(
        self,
        path: str | os.PathLike[str],
        *,
        index: int = 0,
        variant: str | None = None,
        overwrite: bool = False,
        progress: bool = False,
        on_progress: Callable[[int, int | None], object] | None = None,
    ) -> Path:
        """`download`, async."""
        with self._fetching(progress, on_progress) as show:
            if self._is_to_be_asked(index, variant):
                await self.arefresh()
            return await self._client.transport().adownload(
                self._source(index, variant),
                path,
                overwrite=overwrite,
                refresh=partial(self._afresh_source, index, variant),
                on_progress=show,
            )

    # --- shared by sync and async -----------------------------------------------------------------------------------

    @property
    def _paths(self) -> dict[str, str]:
        return checked_paths(self._client.paths)

    def _asking(self, until: float | None = None) -> ApiRequest:
        request = codec_of(self.family).get(self.id, model=self.model, kind=self.kind, paths=self._paths)
        request.new_sieve = partial(SideFiles, until)
        return request

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Errors say which job they are about."""
        try:
            yield
        except TikHubAIError as error:
            error.job = self
            raise

    def _age(self) -> float:
        """Seconds since the create, by this machine's clock or the server's; infinite where nobody knows."""
        made_at = self._made_at or self.created_at
        age = math.inf if made_at is None else time.time() - made_at
        return age if age > 0 else 0.0 if age > -_SKEW else math.inf

    def _read(self, response: ApiResponse) -> JobUpdate:
        return read_update(response, codec_of(self.family).decode)

    def _poll_transport(self, waiting: Waiting) -> Any:
        """For one poll, which is over before the wait is. Its failures are the wait's to count, not the transport's."""
        usual = self._client.transport().settings.timeouts(stream=False).read
        seconds = waiting.poll_seconds
        return self._client.transport(max_retries=0, timeout=seconds if usual is None else min(usual, seconds))

    def _took(self, update: JobUpdate | TikHubAIError, waiting: Waiting) -> bool:
        """Take what a poll brought. Whether it was an answer.

        Raises:
            TikHubAIError: It ends the wait.
        """
        if isinstance(update, TikHubAIError):
            if (error := waiting.failed(update)) is not None:
                raise error
            return False
        waiting.answered(update.poll_after)
        self.take(update)
        return True

    def _pause(self, waiting: Waiting) -> float:
        if (seconds := waiting.pause()) is None:
            raise waiting.timed_out()
        return seconds

    def _succeeded(self) -> Self:
        if (error := self.failure()) is not None:
            raise error
        return self

    @contextmanager
    def _watched(self, progress: bool) -> Iterator[Callable[..., None]]:
        kind = f", kind={self.kind!r}" if self.kind else ""
        words = (
            f"No longer waiting for {self.family} job {self.id}, which goes on and may be billed. Take it up again: "
            f"videos.get({self.id!r}, family={self.family!r}{kind}, model={self.model!r}).result()"
        )
        with told_if_interrupted(words), progress_bar(progress, self.model or self.family, "%", 100) as show:
            yield show

    @contextmanager
    def _fetching(
        self, progress: bool, on_progress: Callable[[int, int | None], object] | None
    ) -> Iterator[Callable[[int, int | None], object]]:
        """A bar, and errors that say whose result it was."""
        words = (
            f"The download of {self.family} job {self.id} was interrupted, and nothing is left of it. The job is done: "
            "download it again, do not create it again."
        )
        with told_if_interrupted(words), progress_bar(progress, "Downloading", "B") as bar:

            def show(done: int, of: int | None) -> None:
                bar(done, of)
                if on_progress is not None:
                    on_progress(done, of)

            try:
                yield show
            except TikHubAIError as error:
                error.job = self
                if not isinstance(error, DownloadError) or not self._is_expired(error):
                    raise
                failure = JobExpiredError(
                    f"The result of {self.family} job {self.id} is no longer kept: {error}", job=self
                )
            else:
                return
            raise failure

    def _is_expired(self, error: DownloadError) -> bool:
        """Whether the result is gone for good: its time is over, and its address is no longer served."""
        status = error.response.status_code if error.response else None
        return status in {403, 404, 410} and self.expires_at is not None and self.expires_at < time.time()

    def _source(self, index: int, variant: str | None) -> Source:
        """Where the result is: an address, a file within the answer, or `/v1/videos/{id}/content`."""
        if not self.is_finished:
            raise DownloadError(
                f"{self.family} job {self.id} is {self.status}: wait for it with job.result() before you download it.",
                job=self,
            )
        if (failure := self.failure()) is not None:
            raise failure
        if (found := self._file(index, variant)) is not None:
            return found
        if self.family == "videos" and index == 0:
            return videos_api.content(self.id, variant=variant, paths=self._paths)
        kinds = ", ".join(f"{file.kind} {number}" for number, file in enumerate(self.videos)) or "none"
        raise DownloadError(
            f"{self.family} job {self.id} has no {variant or 'video'} of index {index}. Its files: {kinds}.", job=self
        )

    def _file(self, index: int, variant: str | None) -> Source | None:
        files = [file for file in self.videos if file.kind == (variant or "video")]
        if not 0 <= index < len(files):
            return None
        file = files[index]
        return file.inline if file.inline is not None else file.url

    def _is_to_be_asked(self, index: int, variant: str | None) -> bool:
        """Whether an answer named the file that is not at hand: one that came inline is in no JSON and in no pickle."""
        return self.status == "succeeded" and self.family != "videos" and self._file(index, variant) is None

    def _fresh_source(self, index: int, variant: str | None) -> Source:
        self.refresh()
        return self._source(index, variant)

    async def _afresh_source(self, index: int, variant: str | None) -> Source:
        await self.arefresh()
        return self._source(index, variant)


def read_update(response: ApiResponse, decode: Callable[[ApiResponse], JobUpdate]) -> JobUpdate:
    """What an answer says of a job, without our secrets should it repeat them, and with the files that came inline.

    Args:
        response: The answer.
        decode: The codec's.
    """
    update = decode(response)
    update.hide(response.hide)
    if isinstance(response.sieve, SideFiles):
        response.sieve.attach(update.videos)
    return update
