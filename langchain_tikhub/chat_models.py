"""ChatTikHub: every chat model of the gateway as a LangChain chat model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import aclosing, closing
from typing import TYPE_CHECKING, Any, Literal, Self

from langchain_core.language_models import LanguageModelInput
from langchain_core.language_models.chat_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.base import RunnableSerializable
from langchain_core.runnables.utils import AnyConfigurableField
from langchain_core.tools import BaseTool
from langchain_core.utils.utils import LC_ID_PREFIX
from pydantic import ConfigDict, Field, model_validator

from langchain_tikhub._lazy import LazyModule
from langchain_tikhub.errors import model_errors
from langchain_tikhub.profile import PROVIDER, profile
from tikhub_ai import (
    ChatArgumentsMixin,
    SettingsMixin,
    __version__,
    call_settings,
    constructor_arguments,
    hides_secrets,
    model_facts,
    seal,
    without_secrets,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Mapping

    from langchain_core.callbacks import AsyncCallbackManagerForLLMRun, CallbackManagerForLLMRun
    from langchain_core.language_models import LangSmithParams, ModelProfile
    from langchain_core.outputs import ChatGenerationChunk, ChatResult
    from langchain_protocol.protocol import MessagesData

    from langchain_tikhub import _first_call as calls
    from tikhub_ai import ChatClient, ChatRequest, ModelFacts
else:
    calls = LazyModule("langchain_tikhub._first_call")


_CALLS = ("invoke", "stream", "generate", "stream_events")
_HOOKS = ("generate", "stream", "stream_chat_model_events")
_IDENTIFYING = tuple(
    name
    for name in ("base_url", *ChatArgumentsMixin.model_fields, "model_kwargs", "streaming")
    if name not in {"model", "incomplete_stream"}
)


@hides_secrets(
    *_CALLS, *(f"a{name}" for name in _CALLS), *(f"_{name}" for name in _HOOKS), *(f"_a{name}" for name in _HOOKS)
)
class ChatTikHub(SettingsMixin, ChatArgumentsMixin, BaseChatModel):
    """Chat with any model that TikHub AI serves: GPT, Claude, Gemini, DeepSeek and the rest, behind one key.

    ```python
    from langchain_tikhub import ChatTikHub

    llm = ChatTikHub(model="claude-sonnet-4-5", temperature=0, max_tokens=1024)
    llm.invoke("What weighs more, a pound of bricks or a pound of feathers?").text
    ```

    Every argument of the answer can be given again with a call (`llm.invoke(..., model="gpt-4o", temperature=0.2)`) or
    bound (`llm.bind(stop=["END"])`), and wins over the constructor's. Arguments that are not known here go to the wire
    as they are: with a call silently, in the constructor by `model_kwargs` and with a warning.

    `content` is the answer's text, as `str`; `content_blocks` gives all parts in order, reasoning, calls, media and
    sources included (and so does `content` with `output_version="v1"`). What GPT says while it works (`phase`
    `commentary`) stands in `additional_kwargs["commentary"]` and in a block of its own, and in `content` only where
    there is no other text. Errors are members of LangChain's `ModelError` family and of `tikhub_ai`'s tree.
    """

    model_kwargs: dict[str, Any] = Field(default_factory=dict)
    """Further fields of the request's body. Those that are an argument here are taken out."""

    streaming: bool | None = None
    """True: `invoke` streams too, so that callbacks see every token. False: never stream."""
    reuse_last_container: bool | None = None
    """Whether Claude's code runs again in the container of the conversation's last answer. A call may say it, too."""
    include_response_headers: bool = False
    """Whether `response_metadata["headers"]` holds the response headers."""

    model_config = ConfigDict(populate_by_name=True, protected_namespaces=(), defer_build=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs = seal(kwargs)
        with model_errors():  # here, since what cannot work is an error of ours, of which a validator makes pydantic's
            kwargs = constructor_arguments(kwargs, type(self).model_fields, type(self).__name__)
        super().__init__(*args, **kwargs)
        with model_errors():
            self.settings_now()

    @model_validator(mode="before")
    @classmethod
    def _names(cls, values: Any) -> Any:
        """Aliases, and arguments that are not known here."""
        if not isinstance(values, dict):
            return values
        values = seal(values)  # `model_validate` comes here too
        return constructor_arguments(values, cls.model_fields, cls.__name__)

    @model_validator(mode="after")
    def _set_tikhub_version(self) -> Self:
        if self.output_version == "responses/v1":  # ChatOpenAI's name for content that is a list of blocks
            self.output_version = "v1"
        if hasattr(self, "_add_version"):
            self._add_version("tikhub-ai", __version__)
        return self

    # --- identity ---------------------------------------------------------------------------------------------------

    @property
    def model_name(self) -> str:
        """The same as `model`."""
        return self.model

    @property
    def _llm_type(self) -> str:
        return "tikhub-chat"

    @property
    def _identifying_params(self) -> Mapping[str, Any]:
        fields = vars(self)
        said = {name: value for name in _IDENTIFYING if (value := fields.get(name)) is not None}
        return {"model_name": self.model} | said

    @classmethod
    def is_lc_serializable(cls) -> bool:
        """Whether `dumps` and `load` work: they do."""
        return True

    @classmethod
    def get_lc_namespace(cls) -> list[str]:
        """Where saved chains look for this class. Pinned, so that they survive a move of its file."""
        return ["langchain_tikhub", "chat_models"]

    @property
    def lc_secrets(self) -> dict[str, str]:
        """What `dumps` replaces by the name of an environment variable."""
        return {"api_key": "TIKHUB_AI_API_KEY"}

    @property
    def lc_attributes(self) -> dict[str, Any]:
        """What `dumps` holds in another form than the field's: that of `model_dump`."""
        return self.model_dump(include={"timeout", "proxy", "verify"}, exclude_defaults=True)

    def _facts(self) -> ModelFacts:
        return model_facts(self.model)

    def _resolve_model_profile(self) -> ModelProfile | None:
        return profile(self.model)

    def _get_ls_params(self, stop: list[str] | None = None, **kwargs: Any) -> LangSmithParams:
        params = super()._get_ls_params(stop=stop, **kwargs)
        params["ls_provider"] = PROVIDER
        if ends := stop or self.stop:
            params["ls_stop"] = [ends] if isinstance(ends, str) else list(ends)
        return params

    def _get_invocation_params(self, stop: list[str] | None = None, **kwargs: Any) -> dict[str, Any]:
        """What tracers are told: of what is secret, only that it was given."""
        return super()._get_invocation_params(stop=stop, **without_secrets(kwargs))

    def _get_llm_string(self, stop: list[str] | None = None, **kwargs: Any) -> str:
        """What answers are cached under: what is asked, and who asks it of whom (see `Settings.identity`)."""
        with model_errors():
            settings, rest = call_settings(kwargs)
            who = self.settings_now(**settings).identity(rest.get("extra_headers"))
        return f"{super()._get_llm_string(stop=stop, **without_secrets(rest))}---{who}"

    def _combine_llm_outputs(self, llm_outputs: list[dict[str, Any] | None], /) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for output in llm_outputs:
            for key, value in (output or {}).items():
                out[key] = _sum(out.get(key), value) if key == "token_usage" else value
        return out

    # --- calls ------------------------------------------------------------------------------------------------------

    def _chat_client(self, **of_the_call: Any) -> ChatClient:
        """The client of the settings as they are now. It is small: what is dear, connections, is shared below it.

        Args:
            **of_the_call: Settings of this call alone.
        """
        return calls.ChatClient(
            self.settings_now(**of_the_call),
            api=self.api,
            needs=calls.needs_of(self),
            incomplete_stream=self.incomplete_stream,
        )

    def _get_request_payload(
        self, input_: LanguageModelInput, *, stop: list[str] | None = None, **kwargs: Any
    ) -> ChatRequest:
        """The call in neutral terms, which `ChatClient` encodes for the wire. Override it to see or alter requests.

        Args:
            input_: What `invoke` was given.
            stop: Texts at which the answer ends; wins over the constructor's.
            **kwargs: Arguments of this call; they win over the constructor's.

        Raises:
            ConfigurationError: An argument that only the constructor takes.
            InvalidRequestError: A message that no model can be told.
        """
        if not (isinstance(input_, list) and all(isinstance(message, BaseMessage) for message in input_)):
            input_ = self._convert_input(input_).to_messages()
        return calls.chat_request(self, input_, stop, kwargs)

    def _prepared(
        self, messages: list[BaseMessage], stop: list[str] | None, kwargs: dict[str, Any]
    ) -> tuple[ChatClient, ChatRequest]:
        settings, kwargs = call_settings(kwargs)
        return self._chat_client(**settings), self._get_request_payload(messages, stop=stop, **kwargs)

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        with model_errors():
            client, request = self._prepared(messages, stop, kwargs)
            reply = client.complete(request)
            return calls.from_reply(reply, request.model, **self._shown(request))

    async def _agenerate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,  # noqa: ARG002 - LangChain's signature
        **kwargs: Any,
    ) -> ChatResult:
        with model_errors():
            client, request = self._prepared(messages, stop, kwargs)
            reply = await client.acomplete(request)
            return calls.from_reply(reply, request.model, **self._shown(request))

    def _shown(self, request: ChatRequest) -> dict[str, Any]:
        """What an answer's message shows besides the answer."""
        return {"headers": self.include_response_headers, "form": request.response_format}

    def _should_stream(self, **kwargs: Any) -> bool:
        return not self._wants_several(kwargs) and super()._should_stream(**kwargs)

    def _should_use_protocol_streaming(self, **kwargs: Any) -> bool:
        return not self._wants_several(kwargs) and super()._should_use_protocol_streaming(**kwargs)

    def _wants_several(self, kwargs: Mapping[str, Any]) -> bool:
        """`generate` with several answers wants them all, and a stream is one message."""
        return (kwargs.get("n", self.n) or 1) > 1 and not kwargs.get("stream")

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        with model_errors():
            client, request = self._prepared(messages, stop, kwargs)
            answer = calls.AnswerStream(request.model, **self._shown(request))
            with closing(client.stream(request)) as deltas:
                for delta in deltas:
                    if (chunk := answer.chunk(delta)) is not None:
                        if run_manager is not None:
                            run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    async def _astream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[ChatGenerationChunk]:
        with model_errors():
            client, request = self._prepared(messages, stop, kwargs)
            answer = calls.AnswerStream(request.model, **self._shown(request))
            async with aclosing(client.astream(request)) as deltas:
                async for delta in deltas:
                    if (chunk := answer.chunk(delta)) is not None:
                        if run_manager is not None:
                            await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                        yield chunk

    def _event_stream(self, request: ChatRequest, run_manager: Any) -> calls.EventStream:
        message_id = f"{LC_ID_PREFIX}-{run_manager.run_id}" if run_manager is not None else ""
        return calls.EventStream(request.model, message_id, **self._shown(request))

    def _told_stream(self, request: ChatRequest, run_manager: Any) -> calls.AnswerStream | None:
        """The chunks that handlers are told of, as with `stream`; none are made where nobody listens."""
        heard = calls.hears_tokens(run_manager)
        return calls.AnswerStream(request.model, **self._shown(request)) if heard else None

    def _stream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[MessagesData]:
        """Events of `stream_events(version="v3")`. LangChain finds this method by its name."""
        with model_errors():
            client, request = self._prepared(messages, stop, kwargs)
            answer = self._event_stream(request, run_manager)
            told = self._told_stream(request, run_manager)
            last: Sequence[MessagesData] = ()
            with closing(client.stream(request)) as deltas:
                for delta in deltas:
                    if told is not None and run_manager is not None and (chunk := told.chunk(delta)) is not None:
                        run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    if isinstance(delta, calls.End):
                        last = answer.events(delta)
                    else:
                        yield from answer.events(delta)
            yield from last  # now the connection is given back: LangChain asks for nothing after the last event

    async def _astream_chat_model_events(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: AsyncCallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> AsyncIterator[MessagesData]:
        with model_errors():
            client, request = self._prepared(messages, stop, kwargs)
            answer = self._event_stream(request, run_manager)
            told = self._told_stream(request, run_manager)
            last: Sequence[MessagesData] = ()
            async with aclosing(client.astream(request)) as deltas:
                async for delta in deltas:
                    if told is not None and run_manager is not None and (chunk := told.chunk(delta)) is not None:
                        await run_manager.on_llm_new_token(chunk.text, chunk=chunk)
                    if isinstance(delta, calls.End):
                        last = answer.events(delta)
                        continue
                    for event in answer.events(delta):
                        yield event
            for event in last:  # now the connection is given back: LangChain asks for nothing after the last event
                yield event

    # --- tools and structured output --------------------------------------------------------------------------------

    def bind(self, **kwargs: Any) -> Any:
        """Bind arguments to the model. A key or headers among them are kept secret."""
        kwargs = seal(kwargs)
        return calls.SecretBinding(bound=self, kwargs=kwargs)

    def with_config(self, config: RunnableConfig | None = None, **kwargs: Any) -> Any:
        """Bind a config to the model, and keep secret what is bound to that."""
        return calls.SecretBinding.of(super().with_config(config, **kwargs))

    def configurable_fields(self, **kwargs: AnyConfigurableField) -> RunnableSerializable[Any, Any]:
        """A model some of whose arguments are chosen with each call, by `config={"configurable": {...}}`.

        Args:
            **kwargs: `ConfigurableField`s by the arguments' names: fields, their aliases (`model_name`, ...), and
                arguments that only some wire APIs have (`service_tier`, ...).

        Raises:
            ConfigurationError: Two of the names mean one argument.
            ValueError: A name is no argument of this class.
        """
        with model_errors():
            found = calls.configurable(self, kwargs)
        return super().configurable_fields(**kwargs) if found is None else found

    def bind_tools(
        self,
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool],
        *,
        tool_choice: str | list[str] | bool | dict[str, Any] | None = None,
        strict: bool | None = None,
        parallel_tool_calls: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, AIMessage]:
        """Bind tools to the model.

        Args:
            tools: Functions, classes, `BaseTool`s, JSON Schemas, dicts in the form of OpenAI, Responses, Anthropic,
                Google or Bedrock, and providers' own tools, which are sent as they are.
            tool_choice: A tool's name, a list of names for any of these, `"any"`, `"required"` or True for any of them,
                `"none"`, `"auto"`, or a dict.
            strict: Ask the provider to hold the arguments to the schema.
            parallel_tool_calls: Whether several calls in one answer are welcome.
            **kwargs: Bound too, such as `response_format`.

        Raises:
            ConfigurationError: `tool_choice` names a tool that is not there.
        """
        with model_errors():
            bound = calls.bound_tools(tools, tool_choice, strict)
        if parallel_tool_calls is not None:
            bound["parallel_tool_calls"] = parallel_tool_calls
        runnable: Runnable[LanguageModelInput, AIMessage] = self.bind(**bound, **kwargs)
        return runnable

    def with_structured_output(
        self,
        schema: dict[str, Any] | type | None = None,
        *,
        method: Literal["json_schema", "function_calling", "json_mode"] | None = None,
        include_raw: bool = False,
        strict: bool | None = None,
        **kwargs: Any,
    ) -> Runnable[LanguageModelInput, Any]:
        """Answers that follow a schema.

        Args:
            schema: A pydantic class, a TypedDict class, a JSON Schema or a function of OpenAI's.
            method: `json_schema` (the provider holds the answer to the schema), `function_calling` (the schema is the
                one tool, and forced where the model can be), or `json_mode` (any JSON object; say in the prompt what
                you want). Default: `json_schema` where the model is known to do it, else `function_calling`.
            include_raw: Give `{"raw": message, "parsed": ..., "parsing_error": ...}` and do not raise.
            strict: Ask the provider to hold the answer to the schema exactly.
            **kwargs: Bound to the model.

        Raises:
            ConfigurationError: An unknown method, or no schema where one is needed.
        """
        with model_errors():
            return calls.structured_output(
                self, self._facts(), schema, method=method, include_raw=include_raw, strict=strict, bound=kwargs
            )

    # --- tokens -----------------------------------------------------------------------------------------------------

    def get_num_tokens(self, text: str) -> int:
        """About how many tokens a text is: an estimate from its characters, made offline.

        Measured beside OpenAI's cl100k vocabulary: within 20 % on English, German, Chinese and code, 30 % too low on
        Russian.
        """
        if self.custom_get_token_ids is not None:
            return len(self.custom_get_token_ids(text))
        return calls.estimated_tokens(text)

    def get_token_ids(self, text: str) -> list[int]:
        """Token ids by `custom_get_token_ids`; without it there are none, since vocabularies differ by provider.

        Raises:
            NotImplementedError: No `custom_get_token_ids` was given.
        """
        if self.custom_get_token_ids is not None:
            return self.custom_get_token_ids(text)
        raise NotImplementedError(
            "ChatTikHub has no vocabulary: the gateway's models have one each. get_num_tokens() gives an estimate; for "
            "ids, give custom_get_token_ids=."
        )

    def get_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
    ) -> int:
        """How many input tokens a history is, tools included.

        Claude's count, where the gateway has `/v1/messages/count_tokens`; else an estimate, as `get_num_tokens` makes.
        """
        return calls.message_tokens(self, messages, tools or ())

    async def aget_num_tokens_from_messages(
        self,
        messages: list[BaseMessage],
        tools: Sequence[dict[str, Any] | type | Callable[..., Any] | BaseTool] | None = None,
    ) -> int:
        """`get_num_tokens_from_messages`, async: it does not block the event loop while the provider counts."""
        return await calls.amessage_tokens(self, messages, tools or ())


def _sum(left: Any, right: Any) -> Any:
    """Token counts of two calls, added up."""
    if isinstance(left, dict) and isinstance(right, dict):
        return {key: _sum(left.get(key), right.get(key)) for key in {**left, **right}}
    if isinstance(left, (int, float)) and isinstance(right, (int, float)):
        return left + right
    return left if right is None else right
