"""A video job as a value: what was asked, how far it is, what came of it. No I/O."""

from __future__ import annotations

import binascii
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

from tikhub_ai.errors import (
    DownloadError,
    JobBlockedError,
    JobCancelledError,
    JobExpiredError,
    JobFailedError,
    TikHubAIWarning,
    warn,
)
from tikhub_ai.secret_values import SecretHeaders

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from tikhub_ai.conversation import Media

JobStatus: TypeAlias = Literal["queued", "running", "succeeded", "failed", "cancelled", "expired"]

TERMINAL = frozenset({"succeeded", "failed", "cancelled", "expired"})
"""The states after which nothing changes any more."""


@dataclass(slots=True)
class InlineData:
    """A result that stood in the answer itself, in base64: tens of megabytes, which no repr shows.

    Attributes:
        text: The base64.
    """

    text: str = field(repr=False)

    def pieces(self, size: int = 1 << 20) -> Iterator[bytes]:
        """The bytes, a piece at a time, so that they never stand in memory whole.

        Args:
            size: Characters of base64 that each piece is made of.

        Raises:
            DownloadError: It is no base64.
        """
        return decoded(self.text[at : at + size].encode() for at in range(0, len(self.text), size))


def decoded(texts: Iterable[bytes]) -> Iterator[bytes]:
    """The bytes that base64 stands for, in either alphabet, with or without its padding, cut anywhere.

    Args:
        texts: The base64, in pieces.

    Raises:
        DownloadError: It is no base64.
    """
    held = b""
    for text in texts:
        held += text
        whole = len(held) - len(held) % 4
        if whole and whole < len(held):
            yield _decoded(held[:whole], is_end=False)
            held = held[whole:]
        elif whole > 4:  # the last four may be the end, which alone may be padded
            yield _decoded(held[: whole - 4], is_end=False)
            held = held[whole - 4 :]
    if held:
        yield _decoded(held + b"=" * (-len(held) % 4), is_end=True)


def _decoded(text: bytes, *, is_end: bool) -> bytes:
    try:
        if is_end or b"=" not in text:
            return binascii.a2b_base64(text.translate(_STANDARD), strict_mode=True)
    except (binascii.Error, ValueError):
        pass
    raise DownloadError("The result that came within the answer is no base64.")


_STANDARD = bytes.maketrans(b"-_", b"+/")


@dataclass(slots=True)
class VideoFile:
    """A file that a job made.

    Attributes:
        url: Where it is: absolute, relative to the gateway, or `gs://`, which no HTTP client can read. None where it
            came inline.
        inline: The file itself, where the answer held it.
        mime_type: Such as `video/mp4`; None where nobody said.
        duration: Seconds; None where nobody said.
        kind: `video` is the result; `last_frame`, `watermarked`, `thumbnail` and `spritesheet` come beside it.
        id: The provider's own id of it; None where it has none.
    """

    url: str | None = None
    inline: InlineData | None = field(default=None, repr=False)
    mime_type: str | None = None
    duration: float | None = None
    kind: str = "video"
    id: str | None = None


@dataclass(slots=True)
class VideoRequest:
    """What is asked of a video model.

    Attributes:
        model: Model name.
        prompt: What the video shows; None where images or `fields` say it.
        image: The first frame.
        last_image: The last frame.
        references: Images, films or sounds that the video follows.
        fields: Further fields by the provider's names. A known one of another type is converted, one that is known to
            belong to other families alone is refused.
        extra_body: Further fields that are sent as they are, and win over all others.
        extra_headers: Further headers. Secret.
    """

    model: str
    prompt: str | None = None
    image: Media | Mapping[str, Any] | None = field(default=None, repr=False)
    last_image: Media | Mapping[str, Any] | None = field(default=None, repr=False)
    references: tuple[Media | Mapping[str, Any], ...] = field(default=(), repr=False)
    fields: Mapping[str, Any] = field(default_factory=dict)
    extra_body: Mapping[str, Any] = field(default_factory=dict, repr=False)
    extra_headers: Mapping[str, str] | SecretHeaders | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        self.extra_headers = SecretHeaders.of(self.extra_headers)

    @property
    def external_task_id(self) -> str | None:
        """The caller's own id of the job, by which Kling finds it again."""
        found = self.extra_body.get("external_task_id", self.fields.get("external_task_id"))
        return str(found) if found else None


@dataclass(slots=True)
class JobUpdate:
    """What one answer says of a job. What it does not say is None or empty.

    Attributes:
        id: The job's id.
        status: The state; None where the answer's word is not known, or it has none.
        raw_status: The wire's own word.
        progress: Percent, 0 to 100.
        error: Why it has no result.
        error_code: The wire's own word for that.
        is_blocked: Whether a content filter is the reason.
        videos: The result's files.
        model: Model name.
        created_at: Seconds since the epoch.
        expires_at: Seconds since the epoch, from when the result is gone.
        external_task_id: The caller's own id of the job.
        poll_after: Seconds after which the server wants to be asked again.
        notes: What the caller should know of the result, in sentences.
        raw: The answer, without inline files.
    """

    id: str | None = None
    status: JobStatus | None = None
    raw_status: str | None = None
    progress: int | None = None
    error: str | None = None
    error_code: str | None = None
    is_blocked: bool = False
    videos: list[VideoFile] = field(default_factory=list)
    model: str | None = None
    created_at: float | None = None
    expires_at: float | None = None
    external_task_id: str | None = None
    poll_after: float | None = None
    notes: list[str] = field(default_factory=list)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)

    def hide(self, hide: Callable[[str], str]) -> None:
        """Hide secrets in all that is said here, since gateways repeat what they were sent. Addresses stay as they are.

        Args:
            hide: Gives a text without the secrets in it.
        """
        for name in ("raw_status", "error", "error_code"):
            if isinstance(said := getattr(self, name), str):
                setattr(self, name, hide(said))
        self.notes = [hide(note) for note in self.notes]
        self.raw = _hidden(self.raw, hide)


@dataclass(slots=True)
class VideoJobData:
    """A video job: all that must be kept to ask for it again, and all that is known of it.

    Attributes:
        id: The provider's id. Opaque.
        family: `videos`, `seedance`, `kling` or `veo`: the protocol that it speaks.
        kind: For Kling `text2video` or `image2video`, whose ids are not interchangeable; else empty.
        model: Model name; empty where nobody said.
        status: `queued`, `running`, `succeeded`, `failed`, `cancelled` or `expired`.
        raw_status: The wire's own word for it.
        progress: Percent; None where the wire does not tell. It never falls, and is 100 only for success.
        error: Why there is no result, in the provider's words; None while all is well.
        error_code: The provider's word for that.
        is_blocked: Whether a content filter is the reason.
        videos: The result's files.
        created_at: Seconds since the epoch; None where nobody said.
        expires_at: Seconds since the epoch, from when the result is gone; None where nobody said.
        external_task_id: The caller's own id of the job, where the family has one.
        base_url: The gateway that made it. Told, never trusted: the key goes only where the client's settings say.
        fields: What was asked at the create, without images: a duration, say, that answers do not repeat.
        raw: The last answer, without inline files.
    """

    id: str
    family: str
    kind: str = ""
    model: str = ""
    status: JobStatus = "queued"
    raw_status: str = ""
    progress: int | None = None
    error: str | None = None
    error_code: str | None = None
    is_blocked: bool = False
    videos: list[VideoFile] = field(default_factory=list)
    created_at: float | None = None
    expires_at: float | None = None
    external_task_id: str | None = None
    base_url: str = ""
    fields: dict[str, Any] = field(default_factory=dict)
    raw: dict[str, Any] = field(default_factory=dict, repr=False)

    @property
    def urls(self) -> list[str]:
        """The addresses of the result's videos, without frames, thumbnails and copies with a watermark."""
        return [file.url for file in self.videos if file.kind == "video" and file.url]

    @property
    def is_finished(self) -> bool:
        """Whether nothing changes any more."""
        return self.status in TERMINAL

    def take(self, update: JobUpdate) -> None:
        """Take what an answer says. A state that is final stays, whatever comes; fresh addresses of a result are taken.

        Warns once of a word for the state that is not known, which keeps the job going, and of what the answer notes.
        """
        if self.is_finished and update.status != self.status:
            return
        was_finished = self.is_finished
        if update.status is None and update.raw_status and update.raw_status != self.raw_status:
            warn(
                f"{self.family} says that job {self.id} is {update.raw_status[:60]!r}, which is not known: it is taken "
                "to be still going.",
                UnknownStatusWarning,
            )
        if update.status is not None:
            self.status = update.status
        elif update.raw_status and self.status == "queued":
            self.status = "running"
        self.raw_status = update.raw_status or self.raw_status
        self._take_progress(update)
        self.error, self.error_code = update.error or self.error, update.error_code or self.error_code
        self.is_blocked = self.is_blocked or update.is_blocked
        self.videos = update.videos or self.videos
        self.model = self.model or update.model or ""
        self.created_at = self.created_at or update.created_at
        self.expires_at = update.expires_at or self.expires_at
        self.external_task_id = update.external_task_id or self.external_task_id
        self.raw = update.raw or self.raw
        if not was_finished:
            for note in update.notes:
                warn(note)

    def _take_progress(self, update: JobUpdate) -> None:
        if self.status == "succeeded":
            self.progress = 100
        elif update.progress is not None and not (update.progress == 100 and self.is_finished):
            self.progress = max(update.progress, self.progress or 0)

    def failure(self) -> JobFailedError | None:
        """The error that the job's end is; None where it succeeded or still runs. For raising by the caller."""
        if self.status in {"queued", "running", "succeeded"}:
            return None
        reason = self.error or "no reason was given"
        code = f" (code {self.error_code})" if self.error_code and self.error_code not in reason else ""
        said = f"{self.family} job {self.id} {_ENDINGS[self.status]}: {reason.rstrip('.')}{code}."
        if self.is_blocked:
            said += " A content filter stopped it: another prompt or image may pass."
            return JobBlockedError(said, job=self, code=self.error_code)
        kinds: dict[str, type[JobFailedError]] = {"expired": JobExpiredError, "cancelled": JobCancelledError}
        return kinds.get(self.status, JobFailedError)(said, job=self)


def _hidden(value: Any, hide: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, dict):
        return {hide(key): _hidden(item, hide) for key, item in value.items()}
    return [_hidden(item, hide) for item in value] if isinstance(value, list) else value


class UnknownStatusWarning(TikHubAIWarning):
    """A job's state has a word that is not known; the job is taken to be still going."""


_ENDINGS = {"failed": "failed", "cancelled": "was cancelled", "expired": "expired"}
