"""Every feature on every wire API, in all eight ways: it works, or the caller is told clearly that it is not there.

The answers are made here, in the form of the recorded ones, since no single model has all features. What is checked of
each: the body that goes out shows the feature, everything that the model said reaches the user, and the four ways of a
framework give the same message.
"""

from __future__ import annotations

import asyncio
import json
import re
import warnings
from dataclasses import fields
from functools import cache
from typing import TYPE_CHECKING, Any

import pytest

from tests.matrix.asked import WEATHER
from tests.matrix.columns import Answered400, LeftOut, Refused, differences, lookup
from tests.matrix.features import FEATURES
from tests.matrix.server import Server
from tests.matrix.table import COLUMNS, document, path
from tests.matrix.vendors import check
from tests.matrix.ways import FRAMEWORKS, PLAIN, WAYS
from tikhub_ai import BadRequestError, InvalidRequestError, TikHubAIWarning

if TYPE_CHECKING:
    from tests.matrix.columns import Column
    from tests.matrix.features import Feature
    from tests.matrix.said import Outcome, Said
    from tests.matrix.ways import Way

SERVER = Server()
GPT = COLUMNS[0]
CLAUDE = next(column for column in COLUMNS if column.api == "messages")

_APART = {"message", "whole", "parsed"}
"""What an `Outcome` holds beside what the model said."""


def _cells() -> list[Any]:
    return [
        pytest.param(
            feature, column, framework, way, id=f"{feature.name}-{column.title}-{framework.NAME}-{way}",
            marks=[pytest.mark.outside_openapi("the provider is to refuse it")] * _is_answered(feature, column),
        )
        for feature in FEATURES
        for column in COLUMNS
        for framework in FRAMEWORKS
        for way in WAYS
    ]  # fmt: skip


def _is_answered(feature: Feature, column: Column) -> bool:
    return isinstance(column.missing.get(feature.name), Answered400)


@pytest.mark.parametrize(("feature", "column", "framework", "way"), _cells())
def test_a_feature_works_or_its_absence_is_said(feature: Feature, column: Column, framework: Any, way: Way) -> None:
    match column.missing.get(feature.name):
        case Refused(words):
            with pytest.raises(InvalidRequestError, match=words):
                _ask(feature, column, framework, way)
            assert not SERVER.bodies
        case Answered400(words):
            with pytest.raises(BadRequestError) as caught:
                _ask(feature, column, framework, way)
            assert words in str(caught.value)
        case LeftOut(warning, place):
            with warnings.catch_warnings(record=True) as told:
                warnings.simplefilter("always")
                outcome = _ask(feature, column, framework, way)
                assert lookup(SERVER.bodies[-1], place) is None
                _check(outcome, feature, column, framework, way)
            assert {each.category for each in told} == {TikHubAIWarning}
            assert any(re.search(warning, str(each.message)) for each in told)
        case _:
            outcome = _ask(feature, column, framework, way)
            lacks = differences(column.wants.get(feature.name, {}), SERVER.bodies[-1])
            assert not lacks, json.dumps(SERVER.bodies[-1])
            _check(outcome, feature, column, framework, way)


def _ask(feature: Feature, column: Column, framework: Any, way: Way) -> Outcome:
    """All turns of a feature, each in the same way; the outcome of the last."""
    asks = [column] * len(feature.says)
    if feature.name == "reasoning replay" and feature.name in column.missing:
        asks[0] = CLAUDE  # a conversation that another API began
    missing = column.missing.get(feature.name)
    error = missing.words if isinstance(missing, Answered400) else None
    said = [(asked, asked.says(feature.name, said)) for asked, said in zip(asks, _says(feature, column), strict=True)]
    SERVER.script(*said, error=error)
    return asyncio.run(_converse(feature, asks, framework, way))


def _says(feature: Feature, column: Column) -> tuple[Said, ...]:
    """What the model says; a plain answer where it was not told what else is wanted."""
    is_left_out = isinstance(column.missing.get(feature.name), LeftOut)
    return (*feature.says[:-1], feature.says[-1].without_extras() if is_left_out else feature.says[-1])


async def _converse(feature: Feature, asks: list[Column], framework: Any, way: Way) -> Outcome:
    conversation = framework.messages(feature)
    outcome: Outcome | None = None
    for column in asks:
        if outcome is not None:
            conversation = [*conversation, *framework.results(outcome)]
        model = column.models.get(feature.name, column.model)
        llm = framework.llm(SERVER, model, column.asked_api, feature)
        outcome = await framework.ask(llm, feature, column, conversation, way)
    assert outcome is not None
    return outcome


@cache
def _plain(feature: Feature, column: Column, framework: Any) -> Outcome:
    return _ask(feature, column, framework, PLAIN)


def _check(outcome: Outcome, feature: Feature, column: Column, framework: Any, way: Way) -> None:
    """What was said has reached the user, and the same by every way."""
    if feature.is_structured:
        assert outcome.parsed == WEATHER
    if outcome.api is not None:  # LlamaIndex gives an object alone
        expected = column.expected(_says(feature, column)[-1])
        said = {field.name for field in fields(outcome)} - _APART
        assert {name: getattr(outcome, name) for name in said} == {name: getattr(expected, name) for name in said}
    if way != PLAIN:
        assert outcome.whole == _plain(feature, column, framework).whole


_HELD_FOR_EVERY_CALL: dict[str, Any] = {"seed": 7, "n": 2, "modalities": ["text", "audio"], "logit_bias": {"50256": -1}}


@pytest.mark.parametrize("setting", _HELD_FOR_EVERY_CALL)
@pytest.mark.parametrize("framework", FRAMEWORKS, ids=lambda framework: framework.NAME)
def test_what_responses_lacks_makes_auto_choose_chat_completions_where_the_class_is_given_it(
    setting: str, framework: Any
) -> None:
    SERVER.script((GPT, FEATURES[0].says[0]))
    llm = framework.made(SERVER, "gpt-4o-mini", **{setting: _HELD_FOR_EVERY_CALL[setting]})
    outcome = asyncio.run(framework.ask(llm, FEATURES[0], GPT, framework.messages(FEATURES[0]), WAYS[-1]))
    assert outcome.api == "chat_completions"
    assert SERVER.bodies[0][setting] == _HELD_FOR_EVERY_CALL[setting]


@pytest.mark.parametrize("column", COLUMNS, ids=lambda column: column.title)
def test_the_answers_are_what_the_vendors_sdks_know(column: Column) -> None:
    """Made here, so held against the vendors' own types: every plain answer, and every payload of a stream."""
    for feature in FEATURES:
        if feature.name not in column.missing:
            for said in feature.says:
                check(column.api, column.plain(said), column.stream(said))


def test_docs_features_is_up_to_date() -> None:
    """`python -m tests.matrix.table` writes it."""
    assert path().read_text() == document()
