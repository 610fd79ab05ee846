"""Which cells of a product `make test` runs: a thin diagonal. `make faults` runs them all."""

from __future__ import annotations

from itertools import groupby
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tests.faults.lanes import Lane

WHOLE = pytest.mark.whole_faults
wanted = {"whole": True}
"""Whether the cells beside the diagonal are made at all: 19,000 that `-m` leaves out again take seconds to make."""


def crossed(
    rows: Mapping[str, Any],
    lanes: Iterable[Lane],
    group: Callable[[Any], Any] = lambda lane: (lane.streamed, lane.name.split()[0] in {"LangChain", "LlamaIndex"}),
    *,
    is_costly: Callable[[str], bool] = lambda _: False,
) -> list[Any]:
    """Every row with every lane; of each group of lanes, `make test` takes one, another one for each row.

    Args:
        rows: By name.
        lanes: In which they are all shown.
        group: What lanes have in common of which one is enough.
        is_costly: Whether a row takes its time: `make test` then takes a lane of every third group.
    """
    groups = [list(found) for _, found in groupby(sorted(lanes, key=lambda lane: str(group(lane))), group)]

    def is_thin(name: str, turn: int, index: int, members: list[Lane]) -> bool:
        return turn % len(members) == index and not (is_costly(name) and turn % 3 != 0)

    return [
        pytest.param(row, lane, id=f"{name}-{lane.id}", marks=() if thin else WHOLE)
        for number, (name, row) in enumerate(rows.items())
        for place, members in enumerate(groups)
        for index, lane in enumerate(members)
        if (thin := is_thin(name, number + place, index, members)) or wanted["whole"]
    ]
