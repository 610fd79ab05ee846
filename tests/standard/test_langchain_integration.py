"""LangChain's own integration suite for chat models, once for each dialect, over recorded answers."""

from __future__ import annotations

from base64 import b64encode
from functools import reduce
from operator import add
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeAlias

import httpx
import pytest
import yaml
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_tests.integration_tests import ChatModelIntegrationTests

from langchain_tikhub import APIStatusError, ChatTikHub, InvalidRequestError
from tests import cassettes
from tests.standard.counting import counting_claude, counting_gemini, counting_gpt
from tests.standard.langchain_support import FILES, Recorded, RecordedChat
from tests.standard.test_langchain_embeddings import TestRecorded as Embeddings

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.disable_socket


def audio() -> dict[str, Any]:
    return {"type": "audio", "base64": b64encode(FILES["wav"]).decode(), "mime_type": "audio/wav"}


Kind: TypeAlias = Literal["audio_input", "audio_output", "reasoning_output", "cache_read_input", "cache_creation_input"]


class ChatSuite(RecordedChat, ChatModelIntegrationTests):
    """The suite with all of it switched on; a column switches off what its wire has no word for."""

    model_name: ClassVar[str]
    api: ClassVar[str] = "auto"

    chat_model_class = ChatTikHub
    enable_vcr_tests = True
    supports_json_mode = True
    supports_image_inputs = True
    supports_image_urls = True
    supports_pdf_inputs = True
    supports_audio_inputs = True
    supports_image_tool_message = True
    supports_pdf_tool_message = True
    supports_anthropic_inputs = True

    kinds: ClassVar[tuple[Kind, ...]]
    """The kinds of tokens that the wire counts by themselves."""
    details: ClassVar[tuple[dict[str, int], dict[str, int]]]
    """Such counts of one answer: of its input, of its output."""

    @property
    def chat_model_params(self) -> dict[str, Any]:
        settings = {"base_url": self.url, "api_key": "sk-test", "api": self.api, "max_retries": 0}
        return settings | {"model": self.model_name, "temperature": 0, "max_tokens": 256}

    @property
    def supported_usage_metadata_details(self) -> dict[Literal["invoke", "stream"], list[Kind]]:
        return {"invoke": list(self.kinds), "stream": list(self.kinds)}

    @pytest.mark.parametrize("stream", [False, True], ids=["plain", "streamed"])
    def test_kinds_of_tokens_are_counted_as_the_wire_says(self, *, stream: bool) -> None:
        """The suite asks only for numbers of some size."""
        answer = self.invoke_with_reasoning_output(stream=stream)
        assert answer.usage_metadata is not None
        counts = (answer.usage_metadata["input_token_details"], answer.usage_metadata["output_token_details"])
        assert counts == self.details
        assert [block["type"] for block in answer.content_blocks] == ["reasoning", "text"]


def whole(model: ChatTikHub, question: list[BaseMessage], *, stream: bool) -> AIMessage:
    """An answer, or a streamed one put together."""
    return reduce(add, model.stream(question)) if stream else model.invoke(question)


# `test_anthropic_inputs` sends Claude's thinking and cache marks to others, and the warnings that name them are other
# tests': test_reasoning_of_another_issuer_is_left_out_with_a_warning.
@pytest.mark.filterwarnings("ignore:.*cannot read is left out. Reasoning")
class TestChatCompletions(ChatSuite):
    """POST /v1/chat/completions as OpenAI speaks it."""

    answered_as = "chat_completions"
    api = "chat_completions"
    model_name = "gpt-4o-mini"
    model_override_value = "gpt-4.1-mini"

    question = "Please count every kind of token."
    details = ({"audio": 3, "cache_read": 5, "cache_creation": 4}, {"audio": 10, "reasoning": 20})
    kinds: ClassVar[tuple[Kind, ...]] = (
        "audio_input",
        "audio_output",
        "reasoning_output",
        "cache_read_input",
        "cache_creation_input",
    )

    def invoke_with_audio_input(self, *, stream: bool = False) -> AIMessage:
        return self.counted([audio()], stream=stream, model="gpt-4o-audio-preview")

    def invoke_with_audio_output(self, *, stream: bool = False) -> AIMessage:
        spoken: dict[str, Any] = {"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "pcm16"}}
        return self.counted(stream=stream, model="gpt-4o-audio-preview", **spoken)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self.counted(stream=stream, model="gpt-5-mini", reasoning_effort="low", temperature=None)

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return self.counted(stream=stream)

    def invoke_with_cache_creation_input(self, *, stream: bool = False) -> AIMessage:
        return self.counted(stream=stream, model="claude-sonnet-4-5")

    def counted(self, blocks: list[Any] | None = None, *, stream: bool, **settings: Any) -> AIMessage:
        """An answer whose usage tells kinds of tokens apart, which aimock's does below /api alone."""
        model = ChatTikHub(**self.chat_model_params | {"base_url": f"{self.url}/api"} | settings)
        return whole(model, [HumanMessage([{"type": "text", "text": self.question}, *(blocks or ())])], stream=stream)


class TestDeepSeekDialect(TestChatCompletions):
    """The same path as DeepSeek speaks it, whose messages hold text and nothing else."""

    answered_as = "deepseek"
    model_name = "deepseek-chat"
    model_override_value = "deepseek-reasoner"
    # `TestDeepSeekTakesTextAlone` shows what becomes of these.
    supports_image_inputs = False
    supports_image_urls = False
    supports_pdf_inputs = False
    supports_audio_inputs = False
    supports_image_tool_message = False
    supports_pdf_tool_message = False

    question = "Please count as DeepSeek does."
    details = ({"cache_read": 12}, {"reasoning": 20})
    kinds = ("reasoning_output", "cache_read_input")

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self.counted(stream=stream, model="deepseek-reasoner")


MEDIA: dict[str, dict[str, Any]] = {
    "image": {"type": "image", "base64": b64encode(FILES["png"]).decode(), "mime_type": "image/png"},
    "pdf": {"type": "file", "base64": b64encode(FILES["pdf"]).decode(), "mime_type": "application/pdf"},
    "audio": audio(),
}
CALL = AIMessage("", tool_calls=[{"name": "look", "args": {}, "id": "1", "type": "tool_call"}])


class NativeSuite(ChatSuite):
    """The suite over an API that `auto` chooses by the model's name."""

    def counted(
        self, gateway: Callable[[httpx.Request], httpx.Response], *, stream: bool, **settings: Any
    ) -> AIMessage:
        """An answer whose usage tells kinds of tokens apart, which no server at hand does."""
        client = httpx.Client(transport=httpx.MockTransport(gateway))
        there = {"base_url": f"http://{cassettes.WRITTEN_BY_HAND}", "http_client": client}
        model = ChatTikHub(**self.chat_model_params | there | settings)
        return whole(model, [HumanMessage("Count.")], stream=stream)

    def test_auto_has_chosen_it(self, model: ChatTikHub) -> None:
        assert model.invoke("Hello").response_metadata["api"] == self.answered_as


class TestMessages(NativeSuite):
    """POST /v1/messages, which `auto` chooses for Claude."""

    answered_as = "messages"
    model_name = "claude-sonnet-4-5"
    model_override_value = "claude-haiku-4-5"
    supports_audio_inputs = False  # `test_a_sound_is_refused_by_name`

    details = ({"cache_read": 1111, "cache_creation": 2222}, {"reasoning": 33})
    kinds = ("reasoning_output", "cache_read_input", "cache_creation_input")

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return whole(ChatTikHub(**self.chat_model_params), [HumanMessage("Hello")], stream=stream)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        thinking = {"type": "enabled", "budget_tokens": 1024}
        return self.counted(counting_claude, stream=stream, thinking=thinking, temperature=None, max_tokens=2048)

    invoke_with_cache_creation_input = invoke_with_reasoning_output

    def test_a_sound_is_refused_by_name(self, model: ChatTikHub) -> None:
        with pytest.raises(InvalidRequestError, match="audio"):
            model.invoke([HumanMessage([audio()])])


# As above: the thinking of `test_anthropic_inputs` is Claude's. And `test_message_with_name` names a speaker, for which
# this wire has no place.
@pytest.mark.filterwarnings(
    "ignore:.*cannot read is left out. Reasoning",
    "ignore:.*no place for the names of speakers",
)
class TestResponses(NativeSuite):
    """POST /v1/responses, which `auto` chooses for GPT."""

    answered_as = "responses"
    model_name = "gpt-4.1-mini"
    model_override_value = "gpt-4.1"
    supports_audio_inputs = False  # `test_a_sound_is_refused_by_name`

    details = ({"cache_read": 1111, "cache_creation": 2222}, {"reasoning": 33})
    kinds = ("reasoning_output", "cache_read_input", "cache_creation_input")

    def invoke_with_cache_read_input(self, *, stream: bool = False) -> AIMessage:
        return whole(ChatTikHub(**self.chat_model_params), [HumanMessage("Hello")], stream=stream)

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        asked = {"model": "gpt-5-mini", "reasoning_effort": "low", "temperature": None}
        return self.counted(counting_gpt, stream=stream, **asked)

    invoke_with_cache_creation_input = invoke_with_reasoning_output

    def test_a_sound_is_refused_by_name(self, model: ChatTikHub) -> None:
        with pytest.raises(InvalidRequestError, match="audio"):
            model.invoke([HumanMessage([audio()])])


# As above.
@pytest.mark.filterwarnings("ignore:.*cannot read is left out. Reasoning")
class TestGenerateContent(NativeSuite):
    """POST /v1beta/models/{model}:generateContent, which `auto` chooses for Gemini."""

    answered_as = "generate_content"
    model_name = "gemini-2.5-flash"
    model_override_value = "gemini-2.5-pro"

    details = ({"audio": 2222, "cache_read": 1111}, {"audio": 11, "reasoning": 33})
    kinds: ClassVar[tuple[Kind, ...]] = ("audio_input", "audio_output", "reasoning_output", "cache_read_input")

    def invoke_with_reasoning_output(self, *, stream: bool = False) -> AIMessage:
        return self.counted(counting_gemini, stream=stream, thinking_budget=1024)

    invoke_with_audio_input = invoke_with_reasoning_output
    invoke_with_audio_output = invoke_with_reasoning_output
    invoke_with_cache_read_input = invoke_with_reasoning_output

    def test_video_inputs(self, model: ChatTikHub) -> None:
        """The suite knows no films."""
        film = {"type": "video", "base64": b64encode(b"a film").decode(), "mime_type": "video/mp4"}
        youtube = {"type": "video", "url": "https://www.youtube.com/watch?v=dQw4w9WgXcQ"}
        for block in (film, youtube):
            answer = model.invoke([HumanMessage([{"type": "text", "text": "Describe this film:"}, block])])
            assert answer.text


class TestDeepSeekTakesTextAlone(RecordedChat):
    """What the suite skips for DeepSeek: media are sent, never dropped, and a server that takes none says so."""

    answered_as = "deepseek"
    column = "deepseek_takes_text_alone"

    @pytest.mark.parametrize(
        ("history", "refusal"),
        [
            pytest.param([HumanMessage([MEDIA["image"]])], "image input is not supported", id="image_inputs"),
            pytest.param([HumanMessage([MEDIA["pdf"]])], "unsupported content", id="pdf_inputs"),
            pytest.param([HumanMessage([MEDIA["audio"]])], "audio input is not supported", id="audio_inputs"),
            pytest.param(
                [HumanMessage("Look."), CALL, ToolMessage([MEDIA["image"]], tool_call_id="1")],
                "image input is not supported",
                id="image_tool_message",
            ),
            pytest.param(
                [HumanMessage("Look."), CALL, ToolMessage([MEDIA["pdf"]], tool_call_id="1")],
                "unsupported content",
                id="pdf_tool_message",
            ),
        ],
    )
    def test_the_refusal_reaches_the_caller(self, history: list[BaseMessage], refusal: str) -> None:
        model = ChatTikHub(model="deepseek-chat", base_url=self.url, api_key="sk-test", max_retries=0)
        with pytest.raises(APIStatusError, match=refusal):
            model.invoke(history)

    def test_the_profile_says_so_before(self) -> None:
        profile = ChatTikHub(model="deepseek-chat", api_key="sk-test").profile
        assert profile is not None
        kinds = ("image_inputs", "image_url_inputs", "pdf_inputs", "audio_inputs", "video_inputs")
        assert [kind for kind in kinds if profile.get(kind)] == []


@pytest.mark.parametrize(
    "suite",
    [
        *(TestChatCompletions, TestDeepSeekDialect, TestDeepSeekTakesTextAlone),
        *(TestMessages, TestResponses, TestGenerateContent, Embeddings),
    ],
)
def test_every_cassette_belongs_to_a_test_and_says_who_answered_it(suite: type[Recorded]) -> None:
    tests = [name.removeprefix("test_") for name in dir(suite) if name.startswith("test_")]
    for path in suite.folder().glob("*.yaml"):
        assert any(path.stem == test or path.stem.startswith(f"{test}_") for test in tests), path.name
        assert yaml.safe_load(path.read_text())["answered_by"].keys() == cassettes.facts_of("", "", "").keys()
