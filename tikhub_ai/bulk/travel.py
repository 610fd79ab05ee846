"""Whether work may travel to workers: a pickle holds no key."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

from tikhub_ai.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Callable

    from tikhub_ai.bulk.work import BulkWork


def travels(work: BulkWork, dumps: Callable[[Any], bytes]) -> None:
    """Look into the pickle that an engine would send.

    Engines pickle functions of a main program, and lambdas, by value, with whatever text stands in them.

    Args:
        work: What travels.
        dumps: The engine's pickling.

    Raises:
        ConfigurationError: It cannot be pickled, or the key is in it.
    """
    try:
        pickled = dumps(work)
    except Exception as error:  # noqa: BLE001 - a pickle may raise anything
        fault = type(error).__name__
    else:
        is_in_it = False
        with suppress(Exception):  # the key may be there for workers alone
            is_in_it = work.settings_here().key().get_secret_value().encode() in pickled
        if not is_in_it:
            return
        raise ConfigurationError(
            "The key would travel to workers in a pickle, since the function that returns it is pickled with the texts "
            "in it: let it read the key from the environment, a file or a vault, or set TIKHUB_AI_API_KEY for workers."
        )
    raise ConfigurationError(
        f"The work cannot be pickled ({fault}): functions in it must be of a module that workers can import."
    )
