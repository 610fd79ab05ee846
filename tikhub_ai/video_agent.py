"""What an agent may do with videos: make, check and fetch them, within limits that it cannot exceed. Sync and async.

Both frameworks' tools are this. Each operation returns words for the model, never an exception of ours: a model that
reads an error which does not say so creates, and bills, a second video.
"""

from __future__ import annotations

import inspect
import math
import os
import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePath
from typing import Any, Self

from pydantic import BaseModel, Field, create_model

from tikhub_ai.apis.jobs.fields import SAME_SIZE, SAME_TIME
from tikhub_ai.errors import ConfigurationError, JobTimeoutError, LostCreateError, TikHubAIError, check_whole
from tikhub_ai.video_families import choose_family
from tikhub_ai.video_jobs import VideoJob
from tikhub_ai.videos import Videos
from tikhub_ai.waiting import seconds_of

LONGEST_WAIT = 600.0
"""Seconds that one check waits at most, whatever it is told."""

CREATE = "create_video"
CHECK = "check_video"
DOWNLOAD = "download_video"
VIDEO_TOOLS = {
    CREATE: (
        "Start making a video from a prompt. It costs money and takes minutes: call it once for each video, and then "
        "check_video with the job id that it returns. Never call it again because a video is not ready."
    ),
    CHECK: (
        "Tell how far a video job is, and wait for it up to wait_seconds. A job that is queued or running is normal: "
        "check it again later."
    ),
    DOWNLOAD: "Save the video of a job that has succeeded under a file name.",
}
"""The tools, and what the model is told of each."""
ARGUMENTS = {
    "model": "Name of the video model.",
    "prompt": "What the video shows.",
    "seconds": "Length of the video in seconds.",
    "size": "Size or aspect ratio of the video, one of those allowed.",
    "job_id": "The job id that create_video returned.",
    "wait_seconds": "Seconds to wait for the job at most; 0 only asks.",
    "filename": "Name of the file to save, such as rabbit.mp4.",
}


_SWITCH = re.compile(r"(?:^|\s)--[A-Za-z_]+")
"""An option within a prompt. Ark reads `--dur 12 --rs 1080p` there (`media_api.md` §5), past any limit."""


@dataclass(slots=True)
class VideoAnswer:
    """What a tool answers.

    Attributes:
        text: Words for the model. `str()` is the same.
        job: The job that it is about, or None.
        path: The file that was saved, or None.
        is_error: Whether what was asked was not done.
        error: Why it was not, or why nothing is known of the job just now, for programs: a member of the tree, or what
            Python raised for the arguments or the disk. None where a limit refused it.
    """

    text: str
    job: VideoJob | None = field(default=None, repr=False)
    path: Path | None = None
    is_error: bool = False
    error: Exception | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return self.text


class VideoAgent:
    """Videos for an agent.

    Args:
        videos: The client; None makes one from the environment.
        folder: Where files go. Nothing is written elsewhere.
        models: Model names that may be used; None allows all.
        max_seconds: Longest video; None sets no limit. A video without a length gets this one.
        sizes: Sizes or aspect ratios that may be asked for, by the provider's words; the first one where none is. None
            leaves it to the provider, and gives the agent no choice.
        max_jobs: Most jobs in all; None sets no limit. A job counts before it is sent, and does not where the gateway
            says that it made nothing.
        dry_run: Make nothing: create_video tells what would be sent.
        jobs: Jobs from elsewhere that may be checked and downloaded.
        fields: Further fields of every create, by the provider's names.

    Raises:
        ConfigurationError: A limit cannot work.
    """

    def __init__(
        self,
        videos: Videos | None = None,
        *,
        folder: str | os.PathLike[str] = ".",
        models: Iterable[str] | None = None,
        max_seconds: float | None = None,
        sizes: Sequence[str] | None = None,
        max_jobs: int | None = None,
        dry_run: bool = False,
        jobs: Iterable[VideoJob] = (),
        fields: dict[str, Any] | None = None,
    ) -> None:
        if isinstance(models, str) or isinstance(sizes, str):
            raise ConfigurationError("models and sizes are lists of names, not one name.")
        if max_jobs is not None:
            check_whole(0, max_jobs=max_jobs)
        if max_seconds is not None:
            _checked_limit(max_seconds)
        self.videos = Videos() if videos is None else videos
        self.folder = Path(folder)
        self.models = None if models is None else tuple(models)
        self.max_seconds = max_seconds
        self.sizes = None if sizes is None else tuple(sizes)
        self.max_jobs = max_jobs
        self.dry_run = dry_run
        self.fields = dict(fields or {})
        self._jobs: dict[str, VideoJob] = {job.id: job for job in jobs}
        self._made = 0
        self._lock = threading.Lock()

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "_lock"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        vars(self).update(state)
        self._lock = threading.Lock()

    def __copy__(self) -> Self:
        """Itself: what copies of its tools make counts together."""
        return self

    def __deepcopy__(self, _memo: dict[int, Any]) -> Self:
        return self

    # --- make -------------------------------------------------------------------------------------------------------

    def create_video(
        self, model: str, prompt: str, seconds: float | None = None, size: str | None = None
    ) -> VideoAnswer:
        """Start making a video. Costs money.

        Args:
            model: Model name.
            prompt: What the video shows.
            seconds: Its length.
            size: Its size or aspect ratio.
        """
        asked = self._asked(model, prompt, seconds, size)
        if isinstance(asked, VideoAnswer):
            return asked
        if self.dry_run:
            return self._previewed(model, prompt, asked)
        if (refusal := self._counted()) is not None:
            return refusal
        try:
            job = self.videos.create(model, prompt, **asked)
        except (TikHubAIError, TypeError, ValueError) as error:
            return self._not_made(error)
        return self._begun(job)

    async def acreate_video(
        self, model: str, prompt: str, seconds: float | None = None, size: str | None = None
    ) -> VideoAnswer:
        """`create_video`, async."""
        asked = self._asked(model, prompt, seconds, size)
        if isinstance(asked, VideoAnswer):
            return asked
        if self.dry_run:
            return self._previewed(model, prompt, asked)
        if (refusal := self._counted()) is not None:
            return refusal
        try:
            job = await self.videos.acreate(model, prompt, **asked)
        except (TikHubAIError, TypeError, ValueError) as error:
            return self._not_made(error)
        return self._begun(job)

    # --- check ------------------------------------------------------------------------------------------------------

    def check_video(self, job_id: str, wait_seconds: float = 0) -> VideoAnswer:
        """Tell how far a job is.

        Args:
            job_id: The job.
            wait_seconds: Seconds to wait for it at most.
        """
        job = self._jobs.get(str(job_id).strip())
        if job is None:
            return self._unknown(job_id)
        try:
            job.result(timeout=_wait(wait_seconds))
        except (TikHubAIError, ValueError) as error:
            return _state(job, error)
        return _state(job, None)

    async def acheck_video(self, job_id: str, wait_seconds: float = 0) -> VideoAnswer:
        """`check_video`, async."""
        job = self._jobs.get(str(job_id).strip())
        if job is None:
            return self._unknown(job_id)
        try:
            await job.aresult(timeout=_wait(wait_seconds))
        except (TikHubAIError, ValueError) as error:
            return _state(job, error)
        return _state(job, None)

    # --- fetch ------------------------------------------------------------------------------------------------------

    def download_video(self, job_id: str, filename: str) -> VideoAnswer:
        """Save the video of a job.

        Args:
            job_id: The job.
            filename: Name of the file, below the folder.
        """
        job = self._jobs.get(str(job_id).strip())
        if job is None:
            return self._unknown(job_id)
        try:
            path = job.download(self._place(filename))
        except (TikHubAIError, ValueError, OSError) as error:
            return _not_saved(job, error)
        return VideoAnswer(f"Saved as {path.relative_to(self.folder)} ({path.stat().st_size:,} bytes).", job, path)

    async def adownload_video(self, job_id: str, filename: str) -> VideoAnswer:
        """`download_video`, async."""
        job = self._jobs.get(str(job_id).strip())
        if job is None:
            return self._unknown(job_id)
        try:
            path = await job.adownload(self._place(filename))
        except (TikHubAIError, ValueError, OSError) as error:
            return _not_saved(job, error)
        return VideoAnswer(f"Saved as {path.relative_to(self.folder)} ({path.stat().st_size:,} bytes).", job, path)

    # --- tools ------------------------------------------------------------------------------------------------------

    def arguments(self, tool: str) -> type[BaseModel]:
        """The arguments of a tool, as a pydantic class: what the model is told, and what it says is held against.

        Args:
            tool: `create_video`, `check_video` or `download_video`.
        """
        tools: dict[str, dict[str, tuple[Any, Any]]] = {  # name: type, default
            CREATE: {"model": (str, ...), "prompt": (str, ...), "seconds": (float | None, None)},
            CHECK: {"job_id": (str, ...), "wait_seconds": (float, 0)},
            DOWNLOAD: {"job_id": (str, ...), "filename": (str, ...)},
        }
        named = tools[tool]
        if tool == CREATE and self.sizes:
            named = {**named, "size": (str | None, None)}
        told = {**ARGUMENTS}
        if self.models is not None:
            told["model"] += f" Allowed: {', '.join(self.models)}."
        if self.max_seconds is not None:
            told["seconds"] += f" At most {self.max_seconds:g}."
        if self.sizes:
            told["size"] += f" Allowed: {', '.join(self.sizes)}."
        fields: dict[str, Any] = {
            name: (kind, Field(default, description=told[name])) for name, (kind, default) in named.items()
        }
        made: type[BaseModel] = create_model(tool, **fields)
        return made

    # --- limits -----------------------------------------------------------------------------------------------------

    def _asked(self, model: str, prompt: str, seconds: float | None, size: str | None) -> dict[str, Any] | VideoAnswer:
        """The fields of the create; or why it is refused."""
        if (self.max_seconds is not None or self.sizes) and (found := _SWITCH.search(str(prompt))):
            return _refused(f"A prompt holds no options such as {found[0].strip()!r}: give seconds, and no more.")
        if self.models is not None and model not in self.models:
            return _refused(f"The model {model!r} is not allowed. Allowed: {', '.join(self.models) or 'none'}.")
        if size is not None and (self.sizes is None or size not in self.sizes):
            return _refused(f"The size {size!r} is not allowed. Allowed: {', '.join(self.sizes or ()) or 'none'}.")
        try:
            length = None if seconds is None else seconds_of("seconds", _number(seconds), zero=False)
        except ValueError as error:
            return _refused(str(error))
        if self.max_seconds is not None:
            if length is not None and length > self.max_seconds:
                return _refused(f"A video of {length:g} seconds is too long. At most {self.max_seconds:g} are allowed.")
            length = self.max_seconds if length is None else length
        family = choose_family(model, self.videos.family)
        asked = dict(self.fields)
        if length is not None:
            asked[SAME_TIME[family]] = int(length) if float(length).is_integer() else length
        if self.sizes:
            asked[SAME_SIZE[family]] = size or self.sizes[0]
        return asked

    def _counted(self) -> VideoAnswer | None:
        """Count a job before it is sent; None where it may be."""
        with self._lock:
            if self.max_jobs is not None and self._made >= self.max_jobs:
                return _refused(f"No more videos may be made: {self._made} of {self.max_jobs} were.")
            self._made += 1
        return None

    def _place(self, filename: str) -> Path:
        """Where a file goes.

        Raises:
            ValueError: That is not below the folder.
        """
        name = str(filename).strip()
        path = PurePath(name)
        if not path.name or path.is_absolute() or ".." in path.parts or "\\" in name or "\0" in name or ":" in name:
            raise ValueError(f"{name!r} is no file name below the folder: give a name such as 'rabbit.mp4'.")
        if not path.suffix:
            path = path.with_name(f"{path.name}.mp4")
        target = self.folder / path
        if not target.resolve().is_relative_to(self.folder.resolve()):
            raise ValueError(f"{name!r} leads out of the folder: give a name such as 'rabbit.mp4'.")
        target.parent.mkdir(parents=True, exist_ok=True)
        return target

    # --- words ------------------------------------------------------------------------------------------------------

    def _previewed(self, model: str, prompt: str, asked: dict[str, Any]) -> VideoAnswer:
        try:
            shown = self.videos.preview(model, prompt, **asked)
        except (TikHubAIError, TypeError, ValueError) as error:
            return _refused(str(error))
        body = shown.get("body", shown.get("form"))
        return VideoAnswer(f"Dry run: nothing was made. {shown['method']} {shown['url']} would be sent with {body}.")

    def _begun(self, job: VideoJob) -> VideoAnswer:
        self._jobs[job.id] = job
        return VideoAnswer(
            f"Video job {job.id} was made and is {job.status}. It takes minutes: call {CHECK} with this id, and do not "
            "create it again.",
            job,
        )

    def _not_made(self, error: Exception) -> VideoAnswer:
        if isinstance(error, LostCreateError):
            return VideoAnswer(f"{error} Do not create it again; tell the user.", is_error=True, error=error)
        with self._lock:
            self._made -= 1
        return VideoAnswer(f"No video was made, and none is billed: {error}", is_error=True, error=error)

    def _unknown(self, job_id: str) -> VideoAnswer:
        known = ", ".join(self._jobs) or "none"
        return VideoAnswer(
            f"There is no video job {str(job_id)[:80]!r} here. The jobs: {known}. Do not create it again.",
            is_error=True,
        )


def _checked_limit(max_seconds: Any) -> None:
    try:
        seconds_of("max_seconds", max_seconds, zero=False)
    except ValueError as error:
        raise ConfigurationError(str(error)) from None


def _number(value: Any) -> Any:
    """What a model means by "5" is 5."""
    try:
        return float(value) if isinstance(value, str) else value
    except ValueError:
        return value


def _wait(wait_seconds: Any) -> float:
    seconds = seconds_of("wait_seconds", _number(wait_seconds), zero=True) if wait_seconds is not None else 0.0
    return min(seconds, LONGEST_WAIT) if math.isfinite(seconds) else LONGEST_WAIT


def _refused(why: str) -> VideoAnswer:
    return VideoAnswer(f"Not allowed, and nothing was made: {why}", is_error=True)


def _state(job: VideoJob, error: Exception | None) -> VideoAnswer:
    """How far a job is, in words for the model."""
    if job.status == "succeeded":
        return VideoAnswer(f"Video job {job.id} has succeeded: call {DOWNLOAD} to save the video.", job)
    if isinstance(error, JobTimeoutError) or error is None:
        done = f", {job.progress} %" if job.progress else ""
        failure = error and error.__cause__
        if failure is None:
            return VideoAnswer(
                f"Video job {job.id} is {job.status}{done}. Check it again later, and do not create it again.", job
            )
        return VideoAnswer(
            f"Video job {job.id} was {job.status}{done} when it last answered; now it could not be asked for: "
            f"{failure} Check it again later, and do not create it again.",
            job,
            error=error,
        )
    if job.is_finished:
        text = f"{error} It may have been billed. Do not create it again unless the user asks for it."
    else:
        text = f"Video job {job.id} could not be asked for: {error} It may still run: do not create it again."
    return VideoAnswer(text, job, is_error=True, error=error)


def _not_saved(job: VideoJob, error: Exception) -> VideoAnswer:
    text = f"The video of job {job.id} was not saved: {error} Do not create it again."
    return VideoAnswer(text, job, is_error=True, error=error)


def video_agent_of(videos: Videos | None, given: Mapping[str, Any]) -> VideoAgent:
    """An agent's videos out of keywords: the limits by their names, the others the client's settings.

    Args:
        videos: The client; None makes one.
        given: The keywords.

    Raises:
        ConfigurationError: One cannot work.
        TypeError: One is not known, or a setting is given beside a client.
    """
    names = inspect.signature(VideoAgent.__init__).parameters.keys()
    limits = {name: value for name, value in given.items() if name in names}
    settings = {name: value for name, value in given.items() if name not in names}
    if videos is not None and settings:
        raise TypeError(f"{', '.join(map(repr, sorted(settings)))}: give it to the client of videos.")
    return VideoAgent(Videos(**settings) if videos is None else videos, **limits)
