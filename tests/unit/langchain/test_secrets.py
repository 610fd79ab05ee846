"""One canary key and one canary header, searched for wherever a model may leave traces."""

from __future__ import annotations

import copy
import pickle
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.load import dumpd, dumps, load

from langchain_tikhub import AuthenticationError, ChatTikHub, ConfigurationError, MissingKeyError
from tests.unit.langchain.support import ScriptedChat

if TYPE_CHECKING:
    from tikhub_ai import Key

KEY, HEADER = "sk-canary-4a7f", "canary-header-9c1e"


def model(**kwargs: Any) -> ChatTikHub:
    return ChatTikHub(
        **{
            "model": "gpt-4o",
            "api": "chat_completions",
            "api_key": KEY,
            "default_headers": {"X-Secret": HEADER},
            **kwargs,
        }
    )


def key_of(llm: ChatTikHub) -> Key:
    return llm._chat_client().settings.key()


def test_no_view_of_a_model_shows_a_secret() -> None:
    llm = model(proxy=f"http://user:{HEADER}@proxy.test")
    llm._chat_client()
    views = [
        repr(llm),
        str(llm),
        str(llm.asdict()),
        str(llm.model_dump()),
        llm.model_dump_json(exclude={"cache", "callbacks"}),
        dumps(llm),
        dumps(llm.bind(stop=["a"])),
        str(llm._identifying_params),
        str(llm._get_invocation_params()),
        llm._get_llm_string(),
        str(llm._serialized),
        repr(llm._chat_client()),
        repr(llm._chat_client().settings),
        repr(llm.__dict__),
    ]
    assert not [view for view in views if KEY in view or HEADER in view]


def test_the_key_and_the_headers_do_not_travel_in_a_pickle() -> None:
    llm = model()
    llm._chat_client()
    text = pickle.dumps(llm)
    assert KEY.encode() not in text
    assert HEADER.encode() not in text
    elsewhere = pickle.loads(text)
    with pytest.raises(MissingKeyError, match="never pickled"):
        elsewhere.invoke("hi")
    elsewhere.api_key = copy.copy(llm.api_key)
    with pytest.raises(ConfigurationError):
        elsewhere.invoke("hi")


def test_a_lost_key_is_never_replaced_by_another(monkeypatch: pytest.MonkeyPatch) -> None:
    text = pickle.dumps(model())
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-somebody-elses")
    with pytest.raises(MissingKeyError):
        pickle.loads(text).invoke("hi")


def test_a_key_of_the_environment_is_read_there_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIKHUB_API_KEY", KEY)
    llm = ChatTikHub(model="gpt-4o")
    assert key_of(llm) == KEY
    text = pickle.dumps(llm)
    assert KEY.encode() not in text
    monkeypatch.setenv("TIKHUB_API_KEY", "sk-of-there")
    assert key_of(pickle.loads(text)) == "sk-of-there"
    monkeypatch.delenv("TIKHUB_API_KEY")
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-another")
    with pytest.raises(MissingKeyError, match="TIKHUB_API_KEY"):
        pickle.loads(text).invoke("hi")


def read_key() -> str:
    return KEY


def test_a_function_travels_by_its_name() -> None:
    llm = pickle.loads(pickle.dumps(model(api_key=read_key, default_headers=None)))
    assert key_of(llm) == KEY


def test_copies_within_the_process_keep_their_secrets() -> None:
    with httpx.Client() as client:
        llm = model(http_client=client)
        llm._chat_client()
        for copied in (copy.copy(llm), copy.deepcopy(llm), llm.model_copy(), llm.model_copy(deep=True)):
            assert key_of(copied) == KEY
            assert copied.default_headers == {"X-Secret": HEADER}
            assert copied.http_client is client


@pytest.mark.filterwarnings("ignore:.*`load` is in beta")
def test_saved_models_ask_for_the_key_by_its_variables_name(monkeypatch: pytest.MonkeyPatch) -> None:
    saved = dumpd(model(temperature=0.5, default_headers=None))
    assert saved["id"] == ["langchain_tikhub", "chat_models", "ChatTikHub"]
    assert saved["kwargs"]["api_key"] == {"lc": 1, "type": "secret", "id": ["TIKHUB_AI_API_KEY"]}
    monkeypatch.setenv("TIKHUB_AI_API_KEY", "sk-of-here")
    loaded = load(saved, valid_namespaces=["langchain_tikhub"], allowed_objects=[ChatTikHub], secrets_from_env=True)
    assert key_of(loaded) == "sk-of-here"
    assert loaded.temperature == 0.5


def test_headers_of_a_call_are_seen_by_nobody_but_the_wire() -> None:
    seen: list[str] = []

    class Everything(BaseCallbackHandler):
        def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
            seen.append(f"{args} {kwargs}")

    llm = ScriptedChat(callbacks=[Everything()])
    bound = llm.bind(extra_headers={"X-Secret": HEADER})
    bound.invoke("hi")
    assert llm.request.extra_headers == {"X-Secret": HEADER}
    list(llm.stream("hi", extra_headers={"X-Secret": HEADER}))
    llm.invoke("hi", extra_headers={"X-Secret": HEADER})
    assert len(seen) == 3
    texts = [*seen, repr(bound), dumps(bound), repr(llm.request)]
    assert not [text for text in texts if HEADER in text]
    assert HEADER.encode() not in pickle.dumps(model(default_headers=None).bind(extra_headers={"X-Secret": HEADER}))


def test_the_wire_and_nothing_else_gets_the_secrets() -> None:
    def handler(request: httpx.Request) -> httpx.Response:
        assert request.headers["authorization"] == f"Bearer {KEY}"
        assert request.headers["x-secret"] == HEADER
        return httpx.Response(401, json={"error": {"message": f"Incorrect API key: {KEY}"}})

    with httpx.Client(transport=httpx.MockTransport(handler)) as client:
        llm = model(http_client=client, base_url="http://gateway.test", max_retries=0)
        with pytest.raises(AuthenticationError) as caught:
            llm.invoke("hi")
    error = caught.value
    views = f"{error!r} {error} {error.__dict__} {error.__cause__!r} {error.__context__!r}"
    assert KEY not in views
    assert HEADER not in views
    assert KEY.encode() not in pickle.dumps(error)


def test_validation_errors_do_not_quote_the_key() -> None:
    with pytest.raises(ValueError, match="temperature") as caught:
        model(temperature="hot")
    assert KEY not in str(caught.value)
