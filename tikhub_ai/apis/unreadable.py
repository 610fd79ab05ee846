"""What stands around the reading of answers: what a codec could not read is an error of the tree.

Codecs read every field whatever stands in it (`tikhub_ai.apis.fields`). Should one fail all the same, the caller gets
an `InvalidResponseError`, never the codec's own exception: that belongs to no tree, and its frames hold the answer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from tikhub_ai.error_bodies import request_id_of
from tikhub_ai.errors import InvalidResponseError, TikHubAIError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tikhub_ai.wire import ApiResponse

T = TypeVar("T")


def in_the_tree(error: Exception) -> TikHubAIError:
    """The error to raise for one that left a codec, outside the handler, so that it holds none of the codec's frames.

    Raises:
        Warning: A warning that the caller has turned into an error passes.
    """
    if isinstance(error, TikHubAIError):
        return error
    if isinstance(error, Warning):
        raise error
    return InvalidResponseError(
        f"The answer has a form that cannot be read ({type(error).__name__}). It may be a fault of the gateway, or a "
        "form that this version does not know: look at .response, and report it."
    )


def readable(read: Callable[[ApiResponse], T]) -> Callable[[ApiResponse], T]:
    """A reader of whole answers whose failures are errors of the tree, with the answer that they speak of."""

    def reading(response: ApiResponse) -> T:
        try:
            return read(response)
        except TikHubAIError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a codec's code raises at a value that it did not expect
            found = in_the_tree(error)
        if isinstance(found, InvalidResponseError):
            found.status_code, found.response = response.status_code, response.info
            found.request_id = request_id_of(response.headers)
        raise found

    return reading
