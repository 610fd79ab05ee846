"""A real tool for the agents: it looks at the clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError, available_timezones


def get_time(city: str) -> str:
    """Tell the current local time in a city.

    Args:
        city: Name of the city, such as Paris.
    """
    name = city.strip().replace(" ", "_").lower()
    zone = next((zone for zone in sorted(available_timezones()) if zone.rsplit("/", 1)[-1].lower() == name), None)
    try:
        now = datetime.now(ZoneInfo(zone)) if zone else datetime.now(UTC)
    except ZoneInfoNotFoundError:
        zone, now = None, datetime.now(UTC)
    return f"It is {now:%H:%M} in {city}." if zone else f"It is {now:%H:%M} UTC; no time zone is named after {city}."


def described(name: str, arguments: dict[str, Any]) -> str:
    """A tool call as a line of the demo."""
    return f"calls {name}({', '.join(f'{key}={value!r}' for key, value in arguments.items())})"
