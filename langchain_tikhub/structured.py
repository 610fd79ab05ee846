"""`with_structured_output`: how the schema is asked for, and how the answer is read."""

from __future__ import annotations

from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, TypeAlias, TypeGuard

from langchain_core import exceptions
from langchain_core.exceptions import OutputParserException
from langchain_core.messages import AIMessage
from langchain_core.output_parsers import JsonOutputParser, PydanticOutputParser
from langchain_core.output_parsers.openai_tools import JsonOutputKeyToolsParser, PydanticToolsParser
from langchain_core.outputs import ChatGeneration, Generation
from langchain_core.runnables import RunnableMap, RunnablePassthrough
from langchain_core.utils.pydantic import is_basemodel_subclass
from pydantic import BaseModel

from langchain_tikhub.tools import json_schema_form, named_schema, wire_tools
from tikhub_ai import ConfigurationError, printable, warn

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel, LanguageModelInput
    from langchain_core.runnables import Runnable

    from tikhub_ai import ModelFacts

Method: TypeAlias = Literal["json_schema", "function_calling", "json_mode"]


def structured_output(
    model: BaseChatModel,
    facts: ModelFacts,
    schema: dict[str, Any] | type | None,
    *,
    method: Method | None,
    include_raw: bool,
    strict: bool | None,
    bound: dict[str, Any],
) -> Runnable[LanguageModelInput, Any]:
    """See `ChatTikHub.with_structured_output`."""
    if _is_of_pydantic_1(schema):
        if method == "json_schema":
            warn(f"{schema.__name__} is of pydantic.v1: it is asked for by a tool, not by its JSON Schema.")
        method = "json_mode" if method == "json_mode" else "function_calling"
    if method is None:
        method = "json_schema" if facts.structured_output else "function_calling"
    if method not in {"json_schema", "function_calling", "json_mode"}:
        raise ConfigurationError(
            f"method={method!r} is not known; use 'json_schema', 'function_calling' or 'json_mode'."
        )
    if schema is None and method != "json_mode":
        raise ConfigurationError(f"method={method!r} needs a schema.")
    said = {"method": method} | ({} if strict is None else {"strict": strict})
    if schema is not None:
        bound = {"ls_structured_output_format": {"kwargs": said, "schema": schema}, **bound}
    parser: Runnable[Any, Any]
    if method == "function_calling":
        thinks = (getattr(model, "thinking", None) or {}).get("type") != "disabled"
        llm, parser = _by_tool(
            model,
            schema,
            strict,
            bound,
            forced=facts.forced_tool_choice or not thinks,
            any_other_call=facts.family == "claude",
        )
    else:
        form = {"type": "json_object"} if method == "json_mode" else _json_schema(schema, strict, facts)
        llm, parser = model.bind(response_format=form, **bound), _json_parser(schema)
    if not include_raw:
        return llm | parser
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=llm) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def _is_of_pydantic_1(schema: Any) -> TypeGuard[type]:
    """Whether a class is of `pydantic.v1`, whose schemas and defaults are too loose for an exact answer."""
    return isinstance(schema, type) and is_basemodel_subclass(schema) and not issubclass(schema, BaseModel)


def _by_tool(
    model: BaseChatModel, schema: Any, strict: bool | None, bound: dict[str, Any], *, forced: bool, any_other_call: bool
) -> tuple[Runnable[LanguageModelInput, AIMessage], Runnable[Any, Any]]:
    """The schema as the only tool, forced where the model can be."""
    schema = named_schema(schema)
    function = wire_tools(schema)[0].get("function")
    if not isinstance(function, dict):
        raise ConfigurationError(f"{schema!r} is a provider's own tool, and no schema of an answer.")
    name = str(function["name"])
    if not any_other_call:
        bound = {"parallel_tool_calls": False, **bound}
    llm = model.bind_tools([schema], tool_choice=name if forced else "auto", strict=strict, **bound)
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return llm, _PydanticTool(tools=[schema], first_tool_only=True)
    return llm, _DictTool(key_name=name, first_tool_only=True)


def _json_schema(schema: Any, strict: bool | None, facts: ModelFacts) -> dict[str, Any]:
    """OpenAI's `response_format`, as `create_agent` binds it too. GPT is held to pydantic classes exactly."""
    if isinstance(schema, dict) and schema.get("type") == "json_schema":
        return schema
    by_default = strict is None
    wanted = True if by_default and facts.family == "gpt" else strict
    return {"type": "json_schema", "json_schema": json_schema_form(schema, strict=wanted, by_default=by_default)}


def _json_parser(schema: Any) -> JsonOutputParser:
    if isinstance(schema, type) and is_basemodel_subclass(schema):
        return _PydanticText(pydantic_object=schema)
    return _JsonText()


def _checked(value: Any, result: list[Generation], *, partial: bool) -> Any:
    """The value that a parser returned. Where it is None for a whole answer, an error that explains why."""
    if value is None and not partial:
        message = result[0].message if result and isinstance(result[0], ChatGeneration) else None
        text = message.text if message is not None else ""
        raise OutputParserException(
            "The answer does not hold the structure asked for: the model did not call the tool, or not with valid "
            f"arguments. It said: {text[:200]!r}. Some models cannot be forced to call a tool while they think: "
            'try method="json_mode", or switch thinking off.',
            llm_output=text,
        )
    return value


def _refuse_refusals(result: list[Generation]) -> None:
    """Raise where the model refused: LangChain's own error where it has one (langchain-core 1.7.5)."""
    message = result[0].message if result and isinstance(result[0], ChatGeneration) else None
    refusal = message.additional_kwargs.get("refusal") if isinstance(message, AIMessage) else None
    if not refusal:
        return
    kind = getattr(exceptions, "ModelRefusalError", None)
    if kind is not None:
        raise kind(f"The model refused: {printable(str(refusal))}", raw_message=message)
    raise OutputParserException(f"The model refused: {printable(str(refusal))}", llm_output=str(refusal))


class _PydanticTool(PydanticToolsParser):
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        _refuse_refusals(result)
        return _checked(super().parse_result(result, partial=partial), result, partial=partial)


class _DictTool(JsonOutputKeyToolsParser):
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        _refuse_refusals(result)
        return _checked(super().parse_result(result, partial=partial), result, partial=partial)


class _PydanticText(PydanticOutputParser[Any]):
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        _refuse_refusals(result)
        return super().parse_result(result, partial=partial)


class _JsonText(JsonOutputParser):
    def parse_result(self, result: list[Generation], *, partial: bool = False) -> Any:
        _refuse_refusals(result)
        return super().parse_result(result, partial=partial)
