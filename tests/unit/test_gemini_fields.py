"""Every field of Google's request types, through both adapters: sent, refused by name, or warned of.

A field that a newer SDK has is walked by itself: give it a value in `VALUES`.
"""

from __future__ import annotations

import json
import warnings
from typing import Any, NamedTuple

import httpx
import pytest
from google.genai import types
from langchain_core.messages import AIMessage, HumanMessage, ToolMessage
from llama_index.core.base.llms.types import ChatMessage
from pydantic import BaseModel

from langchain_tikhub import ChatTikHub
from llama_index_tikhub import TikHub
from tests import gemini_types

MODEL = "gemini-3-flash"
SCHEMA = {"type": "object", "properties": {"q": {"type": "string"}}}
PIXEL = "iVBORw0KGgo="


class Sent(NamedTuple):
    """What became of a call."""

    body: dict[str, Any] | None
    told: str


def sent(call: Any) -> Sent:
    """The body of a call, what it was refused for, and its warnings."""
    bodies: list[dict[str, Any]] = []

    def answer(request: httpx.Request) -> httpx.Response:
        bodies.append(json.loads(request.content))
        return httpx.Response(400, json={"error": {"message": "seen"}})

    client = httpx.Client(transport=httpx.MockTransport(answer))
    given = {"model": MODEL, "api_key": "k", "base_url": "http://gateway.test", "max_retries": 0, "http_client": client}
    told: list[str] = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call(given)
        except Exception as error:  # noqa: BLE001 - as users would see it
            if not bodies:
                told.append(str(error))
    told += [str(one.message) for one in caught]
    return Sent(bodies[0] if bodies else None, "\n".join(told))


def values_of(node: Any) -> list[str]:
    """Every leaf of a JSON value, as text."""
    if isinstance(node, dict):
        return [value for item in node.values() for value in values_of(item)]
    if isinstance(node, list):
        return [value for item in node for value in values_of(item)]
    return [f"{node:g}" if isinstance(node, float) else str(node).lower()]


def assert_accounted(field: str, value: Any, found: Sent) -> None:
    """Its value is in a body that Google's types take; or the field is named."""
    if found.body is not None:
        assert gemini_types.problems(found.body) == []
        if set(values_of(value)) <= set(values_of(found.body)):
            return
    assert field in found.told or field.replace("_", "") in found.told.lower()


# --- the configuration ----------------------------------------------------------------------------------------------

CONFIG: dict[str, Any] = {
    "audio_timestamp": True,
    "audio_transcription_config": {"custom_vocabulary": ["quux"]},
    "automatic_continuation": True,
    "automatic_function_calling": {"disable": True},
    "cached_content": "cachedContents/x",
    "candidate_count": 3,
    "continuation_token": "cXV1eA==",
    "enable_enhanced_civic_answers": True,
    "frequency_penalty": 0.5,
    "generation_output_config": {"output_uri_prefix": "gs://quux"},
    "http_options": {"timeout": 9000},
    "image_config": {"aspect_ratio": "16:9"},
    "labels": {"team": "quux"},
    "logprobs": 4,
    "max_output_tokens": 77,
    "media_resolution": "MEDIA_RESOLUTION_LOW",
    "model_armor_config": {"prompt_template_name": "quux"},
    "model_selection_config": {"feature_selection_preference": "BALANCED"},
    "presence_penalty": 0.25,
    "response_json_schema": SCHEMA,
    "response_logprobs": True,
    "response_mime_type": "text/x.enum",
    "response_modalities": ["TEXT"],
    "response_schema": SCHEMA,
    "routing_config": {"manual_mode": {"model_name": "quux"}},
    "safety_settings": [{"category": "HARM_CATEGORY_HATE_SPEECH", "threshold": "BLOCK_NONE"}],
    "seed": 55,
    "service_tier": "flex",
    "should_return_http_response": True,
    "speech_config": {"language_code": "de-DE"},
    "stop_sequences": ["QUUX"],
    "store": True,
    "system_instruction": "be quux",
    "temperature": 0.125,
    "thinking_config": {"include_thoughts": True},
    "tool_config": {"retrieval_config": {"language_code": "de"}},
    "tools": [{"google_maps": {}}],
    "top_k": 7,
    "top_p": 0.75,
}
CONFIG_WAYS: dict[str, Any] = {
    "langchain call": lambda llm, given: ChatTikHub(**llm).invoke("hi", **given),
    "langchain constructor": lambda llm, given: ChatTikHub(**llm, **given).invoke("hi"),
    "langchain generation_config": lambda llm, given: ChatTikHub(**llm, generation_config=given).invoke("hi"),
    "langchain object": lambda llm, given: ChatTikHub(
        **llm, generation_config=types.GenerateContentConfig(**given)
    ).invoke("hi"),
    "langchain objects in it": lambda llm, given: ChatTikHub(**llm).invoke("hi", **of_sdk(given)),
    "llamaindex call": lambda llm, given: TikHub(**llm).chat([ChatMessage("hi")], **given),
    "llamaindex constructor": lambda llm, given: TikHub(**llm, **given).chat([ChatMessage("hi")]),
    "llamaindex generation_config": lambda llm, given: TikHub(
        **llm, generation_config=types.GenerateContentConfig(**given)
    ).chat([ChatMessage("hi")]),
}


def of_sdk(given: dict[str, Any]) -> dict[str, Any]:
    """The fields as the SDK reads them: objects and enums of its own where it has those."""
    config = types.GenerateContentConfig(**given)
    return {name: getattr(config, name) for name in given}


@pytest.mark.parametrize("way", CONFIG_WAYS)
@pytest.mark.parametrize("field", sorted(types.GenerateContentConfig.model_fields))
def test_every_field_of_the_configuration_is_sent_or_named(field: str, way: str) -> None:
    assert field in CONFIG, "give it a value"
    found = sent(lambda llm: CONFIG_WAYS[way](llm, {field: CONFIG[field]}))
    if field == "http_options":  # a setting of the client
        assert found.body is not None
    elif field == "tools" and found.body is not None:
        assert found.body["tools"] == [{"googleMaps": {}}]
    else:
        assert_accounted(field, CONFIG[field], found)


# --- parts ----------------------------------------------------------------------------------------------------------

BLOB = {"inline_data": {"mime_type": "video/mp4", "data": PIXEL}}
PART: dict[str, Any] = {
    "audio_metadata": {"start_offset": "17s"},
    "audio_transcription": {"text": "quux"},
    "document_metadata": {"start_page": 42},
    "media_processing": "AGENTIC",
    "media_resolution": {"level": "MEDIA_RESOLUTION_HIGH"},
    "part_metadata": {"my_file": "quux"},
    "speech_metadata": {"speaker": "quux"},
    "spreadsheet_metadata": {"sheet_index": 43},
    "video_metadata": {"fps": 2.5, "start_offset": "11s", "end_offset": "13s"},
}
"""What stands beside a part's own field."""
OWN: dict[str, dict[str, Any]] = {
    "text": {"text": "quux"},
    "inline_data": {"inline_data": {"mime_type": "image/png", "data": PIXEL, "display_name": "quux"}},
    "file_data": {"file_data": {"mime_type": "image/png", "file_uri": "https://a.test/b", "display_name": "quux"}},
    "executable_code": {"executable_code": {"code": "print(27)", "language": "PYTHON"}},
    "code_execution_result": {"code_execution_result": {"outcome": "OUTCOME_OK", "output": "27"}},
    "tool_call": {"tool_call": {"id": "quux", "tool_type": "GOOGLE_MAPS", "args": {}}},
    "tool_response": {"tool_response": {"id": "quux", "tool_type": "GOOGLE_MAPS", "response": {}}},
}
OF_MODEL = {"function_call", "function_response", "thought", "thought_signature"}
"""What a part of an answer holds: read by the histories, which have tests of their own."""


@pytest.mark.parametrize("spelled", ["snake", "camel"])
@pytest.mark.parametrize("field", sorted(types.Part.model_fields.keys() - OF_MODEL))
def test_every_field_of_a_part_is_sent_or_named(field: str, spelled: str) -> None:
    assert field in PART or field in OWN, "give it a value"
    part = OWN.get(field) or {**BLOB, field: PART.get(field)}
    if spelled == "camel":
        part = types.Part(**part).model_dump(mode="json", by_alias=True, exclude_none=True)
    found = sent(lambda llm: ChatTikHub(**llm).invoke([HumanMessage([part, {"type": "text", "text": "hi"}])]))
    assert_accounted(field, next(iter(OWN[field].values())) if field in OWN else PART[field], found)


@pytest.mark.parametrize("field", sorted(PART))
def test_every_option_of_a_part_is_one_of_langchains_blocks_too(field: str) -> None:
    for block in (
        {"type": "media", "mime_type": "video/mp4", "data": PIXEL, field: PART[field]},
        {"type": "video", "mime_type": "video/mp4", "base64": PIXEL, "extras": {field: PART[field]}},
        {"type": "text", "text": "hi", field: PART[field]},
    ):
        if block["type"] == "text" and field not in {"part_metadata", "speech_metadata"}:
            continue  # of media
        found = sent(lambda llm, block=block: ChatTikHub(**llm).invoke([HumanMessage([block])]))
        assert_accounted(field, PART[field], found)


# --- results --------------------------------------------------------------------------------------------------------

RESULT: dict[str, Any] = {
    "response": {"degrees": 27},
    "parts": [{"inline_data": {"mime_type": "image/png", "data": PIXEL}}],
    "scheduling": "SILENT",
    "will_continue": True,
    "name": "weather",
    "id": "fc-1",
}


@pytest.mark.parametrize("spelled", ["snake", "camel"])
@pytest.mark.parametrize("field", sorted(types.FunctionResponse.model_fields))
def test_every_field_of_a_function_response_in_a_tool_message_is_sent(field: str, spelled: str) -> None:
    given = {"response": {"ok": 1}, "name": "weather", field: RESULT[field]}
    block: dict[str, Any] = {"function_response": given}
    if spelled == "camel":
        block = types.Part(function_response=types.FunctionResponse(**given)).model_dump(
            mode="json", by_alias=True, exclude_none=True
        )
    call = AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "call_1"}])
    found = sent(
        lambda llm: ChatTikHub(**llm).invoke([HumanMessage("hi"), call, ToolMessage([block], tool_call_id="call_1")])
    )
    if field == "id":  # the message says which call it answers
        assert found.body is not None
    else:
        assert_accounted(field, RESULT[field], found)
    assert found.body is not None
    (response,) = [
        part for content in found.body["contents"] for part in content["parts"] if "functionResponse" in part
    ]
    assert response["functionResponse"]["name"] == "weather"


@pytest.mark.parametrize("api", ["generate_content", "chat_completions", "responses", "messages"])
def test_googles_parts_in_a_tool_message_are_read_on_every_api(api: str) -> None:
    blocks: list[Any] = [
        {"functionResponse": {"name": "weather", "response": {"degrees": 27}}},
        {"inlineData": {"mimeType": "image/png", "data": PIXEL}},
    ]
    call = AIMessage("", tool_calls=[{"name": "weather", "args": {}, "id": "call_1"}])
    history = [HumanMessage("hi"), call, ToolMessage(blocks, tool_call_id="call_1")]
    models = {"generate_content": MODEL, "messages": "claude-sonnet-4-5"}
    found = sent(lambda llm: ChatTikHub(**{**llm, "model": models.get(api, "gpt-4o"), "api": api}).invoke(history))
    text = json.dumps(found.body)
    assert "functionResponse\\" not in text  # as JSON in words
    assert "inlineData\\" not in text
    assert "degrees" in text
    assert PIXEL in text


# --- tools ----------------------------------------------------------------------------------------------------------

DECLARATION: dict[str, Any] = {
    "behavior": "BLOCKING",
    "description": "quux",
    "name": "f",
    "parameters": {"type": "OBJECT", "properties": {"quux": {"type": "STRING", "description": "corge"}}},
    "parameters_json_schema": {"type": "object", "properties": {"q": {"type": "string", "description": "corge"}}},
    "response": {"type": "OBJECT", "properties": {"r": {"type": "STRING", "description": "grault"}}},
    "response_json_schema": {"type": "object", "properties": {"r": {"type": "string", "description": "grault"}}},
}
TOOL: dict[str, Any] = {
    "code_execution": {},
    "computer_use": {"environment": "ENVIRONMENT_BROWSER"},
    "enterprise_web_search": {},
    "exa_ai_search": {},
    "file_search": {"file_search_store_names": ["fileSearchStores/quux"]},
    "function_declarations": [{"name": "quux"}],
    "google_maps": {"enable_widget": True},
    "google_search": {"exclude_domains": ["quux.test"]},
    "google_search_retrieval": {},
    "mcp_servers": [{"name": "quux"}],
    "parallel_ai_search": {},
    "retrieval": {"disable_attribution": True},
    "url_context": {},
}
TOOL_WAYS: dict[str, Any] = {
    "langchain": lambda llm, tool: ChatTikHub(**llm).bind_tools([tool]).invoke("hi"),
    "langchain call": lambda llm, tool: ChatTikHub(**llm).invoke("hi", tools=[tool]),
    "llamaindex": lambda llm, tool: TikHub(**llm).chat([ChatMessage("hi")], tools=[tool]),
}


def forms(tool: dict[str, Any]) -> list[Any]:
    """A tool as a dict, as the SDK's object, as what `vars` makes of that, and as its own JSON."""
    of_sdk = types.Tool(**tool)
    return [tool, of_sdk, vars(of_sdk), of_sdk.model_dump(mode="json", by_alias=True, exclude_none=True)]


@pytest.mark.parametrize("way", TOOL_WAYS)
@pytest.mark.parametrize("field", sorted(types.Tool.model_fields))
def test_every_field_of_a_tool_is_sent_or_named(field: str, way: str) -> None:
    assert field in TOOL, "give it a value"
    for form in forms({field: TOOL[field]}):
        found = sent(lambda llm, form=form: TOOL_WAYS[way](llm, form))
        assert_accounted(field, TOOL[field], found)
        assert found.body is None or field.replace("_", "") in json.dumps(found.body["tools"]).lower()


@pytest.mark.parametrize("way", TOOL_WAYS)
@pytest.mark.parametrize("field", sorted(types.FunctionDeclaration.model_fields))
def test_every_field_of_a_function_is_sent_or_named(field: str, way: str) -> None:
    assert field in DECLARATION, "give it a value"
    for form in forms({"function_declarations": [{"name": "f", field: DECLARATION[field]}]}):
        found = sent(lambda llm, form=form: TOOL_WAYS[way](llm, form))
        assert_accounted(field, DECLARATION[field], found)


class Odd(BaseModel):
    """An object of no SDK's."""

    inner: dict[str, Any] = {}


def test_what_has_no_json_in_a_tool_is_refused_with_its_place() -> None:
    tool = {"google_search": {"exclude_domains": [object()]}}
    found = sent(lambda llm: ChatTikHub(**llm).bind_tools([tool]).invoke("hi"))
    assert found.body is None
    assert "tools[0].googleSearch.excludeDomains[0]" in found.told


# --- choices --------------------------------------------------------------------------------------------------------

NAMES = ["f", "g"]
CHOICES = {
    "generate_content": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": NAMES}},
    "chat_completions": {
        "type": "allowed_tools",
        "allowed_tools": {
            "mode": "required",
            "tools": [{"type": "function", "function": {"name": name}} for name in NAMES],
        },
    },
    "responses": {
        "type": "allowed_tools",
        "mode": "required",
        "tools": [{"type": "function", "name": name} for name in NAMES],
    },
    "messages": {"type": "any"},
}


@pytest.mark.parametrize("api", CHOICES)
def test_a_tool_choice_may_name_several_tools(api: str) -> None:
    tools = [{"name": name, "description": "d", "input_schema": SCHEMA} for name in "fgh"]
    models = {"generate_content": MODEL, "messages": "claude-sonnet-4-5"}
    given = {"model": models.get(api, "gpt-4o"), "api": api}
    for ask in (
        lambda llm: ChatTikHub(**{**llm, **given}).bind_tools(tools, tool_choice=NAMES).invoke("hi"),
        lambda llm: TikHub(**{**llm, **given}).chat([ChatMessage("hi")], tools=tools, tool_choice=NAMES),
    ):
        found = sent(ask)
        assert found.body is not None
        assert found.body.get("toolConfig" if api == "generate_content" else "tool_choice") == CHOICES[api]
        assert ("limits no model" in found.told) == (api == "messages")


@pytest.mark.parametrize("field", sorted(types.ToolConfig.model_fields))
def test_every_field_of_the_tool_configuration_is_sent(field: str) -> None:
    value = {
        "function_calling_config": {
            "mode": "ANY",
            "allowed_function_names": ["f"],
            "stream_function_call_arguments": True,
        },
        "retrieval_config": {"lat_lng": {"latitude": 27.5, "longitude": 3.5}},
        "include_server_side_tool_invocations": True,
    }[field]
    tool = {"name": "f", "description": "d", "input_schema": SCHEMA}
    for words in ({"tool_config": {field: value}}, {"tool_choice": {field: value}}):
        found = sent(lambda llm, words=words: ChatTikHub(**llm).bind_tools([tool]).bind(**words).invoke("hi"))
        assert found.body is not None
        assert_accounted(field, value, found)
        assert field.replace("_", "") in json.dumps(found.body["toolConfig"]).lower()


# --- histories of Google's class ------------------------------------------------------------------------------------


def test_a_file_of_googles_class_goes_back_as_one_and_blocks_that_are_no_parts_stay_here() -> None:
    """LangChain's blocks have a `type`, which no part of Google's has: sent as they are, they would be a 400."""
    answer = AIMessage(
        [
            {"type": "file_data", "file_uri": "files/abc", "mime_type": "application/pdf"},
            {"type": "server_tool_call", "name": "media_processing", "id": "s1", "args": {}},
            {"type": "text", "text": "ok"},
        ],
        response_metadata={"model_provider": "google_genai", "model_name": MODEL},
    )
    found = sent(lambda llm: ChatTikHub(**llm).invoke([HumanMessage("hi"), answer, HumanMessage("go on")]))
    assert found.body is not None
    assert found.body["contents"][1]["parts"] == [
        {"fileData": {"mimeType": "application/pdf", "fileUri": "files/abc"}},
        {"text": "ok"},
    ]
    assert "left out" in found.told


@pytest.mark.parametrize(("provider", "goes"), [("openai", False), ("anthropic", False), ("google_genai", True)])
def test_the_id_of_a_file_goes_back_to_who_keeps_the_file(provider: str, *, goes: bool) -> None:
    answer = AIMessage(
        [{"type": "file", "file_id": "file-abc", "mime_type": "application/pdf"}, {"type": "text", "text": "ok"}],
        response_metadata={"model_provider": provider},
    )
    found = sent(lambda llm: ChatTikHub(**llm).invoke([HumanMessage("hi"), answer, HumanMessage("go on")]))
    assert ("file-abc" in json.dumps(found.body)) == goes


def test_a_region_before_a_models_name_is_no_part_of_it() -> None:
    found = sent(lambda llm: ChatTikHub(**{**llm, "model": "au.gemini-3.6-flash"}, temperature=0.25).invoke("hi"))
    assert found.body is not None
    assert "generationConfig" not in found.body
    assert "temperature" in found.told
