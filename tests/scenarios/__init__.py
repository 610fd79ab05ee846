"""What users do, once: run live by `make test-peers`, recorded by `make record`, replayed by `make test`.

A scenario is a function of a `Connection`, sync or async. It asserts shapes, never a model's exact words.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Run = Callable[["Connection"], Any]


@dataclass(frozen=True)
class Connection:
    """Where a scenario's answers come from."""

    base_url: str
    api_key: str
    model: str
    dimensions: int = 384

    def settings(self, **more: Any) -> dict[str, Any]:
        """Arguments for any class of the adapters."""
        return {"base_url": self.base_url, "api_key": self.api_key, "model": self.model, "max_retries": 1} | more


@dataclass(frozen=True)
class Scenario:
    """A function, and the server that it needs."""

    name: str
    peer: str
    run: Run

    @property
    def is_async(self) -> bool:
        return inspect.iscoroutinefunction(self.run)


SCENARIOS: list[Scenario] = []


def scenario(peer: str) -> Callable[[Run], Run]:
    """Enter a function into the list."""

    def enter(run: Run) -> Run:
        framework = run.__module__.rsplit(".", 1)[-1]
        SCENARIOS.append(Scenario(f"{framework}_{run.__name__}", peer, run))
        return run

    return enter


def load() -> list[Scenario]:
    """All scenarios."""
    from tests.scenarios import core, langchain, llama_index  # noqa: F401 - importing enters them

    return SCENARIOS


def get_weather(city: str) -> str:
    """Current weather in a city.

    Args:
        city: Name of the city.
    """
    return f"It is 21 degrees in {city}."
