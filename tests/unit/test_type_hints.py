"""Type hints of all that is public can be resolved: LangChain, pydantic and users' tools ask for them at run time."""

from __future__ import annotations

import importlib
import inspect
import sys
import typing
from functools import cached_property
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel

from langchain_tikhub import ChatTikHub

if TYPE_CHECKING:
    from collections.abc import Iterator

OURS = ("tikhub_ai", "langchain_tikhub", "llama_index_tikhub")
MODULES = (*OURS, "langchain_tikhub.middleware", "tikhub_ai.replay")


def is_ours(thing: Any) -> bool:
    return str(getattr(thing, "__module__", "")).split(".")[0] in OURS


def functions_of(member: Any) -> Iterator[Any]:
    """The functions behind a member of a class."""
    match member:
        case property():
            yield from filter(None, (member.fget, member.fset))
        case staticmethod() | classmethod():
            yield member.__func__
        case cached_property():
            yield member.func
        case _ if inspect.isfunction(inspect.unwrap(member)):
            yield member


def public_things() -> dict[str, Any]:
    """All functions, classes, and methods of our classes, by name: what `__all__` of each package names."""
    found: dict[str, Any] = {}
    for module_name in MODULES:
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", None) or [name for name in vars(module) if not name.startswith("_")]:
            thing = getattr(module, name)
            if not is_ours(thing):
                continue
            if inspect.isfunction(thing):
                found[f"{module_name}.{name}"] = thing
            elif inspect.isclass(thing):
                found[f"{module_name}.{name}"] = thing
                for base in filter(is_ours, thing.__mro__):
                    for key, member in vars(base).items():
                        if key.startswith("_") and key != "__init__":
                            continue
                        for number, function in enumerate(functions_of(member)):
                            if is_ours(inspect.unwrap(function)):
                                found[f"{module_name}.{name}.{key}.{number}"] = function
    return found


THINGS = public_things()


def test_there_are_public_things_of_every_package() -> None:
    for name in ("langchain_tikhub.ChatTikHub.bind_tools.0", "llama_index_tikhub.TikHub.chat.0",
                 "tikhub_ai.ChatClient.stream.0", "langchain_tikhub.ChatTikHub.lc_secrets.0"):  # fmt: skip
        assert name in THINGS
    assert len(THINGS) > 200


@pytest.mark.parametrize("name", THINGS)
def test_the_type_hints_of_all_that_is_public_can_be_resolved(name: str) -> None:
    thing = THINGS[name]
    if not inspect.isclass(thing):
        typing.get_type_hints(thing)
        return
    for base in filter(is_ours, thing.__mro__):  # a framework's own classes have hints that nobody can resolve
        fields = SimpleNamespace(__annotations__=inspect.get_annotations(base))
        typing.get_type_hints(fields, vars(sys.modules[base.__module__]), dict(vars(base)))


CALLS = {"generate", "agenerate"}
"""LangChain's own methods, whose hints it does not resolve either."""


class City(BaseModel):
    name: str


def weather(city: str) -> str:
    """The weather of a city."""
    return city


OURS_ALONE = [name for name in vars(ChatTikHub) if not (name.startswith(("_", "model_")) or name in CALLS)]


@pytest.mark.parametrize("method", OURS_ALONE)
def test_a_model_with_fallbacks_has_every_method_of_the_model(method: str) -> None:
    """LangChain reads the hints of whatever is asked of it."""
    llm = ChatTikHub(model="gpt-5", api_key="sk-1").with_fallbacks([ChatTikHub(model="claude-sonnet-4-5")])
    getattr(llm, method)


def test_a_model_with_fallbacks_binds_tools_and_answers_in_a_structure() -> None:
    llm = ChatTikHub(model="gpt-5", api_key="sk-1").with_fallbacks([ChatTikHub(model="claude-sonnet-4-5")])
    for bound in llm.bind_tools([weather]).runnables:
        assert [tool["function"]["name"] for tool in bound.kwargs["tools"]] == ["weather"]
    assert len(list(llm.with_structured_output(City).runnables)) == 2
