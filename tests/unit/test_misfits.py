"""What is said of a request that cannot be encoded: where in it the fault lies."""

from __future__ import annotations

from typing import Any

import pytest

from tests.fuzz.answers import CHAT_APIS
from tests.fuzz.test_requests import request_of
from tikhub_ai import (
    ChatClient,
    ChatRequest,
    InvalidRequestError,
    Media,
    Message,
    Settings,
    Text,
    Tool,
)
from tikhub_ai.misfits import misfit

ODD: Any = 5


def asked(**fields: Any) -> ChatRequest:
    return ChatRequest(**{"model": "m", "messages": [Message("user", [Text("hi")])], **fields})


LOOP: dict[str, Any] = {"type": "object"}
LOOP["properties"] = {"a": LOOP}


@pytest.mark.parametrize(
    ("request_", "place"),
    [
        (asked(messages=[Message("user", [Text(ODD)])]), "messages[0].parts[0].text"),
        (asked(messages=[Message("user", [ODD])]), "messages[0].parts[0]"),
        (asked(messages=[ODD]), "messages[0]"),
        (asked(messages=[Message("user", [Media("image", data=ODD)])]), "messages[0].parts[0].data"),
        (asked(temperature="hot"), "temperature"),
        (asked(stop=["END", ODD]), "stop[1]"),
        (asked(tools=[Tool("f"), Tool("g", parameters=ODD)]), "tools[1].parameters"),
        (asked(logit_bias={"5": "x"}), "logit_bias.5"),
        (asked(thinking=ODD), "thinking"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_first_value_of_another_type_is_found(request_: ChatRequest, place: str) -> None:
    found = misfit(request_)
    assert found is not None
    assert found.place == place


@pytest.mark.parametrize("api", CHAT_APIS)
def test_nothing_is_found_where_nothing_is_wrong(api: str) -> None:
    assert misfit(request_of(api)) is None


def test_a_value_of_the_right_type_that_a_codec_fails_at_is_named() -> None:
    client = ChatClient(Settings(api_key="sk-test", base_url="http://127.0.0.1:9"), api="generate_content")
    with pytest.raises(InvalidRequestError, match=r"cannot be encoded: tools\[1\] has a form") as caught:
        client.complete(asked(tools=[Tool("f"), Tool("g", parameters=LOOP)]))
    assert caught.value.__context__ is None
    client = ChatClient(Settings(api_key="sk-test", base_url="http://127.0.0.1:9"), api="messages")
    with pytest.raises(InvalidRequestError, match=r"cannot be encoded: native\.betas has a form"):
        client.complete(asked(native={"betas": 5}))
