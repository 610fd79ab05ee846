"""`TikHub`: every chat model of the gateway as a LlamaIndex LLM."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any

from llama_index.core.base.llms.types import (
    ChatMessage,
    ChatResponse,
    ChatResponseAsyncGen,
    ChatResponseGen,
    CompletionResponse,
    CompletionResponseAsyncGen,
    CompletionResponseGen,
    LLMMetadata,
    MessageRole,
)
from llama_index.core.bridge.pydantic import ConfigDict, Field
from llama_index.core.llms.callbacks import llm_chat_callback, llm_completion_callback
from llama_index.core.llms.llm import ToolSelection
from llama_index.core.tools.types import BaseTool
from llama_index.core.types import PydanticProgramMode

from llama_index_tikhub.history import reads_files, to_conversation
from llama_index_tikhub.reply import StreamBuilder, chat_response, completion_response
from llama_index_tikhub.request import chat_request
from llama_index_tikhub.structured import StructuredMode, StructuredPredict
from llama_index_tikhub.tool_calls import messages_with, only_first_call, tool_dicts, tool_selections
from tikhub_ai import (
    ChatArgumentsMixin,
    ChatClient,
    SettingsMixin,
    budget_of,
    call_settings,
    calls_a_copy,
    constructor_arguments,
    hides_secrets,
    model_facts,
    needs_of,
    seal,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tikhub_ai import ChatRequest, Message, ModelFacts

_CALLS = ("chat", "stream_chat", "complete", "stream_complete", "chat_with_tools", "stream_chat_with_tools",
          "predict_and_call")  # fmt: skip
_STRUCTURED = ("structured_predict", "astructured_predict", "stream_structured_predict", "astream_structured_predict")


@hides_secrets(*_CALLS, *(f"a{name}" for name in _CALLS))
@hides_secrets(*_STRUCTURED, held_by="llm_kwargs")
@calls_a_copy("predict_and_call", "apredict_and_call", where=lambda llm: not llm.metadata.is_function_calling_model)
class TikHub(SettingsMixin, ChatArgumentsMixin, StructuredPredict):
    """Any chat model of the TikHub AI gateway: GPT, Claude, Gemini, DeepSeek and others behind one key.

    The key comes from `api_key`, else `TIKHUB_AI_API_KEY`, else `TIKHUB_API_KEY`. Nothing is sent that is not set: the
    provider's own defaults hold. Errors are `tikhub_ai`'s, each with its `status_code` where there is one.

    Args:
        model: Model name, any that the gateway serves.
        **kwargs: The class's fields, by their own or another class's usual names (`api_base`, `request_timeout`,
            `max_output_tokens`, `stop_sequences`, ...). Others go to `additional_kwargs`, with a warning.

    Raises:
        ConfigurationError: A setting cannot work.

    Examples:
        ```python
        from llama_index_tikhub import TikHub

        llm = TikHub(model="claude-sonnet-4-5", max_tokens=1024)
        print(llm.complete("Why is the sky blue?"))
        ```
    """

    model_config = ConfigDict(defer_build=False)

    additional_kwargs: dict[str, Any] = Field(
        default_factory=dict,
        description="Further fields of the request's body. Those that are an argument here are taken out.",
    )
    strict: bool | None = Field(
        default=None, description="Whether to hold tools' arguments to their schema, where it can be done."
    )
    context_window: int | None = Field(
        default=None, gt=0, description="Size of the model's context in tokens. Default: what the catalog says."
    )
    is_function_calling_model: bool | None = Field(
        default=None, description="Whether the model calls tools. Default: what the catalog says."
    )
    should_use_structured_outputs: bool | None = Field(
        default=None,
        description="Whether structured calls ask for a JSON schema, and not for a call of a tool. Default: what the "
        "catalog says.",
    )

    def __init__(self, model: str | None = None, **kwargs: Any) -> None:
        kwargs = seal(kwargs)
        if model is not None:
            kwargs["model"] = model
        super().__init__(**constructor_arguments(kwargs, type(self).model_fields, type(self).__name__))
        self._client()  # so that what cannot work says so here

    # --- identity ---------------------------------------------------------------------------------------------------

    @classmethod
    def class_name(cls) -> str:
        """The id in serialised form."""
        return "TikHubLLM"

    @property
    def api_base(self) -> str | None:
        """`base_url`, by the name that it has in LlamaIndex's own classes."""
        return self.base_url

    @property
    def metadata(self) -> LLMMetadata:
        """What LlamaIndex wants to know of the model. Never raises: an unknown name gets the catalog's defaults.

        `num_output` is the limit of the answer's length that is sent, which Claude gets without `max_tokens` too, and
        -1 where none is; core's helpers leave so much of the window free.
        """
        budget = budget_of(self)
        return LLMMetadata(
            context_window=budget.context_window,
            num_output=budget.max_output or -1,
            is_chat_model=True,
            is_function_calling_model=self._calls_functions(self._facts),
            model_name=self.model,
            system_role=MessageRole.SYSTEM,
        )

    def to_payload(self) -> dict[str, Any]:
        """What events and traces say of this object: a fixed list without secrets."""
        budget = budget_of(self)
        return {
            "class_name": self.class_name(),
            "model": self.model,
            "model_name": self.model,
            "api": self.api,
            "temperature": self.temperature,
            "max_tokens": self.max_tokens,
            "context_window": budget.context_window,
            "num_output": budget.max_output or -1,
            "is_chat_model": True,
            "is_function_calling_model": self._calls_functions(self._facts),
        }

    @property
    def _facts(self) -> ModelFacts:
        return model_facts(self.model)

    def _calls_functions(self, facts: ModelFacts) -> bool:
        return facts.tools if self.is_function_calling_model is None else self.is_function_calling_model

    def convert_chat_messages(self, messages: Sequence[ChatMessage]) -> list[Any]:
        """The neutral conversation. The messages are not changed."""
        return list(to_conversation(messages))

    # --- chat and completion ----------------------------------------------------------------------------------------

    @llm_chat_callback()
    def chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """Ask, and give the whole answer.

        Args:
            messages: The conversation, oldest first. Not changed.
            **kwargs: Any of the class's request fields, for this call; `tools`, `tool_choice` and `response_format`.

        Raises:
            TikHubAIError: A member of the tree.
        """
        return self._chat(messages, **kwargs)

    @llm_chat_callback()
    async def achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        """`chat`, async."""
        return await self._achat(messages, **kwargs)

    @llm_chat_callback()
    def stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        """Ask, and give the answer as it comes: `message` grows, `delta` is what is new, the last item is complete.

        Reasoning comes as `additional_kwargs["thinking_delta"]`. Closing the generator closes the connection.

        Args:
            messages: The conversation, oldest first. Not changed.
            **kwargs: As for `chat`.

        Raises:
            IncompleteStreamError: The stream ended before its finish marker; `.partial` holds what had come.
            TikHubAIError: Another member of the tree.
        """
        return self._stream_chat(messages, **kwargs)

    @llm_chat_callback()
    async def astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        """`stream_chat`, async."""
        return await self._astream_chat(messages, **kwargs)

    @llm_completion_callback()
    def complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """`chat` with one user message.

        Args:
            prompt: What the user says.
            formatted: It has been through `completion_to_prompt` already.
            **kwargs: As for `chat`.
        """
        return completion_response(self._chat(self._as_messages(prompt, formatted=formatted), **kwargs))

    @llm_completion_callback()
    async def acomplete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponse:
        """`complete`, async."""
        return completion_response(await self._achat(self._as_messages(prompt, formatted=formatted), **kwargs))

    @llm_completion_callback()
    def stream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseGen:
        """`stream_chat` with one user message: `text` grows, `delta` is what is new."""
        return _completions(self._stream_chat(self._as_messages(prompt, formatted=formatted), **kwargs))

    @llm_completion_callback()
    async def astream_complete(self, prompt: str, formatted: bool = False, **kwargs: Any) -> CompletionResponseAsyncGen:
        """`stream_complete`, async."""
        return _acompletions(await self._astream_chat(self._as_messages(prompt, formatted=formatted), **kwargs))

    def _chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        settings, kwargs = call_settings(kwargs)
        return chat_response(self._client(**settings).complete(self._request(messages, kwargs)))

    async def _achat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponse:
        settings, kwargs = call_settings(kwargs)
        return chat_response(await self._client(**settings).acomplete(await self._arequest(messages, kwargs)))

    def _stream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseGen:
        settings, kwargs = call_settings(kwargs)
        deltas = self._client(**settings).stream(self._request(messages, kwargs))

        def items() -> ChatResponseGen:
            builder = StreamBuilder()
            with closing(deltas):
                for delta in deltas:
                    if (item := builder.add(delta)) is not None:
                        yield item

        return items()

    async def _astream_chat(self, messages: Sequence[ChatMessage], **kwargs: Any) -> ChatResponseAsyncGen:
        settings, kwargs = call_settings(kwargs)
        deltas = self._client(**settings).astream(await self._arequest(messages, kwargs))

        async def items() -> ChatResponseAsyncGen:
            builder = StreamBuilder()
            async with aclosing(deltas):
                async for delta in deltas:
                    if (item := builder.add(delta)) is not None:
                        yield item

        return items()

    # --- the request ------------------------------------------------------------------------------------------------

    def _client(self, **of_the_call: Any) -> ChatClient:
        """The client of the settings as they are now. It is small: what is dear, connections, is shared below it.

        Args:
            **of_the_call: Settings of this call alone.
        """
        return ChatClient(
            self.settings_now(**of_the_call),
            api=self.api,
            needs=needs_of(self),
            incomplete_stream=self.incomplete_stream,
        )

    def _request(self, messages: Sequence[ChatMessage], keywords: Mapping[str, Any]) -> ChatRequest:
        return self._request_of(to_conversation(messages), keywords)

    async def _arequest(self, messages: Sequence[ChatMessage], keywords: Mapping[str, Any]) -> ChatRequest:
        if reads_files(messages):
            return self._request_of(await asyncio.to_thread(to_conversation, messages), keywords)
        return self._request(messages, keywords)

    def _request_of(self, conversation: list[Message], keywords: Mapping[str, Any]) -> ChatRequest:
        return chat_request(conversation, self, keywords)

    def _as_messages(self, prompt: str, *, formatted: bool) -> list[ChatMessage]:
        if not formatted and self.completion_to_prompt is not None:
            prompt = self.completion_to_prompt(prompt)
        return [ChatMessage(role=MessageRole.USER, content=prompt)]

    # --- tools ------------------------------------------------------------------------------------------------------

    def _prepare_chat_with_tools(  # noqa: PLR0917 - core's signature
        self,
        tools: Sequence[BaseTool],
        user_msg: str | ChatMessage | None = None,
        chat_history: list[ChatMessage] | None = None,
        verbose: bool = False,  # noqa: ARG002 - core's signature
        allow_parallel_tool_calls: bool = False,
        tool_required: bool = False,
        tool_choice: str | list[str] | dict[str, Any] | None = None,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> dict[str, Any]:
        """Keywords for `chat`. An explicit `tool_choice` wins over `tool_required`; None says nothing."""
        asked: dict[str, Any] = {"messages": messages_with(user_msg, chat_history), **kwargs}
        if not tools:
            return asked
        asked["tools"] = tool_dicts(tools, strict=self.strict if strict is None else strict)
        if tool_choice is None and tool_required:
            tool_choice = "required" if self._facts.forced_tool_choice else "auto"
        if tool_choice is not None:
            asked["tool_choice"] = tool_choice
        if not allow_parallel_tool_calls:  # allowed is the wire's own default, which old servers do not know by name
            asked.setdefault("parallel_tool_calls", False)
        return asked

    def _validate_chat_with_tools_response(
        self,
        response: ChatResponse,
        tools: Sequence[BaseTool],  # noqa: ARG002 - core's signature
        allow_parallel_tool_calls: bool = False,
        **kwargs: Any,  # noqa: ARG002
    ) -> ChatResponse:
        """One call alone, unless more are welcome: some models do not heed `parallel_tool_calls`."""
        return response if allow_parallel_tool_calls else only_first_call(response)

    def get_tool_calls_from_response(
        self,
        response: ChatResponse,
        error_on_no_tool_call: bool = True,
        **kwargs: Any,  # noqa: ARG002 - core's signature
    ) -> list[ToolSelection]:
        """The calls of a response or of a stream's item, with their arguments as far as they have come.

        Args:
            response: A whole answer, or an item of a stream.
            error_on_no_tool_call: Raise where there is none.
            **kwargs: Not used.

        Raises:
            ValueError: There is none, and `error_on_no_tool_call` is set.
        """
        selections = tool_selections(response)
        if not selections and error_on_no_tool_call:
            raise ValueError(f"The model called no tool; it said: {response.message.content!r}")
        return selections

    # --- structured answers -----------------------------------------------------------------------------------------

    def _structured_mode(self) -> StructuredMode | None:
        facts = self._facts
        native = self.should_use_structured_outputs
        if native is None:
            native = facts.structured_output
        if self.pydantic_program_mode == PydanticProgramMode.FUNCTION:
            native = False
        elif self.pydantic_program_mode != PydanticProgramMode.DEFAULT:
            return None
        if not native and not self._calls_functions(facts):
            return None
        alone = not self.additional_kwargs.get("tools")
        return StructuredMode(native=native, forced=facts.forced_tool_choice, alone=alone)


def _completions(responses: ChatResponseGen) -> CompletionResponseGen:
    with closing(responses):
        for response in responses:
            yield completion_response(response)


async def _acompletions(responses: ChatResponseAsyncGen) -> CompletionResponseAsyncGen:
    async with aclosing(responses):
        async for response in responses:
            yield completion_response(response)


TikHubLLM = TikHub
"""The same class: `tikhub`, the social-data SDK, exports a TikHub too."""
