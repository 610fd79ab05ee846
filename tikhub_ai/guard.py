"""The guard at an adapter's seam: an answer that a framework's classes refuse is kept, as an error's `partial`.

Codecs and adapters read odd answers as far as they go. What is left, such as a value that a framework validates more
strictly than any provider does, must not leave as that framework's own error, which holds nothing of an answer that was
paid for.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVar

from tikhub_ai.conversation import ChatReply
from tikhub_ai.deltas import Delta, End
from tikhub_ai.errors import InvalidResponseError, TikHubAIError

ItemT = TypeVar("ItemT")


def guarded(make: Callable[[], ItemT], reply: ChatReply) -> ItemT:
    """Put a whole answer into a framework's classes.

    Args:
        make: Does so.
        reply: The answer.

    Raises:
        InvalidResponseError: They refuse it. `.partial` is the answer.
    """
    try:
        return make()
    except (TikHubAIError, Warning):  # a warning that the caller turned into an error is none of the answer's
        raise
    except Exception as error:
        raise _refused(error, reply) from error


class GuardedStream(Generic[ItemT]):
    """Turns one stream's deltas into a framework's items. Subclasses implement `_item`.

    What the framework refuses in the midst of a stream is raised at its end, when the whole answer is there: until then
    no more items come.
    """

    _failure: Exception | None = None

    def _item(self, delta: Delta) -> ItemT | None:
        """What a delta makes; None where it makes nothing."""
        raise NotImplementedError

    def item(self, delta: Delta) -> ItemT | None:
        """What a delta makes; None where it makes nothing.

        Raises:
            InvalidResponseError: The stream has ended, and the framework refuses the answer. `.partial` is the answer.
        """
        if self._failure is None:
            try:
                return self._item(delta)
            except (TikHubAIError, Warning):
                raise
            except Exception as error:  # noqa: BLE001 - any that a framework's validation may raise
                self._failure = error
        if isinstance(delta, End) and self._failure is not None:
            raise _refused(self._failure, delta.reply) from self._failure
        return None


def _refused(error: Exception, reply: ChatReply) -> InvalidResponseError:
    return InvalidResponseError(
        f"The answer is odd, and cannot be put into the framework's classes ({type(error).__name__}): it is in this "
        "error's `partial`, as it came.",
        request_id=reply.request_id,
        partial=reply,
    )
