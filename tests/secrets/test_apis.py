"""Each wire API carries the key in a header of its own, nowhere else, and gives it away in no answer and no error."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from langchain_tikhub import ChatTikHub
from llama_index_tikhub import TikHub
from tests.scripted_server import Answer, Request, sse
from tests.secrets.callers import CALLERS, Caller, secrets
from tests.secrets.canaries import CALL_HEADERS, KEY
from tests.secrets.test_calls import refusal, search_through
from tests.signing import SERVERS, Say, Signing, Think

if TYPE_CHECKING:
    from tests.scripted_server import ScriptedServer

KEY_HEADERS = {"messages": "x-api-key", "responses": "authorization", "generate_content": "x-goog-api-key"}
NAMES = ["ChatTikHub.invoke", "ChatTikHub.astream", "TikHub.achat", "TikHub.stream_chat"]

pytestmark = [
    pytest.mark.parametrize("signing", SERVERS, ids=lambda kind: kind.api),
    pytest.mark.parametrize("name", NAMES),
]


def caller_of(name: str, signing: type[Signing], **settings: Any) -> tuple[Caller, Any]:
    kind = ChatTikHub if name.startswith("ChatTikHub") else TikHub
    return CALLERS[name], kind(model=signing.model, api=signing.api, **secrets(**settings))


def assert_carried(request: Request, header: str) -> None:
    assert request.headers[header] == (f"Bearer {KEY}" if header == "authorization" else KEY)
    assert [name for name, value in request.headers.items() if KEY in value] == [header]
    assert KEY not in request.path
    assert KEY.encode() not in request.body


def test_the_key_is_in_the_apis_own_header_alone(signing: type[Signing], name: str, server: ScriptedServer) -> None:
    server.answer = signing([Think("hm"), Say("Hello")])
    caller, model = caller_of(name, signing, base_url=server.url)
    outcome = caller.run(model)
    assert outcome.error is None, outcome.printed
    search_through(f"{signing.api}: success", outcome)
    (request,) = server.requests
    assert_carried(request, KEY_HEADERS[signing.api])
    if caller.takes_call_headers:
        assert request.headers["x-call"] == CALL_HEADERS["X-Call"]


def test_it_can_be_a_bearer_token_everywhere(signing: type[Signing], name: str, server: ScriptedServer) -> None:
    server.answer = lambda request: signing().answer([signing().item(Say("Hello"))], streams=signing().streams(request))
    caller, model = caller_of(name, signing, base_url=server.url, auth_header="Authorization")
    assert caller.run(model).error is None
    assert_carried(server.requests[0], "authorization")


@pytest.mark.heard_by_httpcore("servers here echo the key in their headers, and httpcore logs what it hears")
@pytest.mark.parametrize("fault", ["401", "an error in a 200", "an error event"])
def test_an_error_that_repeats_the_key_shows_none(
    signing: type[Signing], name: str, fault: str, server: ScriptedServer
) -> None:
    def answer(request: Request) -> Answer:
        refused = refusal(KEY)
        if fault == "401":
            return refused
        if fault == "an error in a 200":
            return Answer(refused.body)
        streams = signing().streams(request)
        body = {"type": "error", **refused.body}
        return sse(body, done=False) if streams else Answer(body)

    server.answer = answer
    caller, model = caller_of(name, signing, base_url=server.url)
    outcome = caller.run(model)
    assert outcome.error is not None
    search_through(f"{signing.api}: {fault}", outcome)
    assert KEY not in repr(model)
    assert KEY not in str(model.to_dict() if isinstance(model, TikHub) else model.model_dump())
