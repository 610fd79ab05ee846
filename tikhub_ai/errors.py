"""The error tree. `error_bodies` tells how an answer becomes one of its members.

```
TikHubAIError
  ConfigurationError > MissingKeyError
  APIConnectionError
  APITimeoutError
  IncompleteStreamError
  InvalidResponseError
  APIStatusError
    BadRequestError > ContextWindowExceededError, ContentBlockedError, InvalidRequestError (found before sending)
    AuthenticationError
    PermissionDeniedError > InsufficientBalanceError
    NotFoundError > ModelNotFoundError
    RateLimitError
    ServerError
  JobFailedError > JobBlockedError (also a ContentBlockedError), JobExpiredError, JobCancelledError
  JobTimeoutError
  DownloadError
  LostCreateError
```

No member holds an `httpx` or `aiohttp` object, since those hold the request's headers and with them the key.
"""

from __future__ import annotations

import warnings
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import orjson

from tikhub_ai.server_text import printable

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(slots=True, frozen=True)
class ResponseInfo:
    """The answer that an error speaks of: status, headers without credentials, body.

    Attributes:
        status_code: HTTP status.
        headers: Response headers, lower case, without `set-cookie`.
        body: The bytes as they came, decompressed, with our key masked should the server have echoed it.
    """

    status_code: int
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        """The body as text; bytes that are not UTF-8 are replaced."""
        return self.body.decode("utf-8", "replace")

    def json(self) -> Any:
        """The body as JSON.

        Raises:
            ValueError: It is not JSON.
        """
        return orjson.loads(self.body)


class TikHubAIError(Exception):
    """Whatever goes wrong in this library, in a sentence that says what to do.

    Attributes:
        message: That sentence.
        is_retryable: Whether the same call may succeed later.
        job: The `VideoJob` that it is about; None where there is none.
        partial: What had come, and was paid for, before it went wrong: of a stream a `ChatReply` or a `Transcript`, of
            embeddings a dict of vectors by the positions of their texts. None where nothing had.
        positions: Of embeddings, the positions of the texts that could not be embedded; else None.
    """

    is_retryable: bool = False
    job: Any = None
    partial: Any = None
    positions: Any = None

    def __init__(self, message: str) -> None:
        message = printable(message)
        super().__init__(message)
        self.message = message

    def __reduce__(self) -> tuple[Any, ...]:
        """Errors cross process borders; the default would call `__init__` with the message alone."""
        return _rebuild, (type(self), self.args, self.__dict__)


def _rebuild(kind: type[TikHubAIError], args: tuple[Any, ...], attributes: dict[str, Any]) -> TikHubAIError:
    error = kind.__new__(kind, *args)
    error.args = args
    error.__dict__.update(attributes)
    return error


class ConfigurationError(TikHubAIError, ValueError):
    """A setting that cannot work. Raised before anything is sent."""


class MissingKeyError(ConfigurationError):
    """No API key was found where the call needed it."""


class APIConnectionError(TikHubAIError):
    """The gateway could not be reached, or the connection broke.

    Attributes:
        may_have_been_sent: False only where the request surely never reached the server.
    """

    is_retryable = True

    def __init__(self, message: str, *, may_have_been_sent: bool = True) -> None:
        super().__init__(message)
        self.may_have_been_sent = may_have_been_sent


class APITimeoutError(TikHubAIError, TimeoutError):
    """No answer, or no further event of a stream, within the timeout.

    Attributes:
        may_have_been_sent: False only where the request surely never reached the server.
        partial: The answer so far, where a stream fell silent: a `ChatReply`, or a `Transcript`.
    """

    is_retryable = True

    def __init__(self, message: str, *, may_have_been_sent: bool = True) -> None:
        super().__init__(message)
        self.may_have_been_sent = may_have_been_sent
        self.partial: Any = None


class IncompleteStreamError(TikHubAIError):
    """A stream ended without its finish marker: the answer is cut, however complete it looks.

    Attributes:
        partial: What had come: a `ChatReply`, or a `Transcript`. Both have `text`.
    """

    is_retryable = True

    def __init__(self, message: str, *, partial: Any = None) -> None:
        super().__init__(message)
        self.partial = partial


class _ResponseError(TikHubAIError):
    """What errors that come from an answer share."""

    def __init__(
        self,
        message: str,
        *,
        status_code: int | None = None,
        code: str | None = None,
        type: str | None = None,  # noqa: A002 - the wire's own word, and openai's
        param: str | None = None,
        request_id: str | None = None,
        response: ResponseInfo | None = None,
        retry_after: float | None = None,
        partial: Any = None,
    ) -> None:
        super().__init__(message)
        self.status_code = status_code
        self.code = code
        self.type = type
        self.param = param
        self.request_id = request_id
        self.response = response
        self.retry_after = retry_after
        self.partial = partial


class InvalidResponseError(_ResponseError):
    """An answer that is not what the API promises: HTML, empty, not JSON, too few embeddings.

    Attributes:
        status_code: HTTP status, or None.
        request_id: The gateway's id of the call, or None.
        response: The answer, or None where it is too large to keep.
    """


class APIStatusError(_ResponseError):
    """The gateway answered with an error, by its status or inside a 200.

    Attributes:
        status_code: HTTP status; for an error inside a stream, the one it stands for. None where nothing was sent.
        code: The body's `code`, as text.
        type: The body's `type`.
        param: The body's `param`: the field it speaks of.
        request_id: The gateway's id of the call, from a header or the message.
        response: The answer: `.status_code`, `.headers`, `.text`, `.json()`.
        retry_after: Seconds that the server asks to wait.
        partial: For an error inside a stream, the answer so far.
    """


class BadRequestError(APIStatusError):
    """The request is wrong; sending it again will not help (400, 413, 422)."""


class InvalidRequestError(BadRequestError, ValueError):
    """The request is wrong in a way that shows before it is sent; `status_code` and `response` are None."""


class ContextWindowExceededError(BadRequestError):
    """Input and answer together are longer than the model's context window."""


class ContentBlockedError(BadRequestError):
    """A content filter stopped the input or the answer."""


class AuthenticationError(APIStatusError):
    """The key is missing, wrong, expired or disabled (401)."""


class PermissionDeniedError(APIStatusError):
    """The key may not do this (403)."""


class InsufficientBalanceError(PermissionDeniedError):
    """The account has no balance or quota left."""


class NotFoundError(APIStatusError):
    """No such path or thing at this base URL (404)."""


class ModelNotFoundError(NotFoundError):
    """The gateway does not serve this model to this key (404, or 503 with `model_not_found`)."""


class RateLimitError(APIStatusError):
    """Too many requests, or the upstream is saturated (429). `retry_after` holds the seconds asked for, or None."""


class ServerError(APIStatusError):
    """The gateway or its upstream failed (5xx)."""


class JobFailedError(TikHubAIError):
    """A job, such as a video, ended without a result. Asking for it again makes, and bills, a new one.

    Attributes:
        job: The job as last seen.
    """

    def __init__(self, message: str, *, job: Any = None) -> None:
        super().__init__(message)
        self.job = job


class JobBlockedError(JobFailedError, ContentBlockedError):
    """A content filter stopped the job's input or its result. Another prompt or image may pass.

    Attributes:
        job: The job as last seen.
        code: The filter's own word, such as `moderation_blocked`; None where it said none.
    """

    def __init__(self, message: str, *, job: Any = None, code: str | None = None) -> None:
        ContentBlockedError.__init__(self, message, code=code)
        self.job = job


class JobExpiredError(JobFailedError):
    """The job was not done in the time that it had, or its result is no longer kept."""


class JobCancelledError(JobFailedError):
    """The job was cancelled before it was done."""


class JobTimeoutError(TikHubAIError, TimeoutError):
    """The job was not done when the caller's time was over. It still runs, and may be billed: do not create it again.

    Attributes:
        job: The job as last seen; wait for it again by its own methods, or load it by its id later.
    """

    def __init__(self, message: str, *, job: Any = None) -> None:
        super().__init__(message)
        self.job = job


class DownloadError(TikHubAIError):
    """A result is there, but could not be fetched whole. The job is done: download it again, do not create it again.

    Attributes:
        job: The job whose result it is.
        response: What came in its place, such as an error in JSON; None where the connection failed.
        retry_after: Seconds that the server asks to wait.
    """

    def __init__(self, message: str, *, job: Any = None, response: ResponseInfo | None = None) -> None:
        super().__init__(message)
        self.job = job
        self.response = response
        self.retry_after: float | None = None


class LostCreateError(TikHubAIError):
    """No usable answer came to a create that the server may have acted on: a job may have been made and billed.

    Attributes:
        request: What was asked, without headers.
        external_task_id: The caller's own id of the job, by which Kling finds it; None where none was given.
        response: What the server answered, if anything.
    """

    def __init__(
        self,
        message: str,
        *,
        request: Any = None,
        external_task_id: str | None = None,
        response: ResponseInfo | None = None,
    ) -> None:
        super().__init__(message)
        self.request = request
        self.external_task_id = external_task_id
        self.response = response


class TikHubAIWarning(UserWarning):
    """Something asked for was left out or changed, because the model or its wire cannot express it."""


class IncompleteStreamWarning(TikHubAIWarning):
    """A stream ended without its finish marker, and `incomplete_stream="warn"` asked for no error."""


def check_whole(least: int, **settings: object) -> None:
    """Look at settings that count something.

    Args:
        least: The smallest that can work.
        **settings: By their names.

    Raises:
        ConfigurationError: One of them is no whole number, or is too small.
    """
    for name, value in settings.items():
        if isinstance(value, bool) or not isinstance(value, int) or value < least:
            raise ConfigurationError(f"{name} must be a whole number from {least} up, not {value!r}.")


def warn(message: str, category: type[TikHubAIWarning] = TikHubAIWarning) -> None:
    """Warn the caller. The frame is ours, so Python shows each message once."""
    if not _is_silent.get():
        warnings.warn(printable(message), category, stacklevel=2)


_is_silent: ContextVar[bool] = ContextVar("tikhub_ai_is_silent", default=False)


@contextmanager
def silence() -> Iterator[None]:
    """Within it, `warn` says nothing: for what is tried and not sent. Of this thread and task alone."""
    token = _is_silent.set(True)
    try:
        yield
    finally:
        _is_silent.reset(token)
