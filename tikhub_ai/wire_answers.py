"""Pieces of an answer in their wire's own form, as the parts that our own client would have made of them. Pure.

The vendors' classes keep what their provider must get back (signatures, encrypted reasoning, items) as the wire gave
it, each in places of its own. An adapter finds these places and puts the wire's form together again; the API's decoder
reads it, so that a history that another class began goes on as one of ours would.
"""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import TYPE_CHECKING, Any, cast

from tikhub_ai.catalog import ModelFacts
from tikhub_ai.conversation import AnyPart, ChatRequest, Issuer
from tikhub_ai.errors import TikHubAIError

if TYPE_CHECKING:
    from tikhub_ai.apis import ChatCodec


def parts_of_wire(issuer: Issuer, block: Mapping[str, Any]) -> list[AnyPart]:
    """A piece of an answer as parts.

    Args:
        issuer: Whose answer it is: the API says which form the piece has.
        block: A content block of messages, an output item of responses, a part of generate_content's content, or a
            message of chat_completions. Not changed.

    Returns:
        Its parts with their state; none where it is not of that form.
    """
    codec = cast("ChatCodec", import_module(f"tikhub_ai.apis.{issuer.api}"))
    decoder = codec.decoder(ChatRequest(model=issuer.family, messages=[]), ModelFacts(family=issuer.family))
    try:
        decoder.body(_answer_of(issuer.api, dict(block)))
    except TikHubAIError:
        return []
    return decoder.accumulator.reply().parts


def _answer_of(api: str, block: dict[str, Any]) -> dict[str, Any]:
    match api:
        case "messages":
            return {"type": "message", "content": [block]}
        case "responses":
            return {"status": "completed", "output": [block]}
        case "generate_content":
            return {"candidates": [{"content": {"role": "model", "parts": [block]}}]}
        case _:
            return {"choices": [{"message": block}]}
