"""What users do, once: run live by `make test-peers`, recorded by `make record`, replayed by `make test`.

A scenario is a function of a `Connection`, sync or async, that runs once for each wire API which can show it. It
asserts shapes, never a model's exact words. Who answers stands in `answerers`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, cast

from tests.scenarios.answerers import ANSWERERS, CHAT

if TYPE_CHECKING:
    from tikhub_ai import ChatAPI

Run = Callable[["Connection"], Any]


@dataclass(frozen=True)
class Connection:
    """Where a scenario's answers come from."""

    base_url: str
    api_key: str
    model: str
    api: str
    repeatable: Mapping[str, Any] = field(default_factory=dict)
    """Settings with which a model says the same each time."""
    dimensions: int = 384
    counts_streams: bool = True
    """Whether the server says usage in streams."""
    http_backend: str = "auto"

    @property
    def chat_api(self) -> ChatAPI:
        return cast("ChatAPI", self.api)

    def settings(self, **more: Any) -> dict[str, Any]:
        """Arguments for any class of the adapters."""
        return self.server(model=self.model) | more

    def server(self, **more: Any) -> dict[str, Any]:
        """Arguments for `Settings`."""
        given = {"base_url": self.base_url, "api_key": self.api_key, "max_retries": 1}
        return given | {"http_backend": self.http_backend} | more

    def chat_settings(self, **more: Any) -> dict[str, Any]:
        """Arguments for the adapters' chat classes."""
        return self.settings(api=self.api, **self.repeatable) | more


@dataclass(frozen=True)
class Scenario:
    """A function on one wire API, and the server that it needs there."""

    name: str
    api: str
    peer: str
    run: Run
    thinks: bool = False

    @property
    def id(self) -> str:
        return f"{self.api}-{self.name}"

    @property
    def is_scripted(self) -> bool:
        return self.peer == ANSWERERS[self.api].script

    def connection(self, base_url: str, api_key: str, model: str) -> Connection:
        """To a server that calls its model so."""
        one = ANSWERERS[self.api]
        if self.thinks and one.thinker:
            return Connection(base_url, api_key, one.thinker, self.api)
        counts = one.counts_streams or self.is_scripted
        name = one.asked_for or model
        return Connection(base_url, api_key, name, self.api, one.repeatable, counts_streams=counts)


SCENARIOS: list[Scenario] = []


def scenario(*, scripted: bool = False, thinks: bool = False, on: Iterable[str] = tuple(CHAT)) -> Callable[[Run], Run]:
    """Enter a function into the list.

    Args:
        scripted: No small model can show it.
        thinks: It asks for reasoning.
        on: The wire APIs that can.
    """

    def enter(run: Run) -> Run:
        name = f"{run.__module__.rsplit('.', 1)[-1]}_{run.__name__}"
        SCENARIOS.extend(Scenario(name, api, ANSWERERS[api].of(name, scripted=scripted), run, thinks) for api in on)
        return run

    return enter


def load() -> list[Scenario]:
    """All scenarios."""
    from tests.scenarios import core, langchain, llama_index, speech  # noqa: F401 - importing enters them

    return SCENARIOS


def get_weather(city: str) -> str:
    """Current weather in a city.

    Args:
        city: Name of the city.
    """
    return f"It is 21 degrees in {city}."


# As cassettes hold it: the compiler takes out the indentation since Python 3.13, but of what is written here.
get_weather.__doc__ = "Current weather in a city.\n\n    Args:\n        city: Name of the city.\n    "
