"""What libFuzzer mutates of an answer: a value in its JSON, or its events, and the bare bytes now and then.

Bytes alone seldom make JSON again, so that little beyond its parser is reached.
"""

from __future__ import annotations

import json
from random import Random
from typing import TYPE_CHECKING, Any

from tests.fuzz.mutations import ODD, encoded, mutated, places

if TYPE_CHECKING:
    from collections.abc import Callable

_GAP = b"\n\n"
_DATA = b"data: "


def mutator(raw: Callable[[bytes, int], bytes], skipped: int) -> Callable[[bytes, int, int], bytes]:
    """A custom mutator of atheris.

    Args:
        raw: `atheris.Mutate`, which changes bytes.
        skipped: Bytes at the beginning that are no part of the answer.
    """

    def mutate(data: bytes, max_size: int, seed: int) -> bytes:
        random = Random(seed)
        if random.random() < 0.3:
            return raw(data, max_size)
        made = data[:skipped] + _changed(data[skipped:], random)
        return made if made != data and len(made) <= max_size else raw(data, max_size)

    return mutate


def _changed(answer: bytes, random: Random) -> bytes:
    events = answer.split(_GAP)
    at = random.randrange(len(events))
    if len(events) > 1 and random.random() < 0.25:
        event = events.pop(at)
        to = random.randrange(len(events) + 1)
        events[to:to] = [event] * random.choice((0, 1, 2))
        return _GAP.join(events)
    head, found, payload = events[at].rpartition(_DATA)
    try:
        value = json.loads(payload)
        others = [json.loads(event.rpartition(_DATA)[2]) for event in random.sample(events, min(2, len(events)))]
        paths = list(places(value))
        changes = [(random.choice(paths), _other(random, [value, *others])) for _ in range(random.choice((1, 1, 2)))]
        events[at] = head + found + encoded(mutated(value, changes))
    except (ValueError, IndexError, RecursionError):  # no JSON, one without any place, one too deep
        return answer
    return _GAP.join(events)


def _other(random: Random, values: list[Any]) -> Any:
    """Something odd, or something of another place."""
    value = random.choice(values)
    paths = list(places(value))
    if not paths or random.random() < 0.5:
        return random.choice(ODD)
    for key in random.choice(paths):
        value = value[key]
    return value


def restored(value: Any, mark: str, aside: dict[int, bytes]) -> Any:
    """JSON with the texts that were put aside in their places again: where a mark and a number end a text."""
    if isinstance(value, dict):
        return {restored(key, mark, aside): restored(item, mark, aside) for key, item in value.items()}
    if isinstance(value, list):
        return [restored(item, mark, aside) for item in value]
    head, found, number = value.rpartition(mark) if isinstance(value, str) else ("", "", "")
    text = aside.get(int(number), b"").decode("utf-8", "surrogatepass") if found and number.isdecimal() else ""
    return text if text and text.startswith(head[:100]) else value
