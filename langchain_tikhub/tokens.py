"""An honest estimate of token counts: offline, without any vocabulary.

The rates are those of the common vocabularies (o200k, Claude's, Gemini's) on ordinary text.
"""

from __future__ import annotations

import json
import re
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol, assert_never
from weakref import finalize

from langchain_tikhub.history import to_conversation
from langchain_tikhub.tools import bound_tools, wire_tools
from tikhub_ai import (
    Document,
    Media,
    MissingKeyError,
    Opaque,
    Reasoning,
    Refusal,
    ServerToolCall,
    ServerToolResult,
    Text,
    TikHubAIError,
    ToolCall,
    ToolResult,
    choose_api,
    warn,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from langchain_core.messages import BaseMessage

    from tikhub_ai import AnyPart, ChatAPI, ChatClient, ChatRequest

_PIECES = re.compile(r"[A-Za-z]+|[0-9]+|\s+|[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff]|[^\x00-\x7f]|.", re.DOTALL)
_LETTERS_PER_TOKEN = 6
_DIGITS_PER_TOKEN = 3
_PER_MESSAGE = 4
_PER_MEDIA = {"image": 800, "audio": 800, "video": 2000, "file": 2000}


class CountingModel(Protocol):
    """What of a ChatTikHub counting needs."""

    model: str
    api: ChatAPI
    custom_get_token_ids: Callable[[str], list[int]] | None

    def get_num_tokens(self, text: str) -> int:
        """About how many tokens a text is."""
        ...

    def _prepared(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[ChatClient, ChatRequest]:
        """The client and the request of a call."""
        ...


def estimated_tokens(text: str) -> int:
    """About how many tokens a text is."""
    count = 0.0
    for match in _PIECES.finditer(text):
        piece = match.group()
        first = piece[0]
        if first.isascii() and first.isalpha():
            count += -(-len(piece) // _LETTERS_PER_TOKEN)
        elif first.isdigit() and first.isascii():
            count += -(-len(piece) // _DIGITS_PER_TOKEN)
        elif first.isspace():
            count += 0 if piece == " " else 1
        elif first.isascii():
            count += 0.8
        else:
            count += 0.9 if "\u2e80" <= first <= "\ufaff" else 0.5
    return round(count)


def message_tokens(llm: CountingModel, messages: Sequence[BaseMessage], tools: Sequence[Any]) -> int:
    """How many input tokens messages and tools are: as the provider counts them where it can be asked, else about.

    Args:
        llm: The model.
        messages: The history.
        tools: What the model may call, in any form.
    """
    count = None
    with _no_fault():
        if (asked := _question(llm, messages, tools)) is not None:
            count = asked[0].count_tokens(asked[1])
    return estimated_message_tokens(messages, tools, llm.get_num_tokens) if count is None else count


async def amessage_tokens(llm: CountingModel, messages: Sequence[BaseMessage], tools: Sequence[Any]) -> int:
    """`message_tokens`, async."""
    count = None
    with _no_fault():
        if (asked := _question(llm, messages, tools)) is not None:
            count = await asked[0].acount_tokens(asked[1])
    return estimated_message_tokens(messages, tools, llm.get_num_tokens) if count is None else count


def _question(
    llm: CountingModel, messages: Sequence[BaseMessage], tools: Sequence[Any]
) -> tuple[ChatClient, ChatRequest] | None:
    """What to ask the provider, or None where it is not to be asked."""
    if llm.custom_get_token_ids is not None or choose_api(llm.model, llm.api) != "messages":
        return None
    client, request = llm._prepared([*messages], None, bound_tools(tools, None, None))  # noqa: SLF001 - ours
    if id(llm) not in _REFUSALS:
        finalize(llm, _REFUSALS.pop, id(llm), None)
    client.counts_nothing = _REFUSALS.setdefault(id(llm), client.counts_nothing)
    return client, request


_REFUSALS: dict[int, Any] = {}
"""`ChatClient.counts_nothing` of each living model, since each of its calls makes a client."""


@contextmanager
def _no_fault() -> Iterator[None]:
    """Within it, a call that fails leaves the tokens to be estimated, with a warning that says why."""
    try:
        yield
    except MissingKeyError:
        pass
    except TikHubAIError as error:
        warn(f"The tokens are estimated, since the gateway did not count them: {error}")


def estimated_message_tokens(messages: Sequence[BaseMessage], tools: Sequence[Any], count: Callable[[str], int]) -> int:
    """About how many input tokens messages and tools are.

    Args:
        messages: The history.
        tools: What the model may call, in any form.
        count: Counts a text.
    """
    total = sum(count(json.dumps(wire, ensure_ascii=False)) for tool in tools for wire in wire_tools(tool))
    for message in to_conversation(messages):
        total += _PER_MESSAGE + sum(_part(part, count) for part in message.parts)
    return total


def _part(part: AnyPart, count: Callable[[str], int]) -> int:
    match part:
        case Text() | Reasoning() | Refusal():
            return count(part.text)
        case ToolCall():
            return count(part.name) + count(part.arguments) + _PER_MESSAGE
        case ToolResult() | Document():
            return sum(_part(inner, count) for inner in part.content)
        case Media():
            return _PER_MEDIA[part.kind]
        case Opaque():
            return count(json.dumps(part.value, ensure_ascii=False, default=str))
        case ServerToolCall() | ServerToolResult():
            return _PER_MESSAGE
        case _:
            assert_never(part)
