"""What LlamaIndex tells its event handlers, spans and callback managers."""

from __future__ import annotations

import json
import warnings
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest
from llama_index.core.callbacks import CallbackManager
from llama_index.core.callbacks.base_handler import BaseCallbackHandler
from llama_index.core.instrumentation import get_dispatcher
from llama_index.core.instrumentation.event_handlers import BaseEventHandler
from llama_index.core.instrumentation.span import SimpleSpan
from llama_index.core.instrumentation.span_handlers import BaseSpanHandler

from tests.secrets.callers import CALLERS, secrets
from tests.secrets.canaries import KEY, search
from tests.secrets.test_calls import FAULTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.scripted_server import ScriptedServer

WAYS = [name for name in CALLERS if name.startswith(("TikHub.", "TikHubEmbedding."))]
each_way = pytest.mark.parametrize("name", WAYS)
each_fault = pytest.mark.parametrize(
    "fault", ["success", "401", "500", "cut", "error in a stream", "HTML", "redirect", "no JSON in a stream"]
)
heard = pytest.mark.heard_by_httpcore("servers here echo the key in their headers, and httpcore logs what it hears")


@contextmanager
def told() -> Iterator[list[tuple[str, Any]]]:
    """All that instrumentation is told meanwhile: events dumped, spans by what they were called with and gave."""
    kept: list[tuple[str, Any]] = []

    class Events(BaseEventHandler):
        def handle(self, event: Any, **_: Any) -> None:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                dumped = event.model_dump()
            kept.append((f"event {event.class_name()}", [dumped, json.dumps(dumped, default=repr), repr(event)]))

    class Spans(BaseSpanHandler[SimpleSpan]):
        def new_span(
            self,
            id_: str,
            bound_args: Any,
            instance: Any = None,
            parent_span_id: str | None = None,
            tags: dict[str, Any] | None = None,
            **given: Any,
        ) -> SimpleSpan:
            shown = [repr(value) for value in (bound_args, bound_args.arguments, instance, parent_span_id, tags, given)]
            kept.append(("span begun", [id_, *shown]))
            return SimpleSpan(id_=id_)

        def prepare_to_exit_span(
            self, id_: str, bound_args: Any, instance: Any = None, result: Any = None, **given: Any
        ) -> Any:
            kept.append(("span ended", [id_, repr(bound_args), repr(instance), repr(result), repr(given)]))
            return None

        def prepare_to_drop_span(
            self, id_: str, bound_args: Any, instance: Any = None, err: BaseException | None = None, **given: Any
        ) -> Any:
            kept.append(("span dropped", [id_, repr(bound_args), repr(instance), err, repr(given)]))
            return None

    dispatcher = get_dispatcher()
    events, spans = dispatcher.event_handlers, dispatcher.span_handlers
    dispatcher.event_handlers, dispatcher.span_handlers = [*events, Events()], [*spans, Spans()]
    try:
        yield kept
    finally:
        dispatcher.event_handlers, dispatcher.span_handlers = events, spans


class Callbacks(BaseCallbackHandler):
    """The older way: keeps every payload."""

    def __init__(self) -> None:
        super().__init__([], [])
        self.heard: list[tuple[str, Any]] = []

    def on_event_start(
        self, event_type: Any, payload: Any = None, event_id: str = "", parent_id: str = "", **given: Any
    ) -> str:
        self.heard.append((f"callback {event_type} begun", [payload, repr(payload), parent_id, given]))
        return event_id

    def on_event_end(self, event_type: Any, payload: Any = None, event_id: str = "", **given: Any) -> None:
        self.heard.append((f"callback {event_type} ended", [payload, repr(payload), given]))

    def start_trace(self, trace_id: str | None = None) -> None:
        self.heard.append(("trace begun", trace_id))

    def end_trace(self, trace_id: str | None = None, trace_map: Any = None) -> None:
        self.heard.append(("trace ended", [trace_id, trace_map]))


@heard
@each_fault
@each_way
def test_events_spans_and_callbacks_are_told_no_secret(name: str, fault: str, server: ScriptedServer) -> None:
    server.answer = lambda request: FAULTS[fault](request, KEY)
    callbacks = Callbacks()
    caller = CALLERS[name]
    with told() as kept:
        outcome = caller.run(caller.make(**secrets(base_url=server.url, callback_manager=CallbackManager([callbacks]))))
    assert (outcome.error is None) == (fault == "success"), outcome.printed
    places = {place for place, _ in kept}
    assert "span begun" in places
    assert any(place.startswith("event") for place in places)
    assert callbacks.heard
    for place, what in (*kept, *callbacks.heard):
        search.through(f"LlamaIndex {place}, {fault}", what)
