"""`TikHub` as an object: its arguments, its secrets, its copies."""

from __future__ import annotations

import json
import os
import pickle
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from llama_index.core.callbacks import CallbackManager
from llama_index.core.llms import ChatMessage, ImageBlock, TextBlock
from llama_index.core.llms.function_calling import FunctionCallingLLM

from llama_index_tikhub import TikHub, TikHubLLM
from tests.scripted_server import Answer, ScriptedServer, sse
from tests.standard.llama_index_probes import Callbacks, ask, dispatched
from tikhub_ai import (
    APIStatusError,
    AuthenticationError,
    ConfigurationError,
    IncompleteStreamError,
    InvalidRequestError,
    MissingKeyError,
    ModelNotFoundError,
    TikHubAIError,
    TikHubAIWarning,
)

if TYPE_CHECKING:
    from pathlib import Path

KEY = "sk-canary-71c4"
HEADER = "tenant-canary-88d2"
HELLO = [ChatMessage(role="user", content="Hello")]
REPLY = {
    "id": "x",
    "model": "m",
    "choices": [{"index": 0, "message": {"role": "assistant", "content": "Hi"}, "finish_reason": "stop"}],
    "usage": {"prompt_tokens": 3, "completion_tokens": 1, "total_tokens": 4},
}


@pytest.fixture
def gateway(server: ScriptedServer) -> ScriptedServer:
    server.answers = [Answer(REPLY)]
    return server


def llm_at(server: ScriptedServer, **settings: Any) -> TikHub:
    given: dict[str, Any] = {
        "model": "gpt-4o",
        "api": "chat_completions",
        "api_key": KEY,
        "base_url": server.url,
        "max_retries": 0,
    }
    return TikHub(**(given | settings))


# --- arguments --------------------------------------------------------------------------------------------------------


def test_both_names_are_one_class() -> None:
    assert TikHubLLM is TikHub
    assert TikHub.class_name() == "TikHubLLM"
    assert issubclass(TikHub, FunctionCallingLLM)


def test_nothing_is_sent_that_is_not_set(gateway: ScriptedServer) -> None:
    llm_at(gateway).complete("Hello")
    assert gateway.requests[0].json() == {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]}


@pytest.mark.parametrize(
    ("given", "body"),
    [
        ({"max_output_tokens": 5}, {"max_tokens": 5}),
        ({"max_completion_tokens": 5}, {"max_tokens": 5}),
        ({"max_new_tokens": 5}, {"max_tokens": 5}),
        ({"stop": "END"}, {"stop": ["END"]}),
        ({"stop_sequences": ["END"]}, {"stop": ["END"]}),
        ({"metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"request_metadata": {"a": "b"}}, {"metadata": {"a": "b"}}),
        ({"additional_kwargs": {"max_tokens": 5, "service_tier": "flex"}}, {"max_tokens": 5, "service_tier": "flex"}),
        ({"additional_kwargs": {"stream_options": {"include_usage": True}}}, {}),
        ({"extra_body": {"service_tier": "flex"}}, {"service_tier": "flex"}),
        ({"temperature": 0}, {"temperature": 0}),
        ({"seed": 7, "n": 2, "user": "u"}, {"seed": 7, "n": 2, "user": "u"}),
        ({"logprobs": True, "top_logprobs": 2}, {"logprobs": True, "top_logprobs": 2}),
        ({"logit_bias": {"50256": -100}}, {"logit_bias": {"50256": -100}}),
        ({"presence_penalty": 1, "frequency_penalty": 0.5}, {"presence_penalty": 1, "frequency_penalty": 0.5}),
        ({"top_p": 0.5}, {"top_p": 0.5}),
    ],
)
def test_arguments_reach_the_wire_by_any_of_their_names(
    gateway: ScriptedServer, given: dict[str, Any], body: dict[str, Any]
) -> None:
    expected = {"model": "gpt-4o", "messages": [{"role": "user", "content": "Hello"}]} | body
    llm_at(gateway, **given).chat(HELLO)
    assert gateway.requests[0].json() == expected
    if not given.keys() & {"additional_kwargs", "extra_body"}:
        llm_at(gateway).chat(HELLO, **given)
        assert gateway.requests[1].json() == expected


def test_a_call_wins_over_additional_kwargs_and_those_over_the_class(gateway: ScriptedServer) -> None:
    llm = llm_at(gateway, temperature=0.1, top_p=0.1, seed=1, additional_kwargs={"temperature": 0.2, "top_p": 0.2})
    llm.chat(HELLO, temperature=0.3, max_tokens=None)
    body = gateway.requests[0].json()
    assert (body["temperature"], body["top_p"], body["seed"]) == (0.3, 0.2, 1)
    assert "max_tokens" not in body


def test_the_model_by_position_by_name_and_by_its_other_name() -> None:
    assert TikHub("a").model == TikHub(model="a").model == TikHub(model_name="a").model == "a"


def test_other_names_of_settings() -> None:
    client = httpx.AsyncClient()
    llm = TikHub("m", base_url="https://mirror.test/v1", request_timeout=5, async_http_client=client)
    assert (llm.base_url, llm.api_base, llm.timeout) == ("https://mirror.test/v1", "https://mirror.test/v1", 5)
    assert llm.http_async_client is client
    assert TikHub("m", api_base="https://mirror.test").base_url == "https://mirror.test"


@pytest.mark.outside_openapi("sends a field that OpenAI does not have, on purpose")
def test_unknown_keywords_are_a_warning_and_go_to_additional_kwargs(gateway: ScriptedServer) -> None:
    with pytest.warns(TikHubAIWarning, match="'safety_level' is no argument of TikHub: it goes to additional_kwargs"):
        llm = llm_at(gateway, safety_level="low")
    assert llm.additional_kwargs == {"safety_level": "low"}
    with pytest.warns(UserWarning, match="mood"):
        llm.chat(HELLO, mood="good")
    body = gateway.requests[0].json()
    assert (body["safety_level"], body["mood"]) == ("low", "good")


def test_arguments_of_other_classes_that_have_nothing_to_do_here(gateway: ScriptedServer) -> None:
    llm = llm_at(gateway, reuse_client=True, api_version=None, is_chat_model=True, tokenizer=None)
    llm.chat(HELLO)
    assert gateway.requests[0].json().keys() == {"model", "messages"}
    for word in ("is_chat_model", "reuse_client"):
        with pytest.warns(UserWarning, match=f"{word}=False has no effect"):
            llm_at(gateway, **{word: False}).chat(HELLO)
        assert gateway.requests[-1].json().keys() == {"model", "messages"}


def test_a_vendors_key_and_headers_are_ours() -> None:
    llm = TikHub("gpt-4o", openai_api_key=KEY, additional_headers={"x-tenant": HEADER})
    assert llm._client().settings.key() == KEY
    assert llm.default_headers == {"x-tenant": HEADER}
    assert KEY not in repr(llm.to_dict())


@pytest.mark.parametrize(
    "wrong", [{"base_url": "ai.tikhub.io"}, {"api": "responses_v2"}, {"max_retries": -1}, {"auth_header": "a b"}]
)
def test_what_cannot_work_says_so_at_construction(wrong: dict[str, Any]) -> None:
    with pytest.raises((ConfigurationError, ValueError)):
        TikHub("gpt-4o", **wrong)


# --- metadata ---------------------------------------------------------------------------------------------------------


def test_metadata_comes_from_the_catalog_and_never_raises() -> None:
    known = TikHub("claude-sonnet-4-5").metadata
    assert (known.context_window, known.num_output, known.is_chat_model) == (200_000, 64_000, True)
    unknown = TikHub("no-such-model", max_tokens=99).metadata
    assert (unknown.context_window, unknown.num_output) == (128_000, 99)
    assert unknown.is_function_calling_model


def test_the_user_knows_better_than_the_catalog() -> None:
    metadata = TikHub("o1-mini", context_window=1000, is_function_calling_model=True).metadata
    assert (metadata.context_window, metadata.is_function_calling_model) == (1000, True)
    assert not TikHub("o1-mini").metadata.is_function_calling_model
    assert not TikHub("gpt-4o", is_function_calling_model=False).metadata.is_function_calling_model


# --- errors -----------------------------------------------------------------------------------------------------------


async def test_a_missing_key_is_told_at_the_first_call(gateway: ScriptedServer) -> None:
    llm = llm_at(gateway, api_key=None)
    with pytest.raises(MissingKeyError, match="TIKHUB_AI_API_KEY"):
        llm.chat(HELLO)
    with pytest.raises(MissingKeyError):
        await llm.achat(HELLO)
    assert gateway.requests == []


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (401, {"message": "Invalid token", "code": "invalid_api_key"}, AuthenticationError),
        (503, {"message": "No available channel for model x", "code": "model_not_found"}, ModelNotFoundError),
    ],
)
def test_errors_are_the_cores_own(gateway: ScriptedServer, status: int, error: Any, kind: type[TikHubAIError]) -> None:
    gateway.answers = [Answer({"error": error}, status=status)]
    with pytest.raises(kind) as raised:
        llm_at(gateway, max_retries=2).chat(HELLO)
    assert isinstance(raised.value, APIStatusError)
    assert raised.value.status_code == status
    assert len(gateway.requests) == 1


def test_an_empty_history_and_a_result_without_its_call(gateway: ScriptedServer) -> None:
    with pytest.raises(InvalidRequestError, match="empty"):
        llm_at(gateway).chat([])
    lonely = ChatMessage(role="tool", content="42", additional_kwargs={"tool_call_id": "c1"})
    with pytest.raises(InvalidRequestError, match="c1"):
        llm_at(gateway).chat([*HELLO, lonely])
    assert gateway.requests == []


def test_a_cut_stream_may_be_a_warning(gateway: ScriptedServer) -> None:
    chunk = {**REPLY, "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": None}]}
    gateway.answers = [sse(chunk, done=False)]
    with pytest.raises(IncompleteStreamError) as raised:
        list(llm_at(gateway).stream_chat(HELLO))
    assert raised.value.partial is not None
    assert raised.value.partial.text == "Hi"
    with pytest.warns(UserWarning, match="finish marker"):
        items = list(llm_at(gateway, incomplete_stream="warn").stream_chat(HELLO))
    assert items[-1].message.content == "Hi"


def test_several_answers_stream_without_mixing(gateway: ScriptedServer) -> None:
    def chunk(number: int, text: str, reason: str | None = None) -> dict[str, Any]:
        return {**REPLY, "choices": [{"index": number, "delta": {"content": text}, "finish_reason": reason}]}

    gateway.answers = [sse(chunk(0, "a"), chunk(1, "x"), chunk(0, "b", "stop"), chunk(1, "y", "stop"))]
    items = list(llm_at(gateway, n=2).stream_chat(HELLO))
    assert "".join(item.delta or "" for item in items) == items[-1].message.content == "ab"
    assert items[-1].raw is not None
    assert [choice["message"]["content"] for choice in items[-1].raw["choices"]] == ["ab", "xy"]


async def test_files_are_read_off_the_event_loop(gateway: ScriptedServer, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n")
    message = ChatMessage(role="user", blocks=[ImageBlock(path=path), TextBlock(text="What is it?")])
    llm = llm_at(gateway)
    await llm.achat([message])
    llm.chat([message])
    assert gateway.requests[0].json() == gateway.requests[1].json()
    assert gateway.requests[0].json()["messages"][0]["content"][0]["image_url"]["url"].startswith("data:image/png")


# --- secrets ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("endpoint", ["chat", "achat", "stream_chat", "astream_chat", "complete", "stream_complete"])
async def test_key_and_headers_are_seen_by_the_gateway_alone(gateway: ScriptedServer, endpoint: str) -> None:
    chunk = {**REPLY, "choices": [{"index": 0, "delta": {"content": "Hi"}, "finish_reason": "stop"}]}
    gateway.answer = lambda request: sse(chunk) if request.json().get("stream") else Answer(REPLY)
    callbacks = Callbacks()
    llm = llm_at(gateway, default_headers={"X-Tenant": HEADER}, callback_manager=CallbackManager([callbacks]))
    with dispatched() as events:
        responses = await ask(llm, endpoint, HELLO)
    assert gateway.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert gateway.requests[0].headers["x-tenant"] == HEADER
    shown = [
        repr(llm),
        str(llm),
        repr(llm.__dict__),
        repr(llm.to_dict()),
        llm.to_json(),
        repr(llm.model_dump()),
        repr(llm.to_payload()),
        repr([event.model_dump() for event in events]),
        repr(callbacks.calls),
        repr([response.model_dump() for response in responses]),
        pickle.dumps(llm, 0).decode("latin-1"),
        repr(llm._client().settings),
    ]
    assert [text for text in shown if KEY in text or HEADER in text] == []


@pytest.mark.parametrize("endpoint", ["chat", "achat", "stream_chat", "astream_chat"])
async def test_errors_hold_no_secret(gateway: ScriptedServer, endpoint: str) -> None:
    gateway.answers = [Answer({"error": {"message": f"bad key {KEY}", "code": "invalid_api_key"}}, status=401)]
    llm = llm_at(gateway, default_headers={"X-Tenant": HEADER})
    with dispatched() as events, pytest.raises(AuthenticationError) as raised:
        await ask(llm, endpoint, HELLO)
    error: BaseException | None = raised.value
    while error is not None:
        shown = repr(error) + str(error) + repr(vars(error))
        assert KEY not in shown
        assert HEADER not in shown
        error = error.__cause__ or error.__context__
    assert KEY not in repr([event.model_dump() for event in events])


def test_a_key_set_later_is_as_secret() -> None:
    llm = TikHub("gpt-4o")
    llm.api_key = KEY  # type: ignore[assignment]  # sealed when it is set, which no checker can see
    llm.default_headers = {"x-tenant": HEADER}  # type: ignore[assignment]  # as above
    shown = repr(llm) + repr(llm.__dict__) + pickle.dumps(llm, 0).decode("latin-1")
    assert KEY not in shown
    assert HEADER not in shown


def test_a_proxy_with_a_password_is_not_dumped() -> None:
    llm = TikHub("gpt-4o", proxy="http://me:hunter2@proxy.test:8080")
    assert "hunter2" not in repr(llm) + llm.to_json()
    with pytest.warns(UserWarning, match="proxy"):
        assert b"hunter2" not in pickle.dumps(llm)
    assert TikHub("gpt-4o", proxy="http://proxy.test").to_dict()["proxy"] == "http://proxy.test"


# --- copies -----------------------------------------------------------------------------------------------------------


def test_to_dict_and_back() -> None:
    llm = TikHub(
        "gpt-4o", api_key=KEY, temperature=0.5, timeout=httpx.Timeout(5, read=9), stop=["x"], system_prompt="s"
    )
    data = json.loads(llm.to_json())
    back = TikHub.from_dict(data)
    assert back.to_dict() == llm.to_dict()
    assert back._client().settings.timeouts(stream=True).read == 9
    with_key = TikHub.from_dict(data, api_key=KEY)
    assert with_key._client().settings.key() == KEY


def test_a_pickle_reads_the_key_again_where_it_came_from(
    gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIKHUB_API_KEY", KEY)
    data = pickle.dumps(llm_at(gateway, api_key=None, temperature=0.5, default_headers=None))
    assert KEY.encode() not in data
    monkeypatch.setenv("TIKHUB_API_KEY", "sk-rotated")
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-of-somebody-else")
    back = pickle.loads(data)
    back.chat(HELLO)
    assert gateway.requests[0].headers["authorization"] == "Bearer sk-rotated"
    assert gateway.requests[0].json()["temperature"] == 0.5


def test_a_pickle_leaves_a_key_given_as_text_behind(gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch) -> None:
    data = pickle.dumps(llm_at(gateway))
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-of-somebody-else")
    with pytest.raises(MissingKeyError, match="api_key="):
        pickle.loads(data).chat(HELLO)
    assert gateway.requests == []


def key_by_function() -> str:
    return KEY


def test_a_function_that_gives_the_key_travels_by_reference(gateway: ScriptedServer) -> None:
    pickle.loads(pickle.dumps(llm_at(gateway, api_key=key_by_function))).chat(HELLO)
    assert gateway.requests[0].headers["authorization"] == f"Bearer {KEY}"


def test_a_function_that_cannot_travel_is_not_replaced(
    gateway: ScriptedServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.warns(UserWarning, match="api_key"):
        data = pickle.dumps(llm_at(gateway, api_key=lambda: KEY))
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-of-somebody-else")
    with pytest.raises(MissingKeyError):
        pickle.loads(data).chat(HELLO)


async def test_an_async_function_gives_the_key(gateway: ScriptedServer) -> None:
    async def key() -> str:
        return KEY

    await llm_at(gateway, api_key=key).achat(HELLO)
    assert gateway.requests[0].headers["authorization"] == f"Bearer {KEY}"


# --- import -----------------------------------------------------------------------------------------------------------


def python(code: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ | {"PYTHONPATH": "."}
    )


def test_importing_the_package_does_not_import_llama_index() -> None:
    done = python("import sys, llama_index_tikhub; print('llama_index.core' in sys.modules, dir(llama_index_tikhub))")
    assert done.stdout.startswith("False"), done.stderr
    assert "TikHubEmbedding" in done.stdout


def test_importing_the_class_imports_no_other_http_library_and_no_langchain() -> None:
    done = python(
        "import sys; from llama_index_tikhub import TikHub; import tikhub_ai; "
        "print([m for m in sys.modules if m.split('.')[0] in {'langchain_core', 'openai', 'anthropic', 'httpx_sse'}])"
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_without_llama_index_the_error_says_what_to_install() -> None:
    done = python(
        "import importlib.util as u; find = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name.startswith('llama_index.core') else find(name, *a)\n"
        "import llama_index_tikhub"
    )
    assert 'ImportError: llama_index_tikhub needs llama-index-core: pip install "tikhub-ai[llama-index]"' in done.stderr


def test_an_unknown_name_is_an_attribute_error() -> None:
    import llama_index_tikhub

    with pytest.raises(AttributeError, match="TikTok"):
        _ = llama_index_tikhub.TikTok
