"""Which models a key may use: GET /v1/models, and what the catalog knows of each.

TikHub's documents do not have this endpoint; a client of theirs calls it, and the gateway's family answers in one of
several forms, all of which are read (`tikhub_api.md` 9.5).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TYPE_CHECKING, Any

from tikhub_ai.apis.fields import integer, items, named
from tikhub_ai.apis.unreadable import readable
from tikhub_ai.catalog import ModelFacts, facts
from tikhub_ai.errors import InvalidResponseError
from tikhub_ai.http.transport import Transport
from tikhub_ai.settings import Settings
from tikhub_ai.wire import ApiRequest

if TYPE_CHECKING:
    from tikhub_ai.wire import ApiResponse

PATH = "/v1/models"
_WINDOW_FIELDS = ("context_window", "context_length", "max_model_len", "max_input_tokens")


@dataclass(slots=True)
class ModelInfo:
    """A model that the gateway serves to this key.

    Attributes:
        id: Model name, to be given as `model`.
        owned_by: Who makes it, or whose channel serves it, in the gateway's words.
        created: Unix time in seconds, or None. This gateway's family says the same time for all.
        supported_endpoint_types: The gateway's words for its APIs, such as `openai`, `anthropic`, `gemini`.
        facts: What the catalog knows of it. Where it knows nothing, the context window that the gateway says counts.
        raw: All that the gateway said of it.
    """

    id: str
    owned_by: str | None = None
    created: int | None = None
    supported_endpoint_types: tuple[str, ...] = ()
    facts: ModelFacts = field(default_factory=ModelFacts)
    raw: dict[str, Any] = field(default_factory=dict)


def list_models(settings: Settings) -> list[ModelInfo]:
    """The models that the key may use, in the gateway's order.

    Args:
        settings: Key, address, timeouts, retries.

    Raises:
        InvalidResponseError: The answer is no list of models.
        TikHubAIError: Another member of the tree.
    """
    return Transport(settings).send(_request(), decode)


async def alist_models(settings: Settings) -> list[ModelInfo]:
    """`list_models`, async."""
    return await Transport(settings).asend(_request(), decode)


def _request() -> ApiRequest:
    # As a bearer token: other headers of the key make the gateway answer in other forms, or fail.
    return ApiRequest(PATH, method="GET")


@readable
def decode(response: ApiResponse) -> list[ModelInfo]:
    """The models of an answer.

    Raises:
        APIStatusError: It is an error in spite of its status.
        InvalidResponseError: It is no list of models.
    """
    payload = response.json_object()
    for key in ("data", "models"):
        entries = payload.get(key)
        if isinstance(entries, list) or (key in payload and entries is None):
            return [model for entry in entries or [] if (model := _model(entry)) is not None]
    info = response.info
    raise InvalidResponseError(
        f"The gateway answered {PATH} without a list of models: its answer has "
        f"{', '.join(map(repr, sorted(payload)[:20])) or 'nothing'}. Check base_url.",
        status_code=info.status_code,
        response=info,
    )


def _model(entry: Any) -> ModelInfo | None:
    """One entry, or None where it names no model."""
    raw = {"id": entry} if isinstance(entry, str) else entry
    if not isinstance(raw, dict):
        return None
    name = raw.get("id") or raw.get("name")  # Google's form says `name`, with its collection before it
    if not isinstance(name, str):
        return None
    name = name.removeprefix("models/")
    return ModelInfo(
        id=name,
        owned_by=named(raw.get("owned_by")),
        created=_seconds(raw.get("created", raw.get("created_at"))),
        supported_endpoint_types=tuple(str(kind) for kind in items(raw.get("supported_endpoint_types"))),
        facts=_merged(facts(name), raw),
        raw=raw,
    )


def _merged(known: ModelFacts, raw: dict[str, Any]) -> ModelFacts:
    """The catalog's facts; the gateway's own context window where the catalog has none."""
    if known.is_known:
        return known
    windows = (raw.get(name) for name in _WINDOW_FIELDS)
    said = next((window for window in windows if type(window) is int and window > 0), None)
    return known if said is None else replace(known, context_window=said)


def _seconds(value: Any) -> int | None:
    """Unix seconds of a number or of an ISO date."""
    if isinstance(value, float):
        value = value // 1
    if (seconds := integer(value)) is not None or not isinstance(value, str):
        return seconds
    try:
        return int(datetime.fromisoformat(value).timestamp())
    except (ValueError, OverflowError):
        return None
