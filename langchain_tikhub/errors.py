"""Our errors that are also LangChain's.

Each class here is its namesake of `tikhub_ai` and the member of LangChain's `ModelError` family that means the same, so
both `except tikhub_ai.RateLimitError` and `except ModelRateLimitError` catch it, and LangChain's own retry and fallback
middlewares see `is_retryable` as the core set it. The tree among them is the core's.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from langchain_core.exceptions import (
    ContextOverflowError,
    ModelAPIError,
    ModelAuthenticationError,
    ModelConnectionError,
    ModelError,
    ModelInvalidRequestError,
    ModelPermissionDeniedError,
    ModelRateLimitError,
    ModelTimeoutError,
)
from langchain_core.exceptions import ModelNotFoundError as LangChainModelNotFoundError

import tikhub_ai

if TYPE_CHECKING:
    from collections.abc import Iterator


class TikHubAIError(tikhub_ai.TikHubAIError, ModelError):
    """Whatever goes wrong in a call of this package."""


class ConfigurationError(tikhub_ai.ConfigurationError, TikHubAIError, ModelInvalidRequestError):
    """A setting that cannot work. Raised before anything is sent."""


class MissingKeyError(tikhub_ai.MissingKeyError, ConfigurationError, ModelAuthenticationError):
    """No API key was found where the call needed it."""


class APIConnectionError(tikhub_ai.APIConnectionError, TikHubAIError, ModelConnectionError):
    """The gateway could not be reached, or the connection broke."""


class APITimeoutError(tikhub_ai.APITimeoutError, TikHubAIError, ModelTimeoutError):
    """No answer, or no further event of a stream, within the timeout."""


class IncompleteStreamError(tikhub_ai.IncompleteStreamError, TikHubAIError, ModelConnectionError):
    """A stream ended without its finish marker; `.partial` holds what had come."""


class InvalidResponseError(tikhub_ai.InvalidResponseError, TikHubAIError, ModelAPIError):
    """An answer that is not what the API promises."""


class APIStatusError(tikhub_ai.APIStatusError, TikHubAIError):
    """The gateway answered with an error, by its status or inside a 200."""


class BadRequestError(tikhub_ai.BadRequestError, APIStatusError, ModelInvalidRequestError):
    """The request is wrong; sending it again will not help."""


class InvalidRequestError(tikhub_ai.InvalidRequestError, BadRequestError):
    """The request is wrong in a way that shows before it is sent."""


class ContextWindowExceededError(tikhub_ai.ContextWindowExceededError, BadRequestError, ContextOverflowError):
    """Input and answer together are longer than the model's context window."""


class ContentBlockedError(tikhub_ai.ContentBlockedError, BadRequestError):
    """A content filter stopped the input or the answer."""


class AuthenticationError(tikhub_ai.AuthenticationError, APIStatusError, ModelAuthenticationError):
    """The key is missing, wrong, expired or disabled (401)."""


class PermissionDeniedError(tikhub_ai.PermissionDeniedError, APIStatusError, ModelPermissionDeniedError):
    """The key may not do this (403)."""


class InsufficientBalanceError(tikhub_ai.InsufficientBalanceError, PermissionDeniedError):
    """The account has no balance or quota left."""


class NotFoundError(tikhub_ai.NotFoundError, APIStatusError, LangChainModelNotFoundError):
    """No such path or thing at this base URL (404)."""


class ModelNotFoundError(tikhub_ai.ModelNotFoundError, NotFoundError):
    """The gateway does not serve this model to this key."""


class RateLimitError(tikhub_ai.RateLimitError, APIStatusError, ModelRateLimitError):
    """Too many requests, or the upstream is saturated (429)."""


class ServerError(tikhub_ai.ServerError, APIStatusError, ModelAPIError):
    """The gateway or its upstream failed (5xx)."""


class JobFailedError(tikhub_ai.JobFailedError, TikHubAIError):
    """A job, such as a video, ended without a result."""


class JobBlockedError(tikhub_ai.JobBlockedError, JobFailedError, ContentBlockedError):
    """A content filter stopped the job's input or its result."""


class JobExpiredError(tikhub_ai.JobExpiredError, JobFailedError):
    """The job was not done in the time that it had, or its result is no longer kept."""


class JobCancelledError(tikhub_ai.JobCancelledError, JobFailedError):
    """The job was cancelled before it was done."""


class JobTimeoutError(tikhub_ai.JobTimeoutError, TikHubAIError, ModelTimeoutError):
    """The job was not done when the caller's time was over. It still runs, and may be billed."""


class DownloadError(tikhub_ai.DownloadError, TikHubAIError):
    """A result is there, but could not be fetched whole."""


class LostCreateError(tikhub_ai.LostCreateError, TikHubAIError):
    """No usable answer came to a create that the server may have acted on."""


_TWINS: dict[type[tikhub_ai.TikHubAIError], type[TikHubAIError]] = {
    twin.__bases__[0]: twin
    for twin in (
        TikHubAIError,
        ConfigurationError,
        MissingKeyError,
        APIConnectionError,
        APITimeoutError,
        IncompleteStreamError,
        InvalidResponseError,
        APIStatusError,
        BadRequestError,
        InvalidRequestError,
        ContextWindowExceededError,
        ContentBlockedError,
        AuthenticationError,
        PermissionDeniedError,
        InsufficientBalanceError,
        NotFoundError,
        ModelNotFoundError,
        RateLimitError,
        ServerError,
        JobFailedError,
        JobBlockedError,
        JobExpiredError,
        JobCancelledError,
        JobTimeoutError,
        DownloadError,
        LostCreateError,
    )
}


@contextmanager
def model_errors() -> Iterator[None]:
    """Errors of the core leave as members of LangChain's family too.

    The exception stays the same object: only its class becomes the twin's. So its traceback, cause and attributes are
    the core's, and no second exception is chained to it.
    """
    try:
        yield
    except tikhub_ai.TikHubAIError as error:
        if (twin := _TWINS.get(type(error))) is not None:
            error.__class__ = twin
        raise
