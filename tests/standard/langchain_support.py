"""How LangChain's own integration suites are answered: by cassettes, or by the servers that record them."""

from __future__ import annotations

import io
import re
import wave
from base64 import b64decode
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, ClassVar

import pytest
from langchain_core.utils import function_calling
from langchain_tests.integration_tests import chat_models

from tests import cassettes
from tests.scenarios.answerers import ANSWERERS

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from local_models import Peer
    from vcr.cassette import Cassette

FOLDER = cassettes.FOLDER / "standard"

PNG = b64decode("iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==")
PDF = b"%PDF-1.1\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj 2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj\n%%EOF\n"


def wav() -> bytes:
    """A hundredth of a second of silence."""
    out = io.BytesIO()
    with wave.open(out, "wb") as sound:
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(bytes(160))
    return out.getvalue()


FILES = {"png": PNG, "pdf": PDF, "wav": wav()}


class Recorded:
    """Mixed into a suite of langchain-tests: each test is answered by its cassette, or recorded into it."""

    answered_as: ClassVar[str]
    """Whose answerers these are, of `tests.scenarios.answerers`."""
    column: ClassVar[str] = ""
    """The folder below `cassettes/standard`; where empty, it is called like the answerers."""

    url = ""
    """Where the server of this test listens; set for each test."""

    @classmethod
    def folder(cls) -> Path:
        return FOLDER / (cls.column or cls.answered_as)

    @pytest.fixture(autouse=True)
    def vcr(self, request: pytest.FixtureRequest) -> Iterator[Cassette]:
        """The cassette of this test. Stands for pytest-recording's fixture, which `test_stream_time` asks for."""
        peer = ANSWERERS[self.answered_as].of(request.node.originalname.removeprefix("test_"))
        name = re.sub(r"\W+", "_", request.node.name.removeprefix("test_")).strip("_")
        path = self.folder() / f"{name}.yaml"
        live: Peer | None = None
        if request.config.getoption("--record-mode", default=None) == "all":
            live = request.getfixturevalue("recorded_peers")[peer]
        self.url = live.base_url if live else f"http://{cassettes.host_of(peer)}"
        keeper = cassettes.recorder(peer, "all" if live else "none")
        repeats = request.node.get_closest_marker("benchmark") is not None
        with keeper.use_cassette(str(path), allow_playback_repeats=repeats) as cassette:
            yield cassette
        if live is None:
            assert cassette.play_count >= len(cassette), f"{path.name} holds exchanges that nobody asked for"
        elif path.exists():
            cassettes.sign(path, cassettes.facts_of(live.version, live.kind, live.model))


class RecordedChat(Recorded):
    """What the chat suite needs besides: files without a network, and requests that are the same each time."""

    @pytest.fixture(autouse=True)
    def _files_are_at_hand(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The suite fetches a PDF, a picture and a sound from the web; what they show is all the same to it."""

        def get(url: str, **_: Any) -> Any:
            return SimpleNamespace(content=FILES[url.rsplit(".", 1)[-1]])

        monkeypatch.setattr(chat_models, "httpx", SimpleNamespace(get=get))
        monkeypatch.setenv("LANGCHAIN_TESTS_USER_AGENT", "nobody is asked")

    @pytest.fixture(autouse=True)
    def _ids_are_the_same_each_time(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """`tool_example_to_messages` invents ids for its calls; a cassette knows only those it was recorded with."""
        monkeypatch.setattr(function_calling, "uuid", SimpleNamespace(uuid4=lambda: "call-of-an-example"))
