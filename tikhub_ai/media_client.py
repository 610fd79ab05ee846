"""What the clients of recordings and of videos share: their arguments, and the transport of a call."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from pydantic import ValidationError

from tikhub_ai.apis.jobs.paths import checked_paths
from tikhub_ai.arguments import sendable, split_arguments
from tikhub_ai.errors import ConfigurationError
from tikhub_ai.http.transport import Transport
from tikhub_ai.secret_values import seal
from tikhub_ai.settings import Settings
from tikhub_ai.settings_mixin import SettingsMixin
from tikhub_ai.vendor_words import in_our_words


class MediaClient(SettingsMixin):
    """A client whose fields are the settings, by all their usual names, and where the gateway serves what."""

    paths: Mapping[str, str] | None = None
    """Paths of the gateway's operations, where they are not the default ones, by the keys of `DEFAULT_PATHS`."""

    def __init__(self, **given: Any) -> None:
        name = type(self).__name__
        given = seal(given)
        known, unknown = split_arguments(in_our_words(given, type(self).model_fields), type(self).model_fields)
        if strange := sorted(sendable(unknown, name)):
            raise TypeError(
                f"{name} has no argument {', '.join(map(repr, strange))}. Fields of the wire go in extra_body=."
            )
        try:
            super().__init__(**known)
        except ValidationError as failure:
            places = "; ".join(f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in failure.errors())
            error = ConfigurationError(f"{name} cannot be made: {places}.")
        else:
            Settings.from_fields(self)  # so that what cannot work says so here
            checked_paths(self.paths)
            return
        raise error

    def transport(self, **changed: Any) -> Transport:
        """For the settings as they are now, of which some are changed for this call. Connections are shared below it.

        Args:
            **changed: By the names of the settings; None changes nothing.
        """
        settings = Settings.from_fields(self)
        changed = {name: value for name, value in changed.items() if value is not None}
        return Transport(replace(settings, **changed) if changed else settings)

    def close(self) -> None:
        """Close the connections that sync calls share with all clients of such settings. The next call opens others."""
        self.transport().close()

    async def aclose(self) -> None:
        """`close`, for the async calls of the running event loop."""
        await self.transport().aclose()
