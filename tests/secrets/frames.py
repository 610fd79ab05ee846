"""What tools that show the variables of a failed program see in our frames: Sentry, rich, Python's own traceback.

Frames of the frameworks are not ours: LangChain's and LlamaIndex's own functions hold the keywords of a call as the
user wrote them. From our door inwards they are wrapped.
"""

from __future__ import annotations

import traceback
import types
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from typing import TYPE_CHECKING, Any

import sentry_sdk
from pydantic import SecretStr
from rich.traceback import Traceback
from sentry_sdk.transport import Transport as SentryTransport

from tests.secrets.canaries import named_in
from tikhub_ai.secret_values import SecretHeaders, Secrets

if TYPE_CHECKING:
    from sentry_sdk.envelope import Envelope

OURS = ("tikhub_ai", "langchain_tikhub", "llama_index_tikhub")
_OPAQUE = (SecretStr, SecretHeaders, Secrets)
_FOREIGN = ("httpx", "httpx2", "httpcore", "httpcore2", "aiohttp", "h11", "anyio", "tenacity", "ssl", "asyncio")


def is_ours(module: str) -> bool:
    return module.partition(".")[0] in OURS


def chain(error: BaseException) -> Iterator[BaseException]:
    """An error and all that hangs on it."""
    waiting, met = [error], set()
    while waiting:
        one = waiting.pop()
        if id(one) in met:
            continue
        met.add(id(one))
        yield one
        waiting += [other for other in (one.__cause__, one.__context__) if other is not None]
        waiting += getattr(one, "exceptions", ())


def frames_of(error: BaseException) -> Iterator[types.FrameType]:
    """Our frames that an error passed, and those of its chain."""
    for one in chain(error):
        for frame, _ in traceback.walk_tb(one.__traceback__):
            if is_ours(frame.f_globals.get("__name__", "")):
                yield frame


def seen_by_walking(error: BaseException) -> list[str]:
    """Canaries in a variable of our frames, or in what hangs on one, opaque values aside."""
    hits = []
    for frame in frames_of(error):
        for name, value in list(frame.f_locals.items()):
            hits += [f"{frame.f_code.co_qualname}: {hit}" for hit in _walked(name, value, set())]
    return hits


def _walked(path: str, value: Any, met: set[int]) -> Iterator[str]:
    if isinstance(value, (str, bytes)):
        if named := named_in(value):
            yield f"{path} holds the {', '.join(sorted(named))}"
        return
    if isinstance(value, (*_OPAQUE, type, types.ModuleType, types.FunctionType, types.MethodType)) or id(value) in met:
        return
    met.add(id(value))
    try:
        shown = repr(value)
    except AttributeError:  # of an object whose constructor failed
        shown = ""
    if named := named_in(shown):
        yield f"{path} shows the {', '.join(sorted(named))}"
    if isinstance(value, Mapping):
        parts = [(f"{path}[{key!r}]", held) for key, held in list(value.items())]
    elif isinstance(value, (list, tuple, set, frozenset)):
        parts = [(f"{path}[{place}]", held) for place, held in enumerate(value)]
    elif is_dataclass(value):
        parts = [(f"{path}.{field.name}", getattr(value, field.name, None)) for field in fields(value)]
    elif is_ours(type(value).__module__):
        names = [*getattr(value, "__dict__", {})]
        names += [name for kind in type(value).__mro__ for name in kind.__dict__.get("__slots__", ())]
        parts = [(f"{path}.{name}", getattr(value, name, None)) for name in names]
    else:
        parts = []
    for where, held in parts:
        yield from _walked(where, held, met)


def seen_by_python(error: BaseException) -> list[str]:
    """Canaries in what `TracebackException(capture_locals=True)` shows of our frames."""
    hits: list[str] = []
    waiting: list[traceback.TracebackException | None] = [
        traceback.TracebackException.from_exception(error, capture_locals=True)
    ]
    while waiting:
        shown = waiting.pop()
        if shown is None:
            continue
        waiting += [shown.__cause__, shown.__context__]
        for frame in shown.stack:
            if any(f"/{package}/" in frame.filename for package in OURS):
                hits += [f"{frame.name}: {line}" for line in (frame.locals or {}).items() if named_in(str(line))]
    return hits


def seen_by_rich(error: BaseException) -> list[str]:
    """Canaries in what rich shows of our frames, with nothing hidden or cut short."""
    shown = Traceback.from_exception(
        type(error),
        error,
        error.__traceback__,
        show_locals=True,
        locals_max_length=None,  # type: ignore[arg-type]  # which is what rich's own Console takes
        locals_max_string=None,  # type: ignore[arg-type]  # as above
        locals_hide_dunder=False,
    )
    return [
        f"{frame.name}: {name} = {node}"
        for stack in shown.trace.stacks
        for frame in stack.frames
        if any(f"/{package}/" in frame.filename for package in OURS)
        for name, node in (frame.locals or {}).items()
        if named_in(str(node))
    ]


class Captured(SentryTransport):
    """Keeps what Sentry would have sent."""

    def __init__(self, options: Any = None) -> None:
        super().__init__(options)
        self.events: list[Any] = []

    def capture_envelope(self, envelope: Envelope) -> None:
        if (event := envelope.get_event()) is not None:
            self.events.append(event)


class Sentry:
    """A program with Sentry in it, whose scrubber is the default one."""

    def __init__(self) -> None:
        self.sent = Captured()
        sentry_sdk.init(
            dsn="http://key@127.0.0.1:9/1",
            transport=self.sent,
            include_local_variables=True,
            default_integrations=False,  # they would stay in this process; `test_frames` starts another with all
        )

    def close(self) -> None:
        sentry_sdk.get_global_scope().set_client(None)

    def sees(self, error: BaseException) -> list[str]:
        """Canaries in what is sent of our frames."""
        self.sent.events.clear()
        sentry_sdk.capture_exception(error)
        (event,) = self.sent.events
        return seen_in_event(event)


def seen_in_event(event: Any) -> list[str]:
    frames = [
        frame for value in event["exception"]["values"] for frame in (value.get("stacktrace") or {}).get("frames", ())
    ]
    assert any(frame.get("vars") for frame in frames), "Sentry looked into no frame"
    return [
        f"{frame['function']}: {name} = {shown}"
        for frame in frames
        if is_ours(frame.get("module") or "")
        for name, shown in (frame.get("vars") or {}).items()
        if named_in(str(shown))
    ]
