"""Multipart forms: byte for byte what httpx encodes, whatever the source, and never a file that is not what it was."""

from __future__ import annotations

import asyncio
import gc
import io
import os
import threading
import tracemalloc
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import python_multipart
from hypothesis import given
from hypothesis import strategies as st

from tikhub_ai import BadRequestError
from tikhub_ai.http.multipart import PIECE, MultipartBody, is_repeatable
from tikhub_ai.wire import FilePart, FormField, Upload

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

CONTENT = bytes(range(256)) * 1000 + b"\r\n--not the boundary\r\n"


def part(content: Any, filename: str = "talk.mp3", **known: Any) -> FilePart:
    return FilePart("file", filename, "audio/mpeg", Upload(content, filename, **known))


def sent(body: MultipartBody) -> bytes:
    return b"".join(body.pieces())


async def asent(body: MultipartBody) -> bytes:
    return b"".join([piece async for piece in body.apieces()])


class Pipe(io.RawIOBase):
    """A source that cannot seek, and gives as little at once as it likes."""

    def __init__(self, content: bytes) -> None:
        self._rest = content

    def readable(self) -> bool:
        return True

    def read(self, most: int = -1) -> bytes:
        piece, self._rest = self._rest[: min(most, 1000)], self._rest[min(most, 1000) :]
        return piece


names = st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1)


@given(st.lists(st.tuples(names, st.text(st.characters(exclude_categories=["Cs"])))), names, names, st.binary())
def test_a_form_is_byte_for_byte_what_httpx_encodes(
    fields: list[tuple[str, str]], name: str, filename: str, content: bytes
) -> None:
    fields = list(dict(fields).items())
    body = MultipartBody(
        [*(FormField(*field) for field in fields), FilePart(name, filename, "audio/mpeg", Upload(content, filename))]
    )
    request = httpx.Request(
        "POST",
        "http://host",
        data=dict(fields),
        files={name: (filename, content, "audio/mpeg")},
        headers={"content-type": body.content_type},
    )
    assert sent(body) == request.read()
    assert body.length == len(request.read())


@pytest.fixture
def opened() -> Iterator[ExitStack]:
    with ExitStack() as files:
        yield files


def sources(tmp_path: Path, opened: ExitStack | None = None) -> dict[str, Callable[[], FilePart]]:
    """The same content from every kind of source; the second half of a file where it stood in its middle."""
    path = tmp_path / "talk.mp3"
    if opened:
        path.write_bytes(CONTENT)

    def open_(buffering: int) -> Any:
        assert opened is not None
        return opened.enter_context(path.open("rb", buffering))

    def in_the_middle() -> FilePart:
        file = io.BytesIO(b"before" + CONTENT)
        file.seek(6)
        return part(file, size=len(CONTENT), start=6)

    return {
        "bytes": lambda: part(CONTENT, size=len(CONTENT)),
        "path": lambda: part(path, size=len(CONTENT)),
        "path of unknown size": lambda: part(path),
        "open file": lambda: part(open_(-1), size=len(CONTENT)),
        "raw open file": lambda: part(open_(0), size=len(CONTENT)),
        "BytesIO in its middle": in_the_middle,
        "pipe": lambda: part(Pipe(CONTENT), is_seekable=False),
    }


KINDS = list(sources(Path()))


def parsed(body: bytes, content_type: str) -> list[tuple[str, str | None, bytes]]:
    """Name, filename and content of each part, as Starlette's parser reads them."""
    fields: list[Any] = []
    python_multipart.parse_form({"Content-Type": content_type.encode()}, io.BytesIO(body), fields.append, fields.append)
    found: list[tuple[str, str | None, bytes]] = []
    for field in fields:
        if isinstance(field, python_multipart.multipart.File):
            field.file_object.seek(0)
            found.append(
                ((field.field_name or b"").decode(), (field.file_name or b"").decode(), field.file_object.read())
            )
            field.close()
        else:
            found.append(((field.field_name or b"").decode(), None, field.value or b""))
    return found


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("way", ["sync", "async"])
async def test_every_kind_of_source_is_sent_whole_and_again_where_it_can(
    tmp_path: Path, opened: ExitStack, kind: str, way: str
) -> None:
    form: list[FormField | FilePart] = [
        FormField("model", "whisper-1"),
        sources(tmp_path, opened)[kind](),
        FormField("a[]", "\u00e4\r\nb"),
    ]
    body = MultipartBody(form)
    assert is_repeatable(form) is (kind != "pipe")
    expected = [("model", None, b"whisper-1"), ("file", "talk.mp3", CONTENT), ("a[]", None, "\u00e4\r\nb".encode())]
    for _ in range(2 if is_repeatable(form) else 1):
        whole = sent(body) if way == "sync" else await asent(body)
        assert parsed(whole, body.content_type) == expected
        assert body.length in {None, len(whole)}
    assert (body.length is None) is (kind in {"pipe", "path of unknown size"})


@pytest.mark.parametrize(
    "filename",
    ['a"b.mp3', "a\\b.mp3", "\u4f60\u597d.mp3", "a;b=c.mp3", "caf\u00e9 \U0001f3b5.mp3", "tab\t.mp3", "\udcff.mp3"],
)
def test_a_name_does_not_break_out_of_its_quotes(filename: str) -> None:
    body = MultipartBody([part(b"x", filename), FormField("model", "m")])
    ((name, read, content), model) = parsed(sent(body), body.content_type)
    assert (name, content, model) == ("file", b"x", ("model", None, b"m"))
    assert read == filename.replace('"', "%22").replace("\t", "%09").replace("\udcff", "?")


@pytest.mark.parametrize("name", ["a\rb", "a\nb", "a\r\nContent-Type: text/html\r\n\r\n", "a\0b"])
def test_a_name_with_a_line_end_is_refused(name: str) -> None:
    for form in ([part(b"x", name)], [FormField(name, "x")], [FilePart("f", "f", name, Upload(b"x"))]):
        with pytest.raises(BadRequestError, match="cannot be"):
            MultipartBody(form)


def test_half_a_character_is_refused() -> None:
    with pytest.raises(BadRequestError, match="half a character"):
        MultipartBody([FormField("prompt", "\ud83d")])


# --- sources that are not what they were ----------------------------------------------------------------------------


class Changing(io.BytesIO):
    """A file that is another one by the time of its second piece."""

    def __init__(self, content: bytes, change: Callable[[Changing], Any]) -> None:
        super().__init__(content)
        self._change = change
        self._reads = 0

    def read(self, most: int | None = -1) -> bytes:
        self._reads += 1
        if self._reads == 2:
            self._change(self)
        return super().read(most)


def fails(_: Changing) -> None:
    raise OSError(5, "Input/output error")


def grows(file: Changing) -> None:
    at = file.tell()
    file.seek(0, os.SEEK_END)
    file.write(b"more")
    file.seek(at)


CHANGES: dict[str, tuple[Callable[[Changing], Any], str]] = {
    "shrinks": (lambda file: file.truncate(PIECE + 1), "ended after 65,537: it shrank"),
    "grows": (grows, "grew while it was sent"),
    "fails": (fails, "cannot be read .OSError: .*Input/output error"),
    "is closed": (lambda file: file.close(), "closed file"),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_file_that_changes_while_it_is_sent_is_an_error_that_names_it(change: str, way: str) -> None:
    file = Changing(CONTENT, CHANGES[change][0])
    body = MultipartBody([part(file, size=len(CONTENT))])
    got = b""

    async def take() -> None:
        nonlocal got
        if way == "sync":
            for piece in body.pieces():
                got += piece
            return
        async for piece in body.apieces():
            got += piece

    with pytest.raises(BadRequestError, match=f"talk.mp3.*{CHANGES[change][1]}") as caught:
        await take()
    assert not caught.value.is_retryable
    assert caught.value.__context__ is None
    assert got
    assert not got.endswith(b"--\r\n"), "the form must not look whole"


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_file_that_changed_before_it_is_sent_is_an_error_before_its_first_byte(
    tmp_path: Path, way: str
) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(CONTENT)
    for change in (lambda: path.write_bytes(b"short"), path.unlink):
        body = MultipartBody([part(path, size=len(CONTENT))])
        change()
        with pytest.raises(BadRequestError, match=r"talk\.mp3.*(changed meanwhile|No such file)"):
            sent(body) if way == "sync" else await asent(body)


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_source_that_cannot_seek_is_never_sent_empty(way: str) -> None:
    body = MultipartBody([part(Pipe(CONTENT), is_seekable=False)])
    sent(body)
    with pytest.raises(BadRequestError, match="no bytes at all; perhaps it was read already"):
        sent(body) if way == "sync" else await asent(body)


@pytest.mark.parametrize(("gives", "words"), [("text", "rb"), (None, "NoneType")])
def test_a_file_that_gives_no_bytes_is_refused(gives: Any, words: str) -> None:
    class Odd(io.BytesIO):
        def read(self, _most: int | None = -1) -> Any:
            return gives

    with pytest.raises(BadRequestError, match=words):
        sent(MultipartBody([part(Odd(), size=4)]))


def test_two_requests_may_share_an_open_file() -> None:
    file = io.BytesIO(CONTENT)
    bodies = [MultipartBody([part(file, size=len(CONTENT))]) for _ in range(2)]
    turns = [list(turn) for turn in zip(*(body.pieces() for body in bodies), strict=True)]
    for body, pieces in zip(bodies, zip(*turns, strict=True), strict=True):
        assert parsed(b"".join(pieces), body.content_type) == [("file", "talk.mp3", CONTENT)]


# --- what it costs --------------------------------------------------------------------------------------------------


async def _nothing() -> AsyncIterator[bytes]:
    nothing: tuple[bytes, ...] = ()
    for piece in nothing:
        yield piece


@pytest.mark.parametrize("way", ["sync", "async"])
async def test_a_large_file_does_not_stand_in_memory(tmp_path: Path, way: str) -> None:
    path = tmp_path / "large.mp3"
    size = 64 * 1024 * 1024
    with path.open("wb") as file:
        file.truncate(size)
    body = MultipartBody([part(path, size=size)])
    tracemalloc.start()
    try:
        length = 0
        for piece in body.pieces() if way == "sync" else ():
            length += len(piece)
        async for piece in body.apieces() if way == "async" else _nothing():
            length += len(piece)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert length == body.length
    assert peak < 40 * PIECE


async def test_an_async_send_reads_files_outside_the_event_loop() -> None:
    """A disk that takes its time holds nothing else up."""
    reading, go_on = threading.Event(), threading.Event()

    def wait(_: Changing) -> None:
        reading.set()
        assert go_on.wait(60)

    body = MultipartBody([part(Changing(CONTENT, wait), size=len(CONTENT))])
    sending = asyncio.create_task(asent(body))
    assert await asyncio.to_thread(reading.wait, 60)
    await asyncio.sleep(0)  # the loop is free
    assert not sending.done()
    go_on.set()
    assert len(await sending) == body.length


async def test_a_send_that_is_cancelled_closes_its_file(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp3"
    path.write_bytes(CONTENT)
    body = MultipartBody([part(path, size=len(CONTENT))])
    pieces = body.apieces()
    await anext(pieces)
    await anext(pieces)
    pieces.close()
    del pieces
    gc.collect()  # an open file would be a ResourceWarning here, which is an error
