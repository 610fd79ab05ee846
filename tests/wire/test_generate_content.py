"""Every recorded generate_content exchange, beside what google-genai's types make of the same bytes."""

from __future__ import annotations

import base64
import json
import warnings
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from google.genai import types

from tests import gemini_types
from tests.streams import end_of, items_of, pieces_of
from tests.wire.reading import continued
from tests.wire.recordings import Exchange, exchanges, named, needs_recordings
from tikhub_ai import (
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ChatClient,
    ChatReply,
    ChatRequest,
    End,
    IncompleteStreamError,
    InsufficientBalanceError,
    Media,
    Message,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    Reasoning,
    ServerToolCall,
    ServerToolResult,
    Settings,
    Text,
    TextDelta,
)
from tikhub_ai.apis import generate_content
from tikhub_ai.catalog import facts
from tikhub_ai.chat import ChatReader
from tikhub_ai.errors import TikHubAIWarning

if TYPE_CHECKING:
    from tikhub_ai import Delta

pytestmark = needs_recordings
MODEL = "gemini-3-flash-preview"
API = "generate_content"
ANSWERS = exchanges(API, "answer")
ERRORS = exchanges(API, "refused")
_FINISHED = {"STOP": "stop", "MAX_TOKENS": "length"} | dict.fromkeys(
    ("SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "MODEL_ARMOR", "LANGUAGE", "IMAGE_SAFETY",
     "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION"),
    "content_filter",
)  # fmt: skip
_ERRORS: dict[int, tuple[type[APIStatusError], ...]] = {
    400: (BadRequestError, AuthenticationError),  # Google says API_KEY_INVALID with 400
    401: (AuthenticationError,),
    403: (PermissionDeniedError,),
    404: (NotFoundError, ModelNotFoundError),
    429: (RateLimitError, InsufficientBalanceError),
}
HELLO = ChatRequest(model=MODEL, messages=[Message("user", [Text("as recorded")])])
_FINISH_NUMBERS = {1: "STOP", 2: "MAX_TOKENS"}
_MODALITY_NUMBERS = {1: "TEXT", 2: "IMAGE", 3: "VIDEO", 4: "AUDIO", 5: "DOCUMENT"}


def client_of(exchange: Exchange, *, is_async: bool = False) -> ChatClient:
    transport = httpx.MockTransport(
        lambda _: httpx.Response(exchange.status, headers=exchange.headers, content=exchange.body)
    )
    clients: dict[str, Any] = {"http_client": httpx.Client(transport=transport)}
    if is_async:
        clients = {"http_async_client": httpx.AsyncClient(transport=transport)}
    return ChatClient(
        Settings(api_key="sk-test", base_url="http://gateway.test", max_retries=0, **clients), api="generate_content"
    )


async def all_ways(exchange: Exchange) -> list[ChatReply]:
    """The reply, read each way that fits the exchange: sync and async."""
    if not exchange.is_stream and not exchange.body.lstrip().startswith(b"["):
        return [client_of(exchange).complete(HELLO), await client_of(exchange, is_async=True).acomplete(HELLO)]
    sync = list(client_of(exchange).stream(HELLO))
    other = [delta async for delta in client_of(exchange, is_async=True).astream(HELLO)]
    assert sync == other
    end = end_of(sync)
    assert [delta for delta in sync if isinstance(delta, End)] == [end]
    assert "".join(delta.text for delta in sync if isinstance(delta, TextDelta)) == end.reply.text
    return [end.reply, end_of(other).reply]


@dataclass
class Theirs:
    """What the SDK's types read in an answer, folded."""

    text: str = ""
    thoughts: str = ""
    calls: list[tuple[str | None, dict[str, Any] | None, str | None]] = field(default_factory=list)
    media: bytes = b""
    signatures: list[bytes] = field(default_factory=list)
    finish: str | None = None
    usage: types.GenerateContentResponseUsageMetadata | None = None
    model: str | None = None
    id: str | None = None
    has_partial_args: bool = False


def sdk_reading(exchange: Exchange) -> Theirs:
    theirs = Theirs()
    for payload in exchange.payloads:
        response = types.GenerateContentResponse._from_response(response=_named(payload), kwargs={})
        theirs.usage = response.usage_metadata or theirs.usage
        theirs.model, theirs.id = theirs.model or response.model_version, theirs.id or response.response_id
        for candidate in response.candidates or []:
            if candidate.index:
                continue  # another answer
            theirs.finish = candidate.finish_reason.value if candidate.finish_reason else theirs.finish
            for part in (candidate.content and candidate.content.parts) or []:
                if part.thought_signature:
                    theirs.signatures.append(part.thought_signature)
                if part.text and part.thought:
                    theirs.thoughts += part.text
                elif part.text:
                    theirs.text += part.text
                if part.inline_data and part.inline_data.data and not part.thought:
                    theirs.media += part.inline_data.data
                if part.function_call:
                    theirs.has_partial_args |= bool(part.function_call.will_continue)
                    call = part.function_call
                    theirs.calls.append((call.name, call.args or {}, call.id))
    return theirs


def _named(payload: dict[str, Any]) -> dict[str, Any]:
    """Vertex's numbered enums by name: the SDK's types do not know the numbers."""
    named: dict[str, Any] = json.loads(json.dumps(payload))
    for candidate in named.get("candidates", []):
        if isinstance(candidate.get("finishReason"), int):
            candidate["finishReason"] = _FINISH_NUMBERS.get(candidate["finishReason"], "OTHER")
    usage = named.get("usageMetadata", {})
    if isinstance(usage.get("trafficType"), int):
        del usage["trafficType"]
    for details in usage.values():
        for item in details if isinstance(details, list) else []:
            item["modality"] = _MODALITY_NUMBERS.get(item["modality"], item["modality"])
    return named


def signatures_of(reply: ChatReply) -> list[bytes]:
    states = [part.state or {} for part in reply.parts]
    return [decoded(state["thoughtSignature"]) for state in states if "thoughtSignature" in state]


def decoded(signature: str) -> bytes:
    return base64.b64decode(signature.replace("-", "+").replace("_", "/"))


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_text_thoughts_calls_signatures_and_usage_agree_with_the_sdks_types(exchange: Exchange) -> None:
    theirs = sdk_reading(exchange)
    for ours in await all_ways(exchange):
        assert ours.text == theirs.text
        assert ours.reasoning == theirs.thoughts
        assert signatures_of(ours) == theirs.signatures
        assert b"".join(decoded(part.data or "") for part in ours.parts if isinstance(part, Media)) == theirs.media
        assert (ours.model, ours.id) == (theirs.model, theirs.id)
        if not theirs.has_partial_args:
            mine = [(call.name, json.loads(call.arguments), (call.state or {}).get("id")) for call in ours.tool_calls]
            assert mine == theirs.calls
        assert ours.choices[0].extras.get("finishReason") == theirs.finish
        finished = theirs.finish and _FINISHED.get(theirs.finish, theirs.finish.lower())
        assert ours.finish_reason == ("tool_calls" if ours.tool_calls and finished == "stop" else finished)
        assert (ours.usage is None) is (theirs.usage is None)
        if ours.usage is not None and theirs.usage is not None:
            prompt = (theirs.usage.prompt_token_count or 0) + (theirs.usage.tool_use_prompt_token_count or 0)
            answer = (theirs.usage.candidates_token_count or 0) + (theirs.usage.thoughts_token_count or 0)
            assert (ours.usage.input_tokens, ours.usage.output_tokens) == (prompt, answer)
            assert ours.usage.total_tokens == (theirs.usage.total_token_count or prompt + answer)
            assert ours.usage.output_details.get("reasoning") == theirs.usage.thoughts_token_count


@pytest.mark.parametrize("exchange", named(API, "google-google-stream-tool-call-arguments-chunks[0]"))
async def test_arguments_that_come_value_by_value_are_whole_calls_in_the_end(exchange: Exchange) -> None:
    for ours in await all_ways(exchange):
        assert [(call.name, call.arguments) for call in ours.tool_calls] == [
            ("getWeather", '{"location":"Boston"}'),
            ("getWeather", '{"location":"San Francisco"}'),
        ]
        assert len({call.id for call in ours.tool_calls}) == 2


@pytest.mark.parametrize("exchange", named(API, "anthropic_gemini-test-receive-history-from-another-provider[1]"))
async def test_code_that_google_runs_is_parts_in_their_order(exchange: Exchange) -> None:
    code = (await all_ways(exchange))[0]
    kinds = [type(part) for part in code.parts]
    assert kinds == [ServerToolCall, ServerToolResult, ServerToolCall, ServerToolResult, Text]
    call, result = code.parts[2:4]
    assert isinstance(call, ServerToolCall)
    assert isinstance(result, ServerToolResult)
    assert call.arguments == {"code": "print(37170 * 12390)", "language": "PYTHON"}
    assert result.tool_call_id == call.id
    assert result.output["output"] == "460536300\n"


@pytest.mark.parametrize("exchange", named(API, "gemini-test-google-model-file-search-grounding-gemini-3-true[3]"))
async def test_searches_that_google_runs_are_parts_in_their_order(exchange: Exchange) -> None:
    search = (await all_ways(exchange))[0]
    assert [type(part) for part in search.parts] == [ServerToolCall, ServerToolResult, Text, Text]
    call, text = search.parts[0], search.parts[2]
    assert isinstance(call, ServerToolCall)
    assert isinstance(text, Text)
    assert call.name == "file_search"
    (citation,) = text.citations
    assert text.text[citation.start : citation.end] == "The capital of France is **Paris**."
    assert citation.cited_text == "Paris is the capital of France. The Eiffel Tower is a famous landmark in Paris.\n"


# --- replay ---------------------------------------------------------------------------------------------------------


def sent_back(reply: ChatReply, model: str) -> dict[str, Any]:
    messages = continued(reply)
    encoded = generate_content.encode(ChatRequest(model=model, messages=messages), facts(model), stream=False)
    assert gemini_types.problems(encoded.body) == []
    body: dict[str, Any] = encoded.body
    return body


def wire_parts(exchange: Exchange) -> list[dict[str, Any]]:
    """The answer's parts as the wire gave them: pieces of one unsigned text are one, empty ones none."""
    parts: list[dict[str, Any]] = []
    for payload in exchange.payloads:
        for candidate in payload.get("candidates", []):
            for part in [] if candidate.get("index") else candidate.get("content", {}).get("parts", []):
                if part.keys() <= {"text", "thought"} and not part.get("text"):
                    continue
                if call := part.get("functionCall"):
                    call.setdefault("args", {})
                sound = _sound(part)
                if parts and sound is not None and _sound(parts[-1]) is not None:
                    whole = decoded(parts[-1]["inlineData"]["data"]) + decoded(sound)
                    parts[-1] = {"inlineData": {**part["inlineData"], "data": base64.b64encode(whole).decode()}}
                    continue
                if parts and "text" in part and part.keys() == parts[-1].keys() and "thoughtSignature" not in part:
                    parts[-1] = {**part, "text": parts[-1]["text"] + part["text"]}
                else:
                    parts.append(part)
    return parts


def _sound(part: dict[str, Any]) -> str | None:
    """The data of unsigned speech, whose pieces are one recording."""
    blob = part.get("inlineData", {})
    return blob["data"] if part.keys() == {"inlineData"} and blob.get("mimeType", "").startswith("audio/") else None


@pytest.mark.parametrize(
    "exchange",
    [param for param in ANSWERS if b'"willContinue"' not in param.values[0].body],  # those go back as whole calls
)
async def test_an_answer_goes_back_to_its_issuer_as_it_came(exchange: Exchange) -> None:
    came = wire_parts(exchange)
    for reply in await all_ways(exchange):
        said = [content["parts"] for content in sent_back(reply, MODEL)["contents"] if content["role"] == "model"]
        for ours, theirs in zip([part for parts in said for part in parts], came, strict=False):
            if "functionCall" in ours and "thoughtSignature" not in theirs:
                ours.pop("thoughtSignature", None)  # a call has its sibling's, or the documented bypass
        if reply.refusal:  # said in the model's place
            came = [*wire_parts(exchange), {"text": reply.refusal}]
        assert said == ([came] if came else [])


@pytest.mark.parametrize("exchange", ANSWERS)
async def test_an_answer_goes_to_another_issuer_without_what_only_its_own_can_read(exchange: Exchange) -> None:
    reply = (await all_ways(exchange))[0]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        body = sent_back(reply, "gemma-3-27b-it")
    assert "thoughtSignature" not in json.dumps(body)
    lost = [part for part in reply.parts if isinstance(part, Reasoning | ServerToolCall | ServerToolResult)]
    assert [warning.category for warning in caught] == [TikHubAIWarning] * bool(lost)


# --- errors ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("exchange", ERRORS)
async def test_an_error_is_typed_and_keeps_what_the_wire_said(exchange: Exchange) -> None:
    said = (exchange.payloads or [{}])[0].get("error", {})
    expected = _ERRORS.get(exchange.status, (APIStatusError,))
    with pytest.raises(expected) as caught:
        client_of(exchange).complete(HELLO)
    error = caught.value
    assert error.status_code == exchange.status
    assert not said or (error.code, error.type) == (str(said["code"]), said["status"])
    reasons = {detail.get("reason") for detail in said.get("details", [])}
    assert isinstance(error, AuthenticationError) or "API_KEY_INVALID" not in reasons
    waits = [detail["retryDelay"] for detail in said.get("details", []) if "retryDelay" in detail]
    assert error.retry_after == (float(waits[0].removesuffix("s")) if waits else None)
    with pytest.raises(type(error)):
        list(client_of(exchange).stream(HELLO))
    with pytest.raises(type(error)):
        await client_of(exchange, is_async=True).acomplete(HELLO)


# --- cut at every byte ----------------------------------------------------------------------------------------------

CUT = [
    "gemini-test-google-model-file-search-grounding-gemini-3-true[3]",
    "gemini-test-native-output-with-function-tools-stream[0]",
    "google-google-stream-tool-call-arguments-chunks[0]",
]
CUT_ARRAYS = ["gemini-test-tools-with-gemini-3-thought-signatures[1]"]


def read(body: bytes, content_type: str, size: int) -> ChatReply | IncompleteStreamError:
    """What a reader makes of a body in pieces: the whole answer, or the error that says it is cut."""
    reader = ChatReader(generate_content.decoder(HELLO, facts(MODEL)), {"content-type": content_type})
    deltas: list[Delta] = []
    try:
        deltas.extend(items_of(reader, *pieces_of(body, size)))
    except IncompleteStreamError as error:
        cut = error
    else:
        assert isinstance(deltas[-1], End)
        return deltas[-1].reply
    text = "".join(delta.text for delta in deltas if isinstance(delta, TextDelta))
    assert (cut.partial.text if cut.partial else "") == text
    return cut


@pytest.mark.long
@pytest.mark.parametrize("exchange", named(API, *CUT, *CUT_ARRAYS))
def test_a_stream_cut_at_any_byte_is_whole_after_its_finish_and_says_so_before(exchange: Exchange) -> None:
    kind = "application/json" if exchange.name in CUT_ARRAYS else "text/event-stream"
    whole = read(exchange.body, kind, len(exchange.body))
    assert isinstance(whole, ChatReply)
    finish = exchange.body.index(b'"finishReason"')
    before = ""
    for offset in range(
        exchange.name in CUT_ARRAYS, len(exchange.body) + 1
    ):  # no byte at all is no array, but no answer
        if offset > 6000 and offset % 7 and offset < finish:
            continue  # signatures are long
        found = read(exchange.body[:offset], kind, 997)
        if isinstance(found, ChatReply):
            assert found.choices == whole.choices
            assert offset > finish
        else:
            text = found.partial.text if found.partial else ""
            assert whole.text.startswith(text)
            assert len(text) >= len(before)
            before = text
    assert isinstance(found, ChatReply)
