"""Structured answers: what to ask for, and how to read what comes, whole or growing."""

from __future__ import annotations

from abc import abstractmethod
from contextlib import aclosing, closing
from json import JSONDecoder
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar

from llama_index.core.base.llms.types import ToolCallBlock
from llama_index.core.instrumentation.events.llm import LLMStructuredPredictEndEvent, LLMStructuredPredictStartEvent
from llama_index.core.llms.function_calling import FunctionCallingLLM
from llama_index.core.llms.llm import dispatcher
from llama_index.core.llms.structured_llm import StructuredLLM
from llama_index.core.prompts import PromptTemplate
from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from llama_index_tikhub.schemas import model_format, schema_name
from llama_index_tikhub.skeleton import REFUSAL, as_arguments
from tikhub_ai import hides_secrets, seal

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Generator, Mapping

    from llama_index.core.base.llms.types import ChatMessage, ChatResponse

ModelT = TypeVar("ModelT", bound=BaseModel)

_CORE_KEYWORDS = frozenset({"tool_required", "tool_choice", "allow_parallel_tool_calls", "tools"})


class StructuredCall(Generic[ModelT]):
    """One structured call: its keywords, and its reader.

    A model that can hold itself to a JSON schema gets one; any other gets the class as its only tool.

    Args:
        output_cls: What the answer is to be.
        messages: The conversation.
        llm_kwargs: The caller's keywords for the chat call.
        mode: By schema or by tool. A model that cannot be forced may answer in text: that is read as well.
    """

    def __init__(
        self,
        output_cls: type[ModelT],
        messages: list[ChatMessage],
        llm_kwargs: Mapping[str, Any] | None,
        mode: StructuredMode,
    ) -> None:
        self.output_cls = output_cls
        self.messages = messages
        self.kwargs = {key: value for key, value in (llm_kwargs or {}).items() if key not in _CORE_KEYWORDS}
        self._flexible: type[BaseModel] | None = None
        self._seen = ""
        if mode.native:
            wanted = model_format(output_cls)
            schema = {"name": wanted.name, "schema": wanted.schema, "strict": wanted.strict}
            if wanted.description:
                schema["description"] = wanted.description
            self.kwargs["response_format"] = {"type": "json_schema", "json_schema": schema}
        else:
            schema_tool = _class_as_tool(output_cls)
            self.kwargs |= {
                "tools": [schema_tool],
                "tool_choice": _choice(mode, schema_tool),
                "parallel_tool_calls": False,
            }

    def result(self, response: ChatResponse) -> ModelT:
        """What the whole answer holds.

        Raises:
            ValueError: It refused, or holds no object of the class. pydantic's ValidationError is one.
        """
        message = response.message
        text = _json_text(message)
        if not text:
            said = message.additional_kwargs.get(REFUSAL) or message.content
            why = "refused" if REFUSAL in message.additional_kwargs else "gave no object"
            raise ValueError(f"The model {why} where {self.output_cls.__name__} was asked for. It said: {said!r}")
        try:
            return self.output_cls.model_validate_json(text)
        except ValidationError:
            if _was_cut(response):
                raise ValueError(
                    f"The answer was cut by its length limit before {self.output_cls.__name__} was whole."
                ) from None
            raise

    def growing(self, response: ChatResponse) -> BaseModel | None:
        """What a stream's item shows so far: the class where it is valid already, else a model of any shape.

        Returns:
            None where the item shows nothing new.
        """
        text = _json_text(response.message)
        if not text or text == self._seen:
            return None
        self._seen = text
        try:
            value = from_json(text, allow_partial="trailing-strings")
        except ValueError:
            return None
        try:
            return self.output_cls.model_validate(value)
        except ValidationError:
            return self._flexible_class().model_validate(value) if isinstance(value, dict) else None

    def _flexible_class(self) -> type[BaseModel]:
        if self._flexible is None:
            from llama_index.core.program.utils import create_flexible_model  # noqa: PLC0415 - as core itself does

            self._flexible = create_flexible_model(self.output_cls)
        return self._flexible


def _class_as_tool(output_cls: type[BaseModel]) -> dict[str, Any]:
    schema = output_cls.model_json_schema()
    description = schema.pop("description", None) or f"Give the answer as {output_cls.__name__}."
    name = schema_name(str(schema.get("title") or output_cls.__name__))
    return {"type": "function", "function": {"name": name, "description": description, "parameters": schema}}


def _choice(mode: StructuredMode, tool: dict[str, Any]) -> str | dict[str, Any]:
    if not mode.forced:
        return "auto"
    return "required" if mode.alone else {"type": "function", "function": {"name": tool["function"]["name"]}}


def _json_text(message: ChatMessage) -> str:
    """The JSON of an answer: its first call's arguments, else its text from the first bracket on."""
    for block in message.blocks:
        if isinstance(block, ToolCallBlock):
            return as_arguments(block.tool_kwargs)
    text = message.content or ""
    if REFUSAL in message.additional_kwargs:
        return ""
    start = min((at for bracket in "{[" if (at := text.find(bracket)) >= 0), default=-1)
    if start <= 0:  # the common case: the text is the JSON, or there is none yet
        return text if start == 0 else ""
    try:  # words around it, from a model that was not forced
        return text[start : JSONDecoder().raw_decode(text, start)[1]]
    except ValueError:
        return text[start:]


def _was_cut(response: ChatResponse) -> bool:
    raw = response.raw if isinstance(response.raw, dict) else {}
    choices = raw.get("choices") or [{}]
    return bool(choices[0].get("finish_reason") == "length")


class StructuredMode(NamedTuple):
    """How a model is made to answer with an object.

    Attributes:
        native: By a JSON schema for its text; else by a tool.
        forced: The tool may be forced on it.
        alone: There is no other tool.
    """

    native: bool
    forced: bool
    alone: bool = True


@hides_secrets("chat", "stream_chat", "complete", "achat", "astream_chat", "acomplete")
class TikHubStructuredLLM(StructuredLLM):
    """Core's `StructuredLLM`, whose own events show what a call was given, with what is secret of it hidden."""


class StructuredPredict(FunctionCallingLLM):
    """The structured half of `TikHub`: core's four methods, with the chat calls made here.

    Core's own programs lose the system prompt in async and force a tool where the model takes a schema.
    """

    @abstractmethod
    def _structured_mode(self) -> StructuredMode | None:
        """How to ask for an object; None where core's text program is to do it."""

    def as_structured_llm(self, output_cls: type[BaseModel], **kwargs: Any) -> StructuredLLM:
        """An LLM whose every answer is an object of a pydantic class.

        Args:
            output_cls: The class.
            **kwargs: Further fields of `StructuredLLM`.
        """
        return TikHubStructuredLLM(llm=self, output_cls=output_cls, **kwargs)

    def _call(
        self,
        output_cls: type[ModelT],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None,
        prompt_args: dict[str, Any],
    ) -> StructuredCall[ModelT] | None:
        mode = self._structured_mode()
        if mode is None:
            return None
        messages = self._extend_messages(prompt.format_messages(llm=self, **prompt_args))
        return StructuredCall(output_cls, messages, llm_kwargs, mode)

    def structured_predict(
        self,
        output_cls: type[ModelT],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> ModelT:
        """Ask for an object of a pydantic class.

        Args:
            output_cls: The class.
            prompt: The question, a template.
            llm_kwargs: Keywords of `chat`.
            **prompt_args: The template's variables.

        Raises:
            ValueError: The model refused, or its answer is not such an object.
        """
        llm_kwargs = seal(llm_kwargs or {})
        call = self._call(output_cls, prompt, llm_kwargs, prompt_args)
        if call is None:
            result: ModelT = super().structured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return result
        dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        result = call.result(self.chat(call.messages, **call.kwargs))
        dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    async def astructured_predict(
        self,
        output_cls: type[ModelT],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> ModelT:
        """`structured_predict`, async."""
        llm_kwargs = seal(llm_kwargs or {})
        call = self._call(output_cls, prompt, llm_kwargs, prompt_args)
        if call is None:
            result: ModelT = await super().astructured_predict(output_cls, prompt, llm_kwargs, **prompt_args)
            return result
        dispatcher.event(
            LLMStructuredPredictStartEvent(output_cls=output_cls, template=prompt, template_args=prompt_args)
        )
        result = call.result(await self.achat(call.messages, **call.kwargs))
        dispatcher.event(LLMStructuredPredictEndEvent(output=result))
        return result

    def _structured_stream_call(
        self,
        output_cls: type[ModelT],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> Generator[Any, None, None]:
        """The object as it grows; the last one is whole and valid. Core's public method adds the events."""
        llm_kwargs = seal(llm_kwargs or {})
        call = self._call(output_cls, prompt, llm_kwargs, prompt_args)
        if call is None:
            yield from super()._structured_stream_call(output_cls, prompt, llm_kwargs, **prompt_args)
            return
        with closing(self.stream_chat(call.messages, **call.kwargs)) as items:
            for item in items:
                if item.raw is not None:
                    yield call.result(item)
                elif (grown := call.growing(item)) is not None:
                    yield grown

    async def _structured_astream_call(
        self,
        output_cls: type[ModelT],
        prompt: PromptTemplate,
        llm_kwargs: dict[str, Any] | None = None,
        **prompt_args: Any,
    ) -> AsyncGenerator[Any, None]:
        """`_structured_stream_call`, async: a coroutine that returns the generator."""
        llm_kwargs = seal(llm_kwargs or {})
        call = self._call(output_cls, prompt, llm_kwargs, prompt_args)
        if call is None:
            return await super()._structured_astream_call(output_cls, prompt, llm_kwargs, **prompt_args)

        async def objects() -> AsyncGenerator[Any, None]:
            async with aclosing(await self.astream_chat(call.messages, **call.kwargs)) as items:
                async for item in items:
                    if item.raw is not None:
                        yield call.result(item)
                    elif (grown := call.growing(item)) is not None:
                        yield grown

        return objects()
