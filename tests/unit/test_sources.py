"""Files that a caller gives: looked at before they are sent, refused in words where they are none."""

from __future__ import annotations

import base64
import io
import os
from typing import TYPE_CHECKING, Any

import pytest

from tikhub_ai import InvalidRequestError
from tikhub_ai.conversation import Media
from tikhub_ai.http.sources import image_of, upload_of

if TYPE_CHECKING:
    from pathlib import Path

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40
PNG_TEXT = base64.b64encode(PNG).decode()


class Unseekable(io.RawIOBase):
    """A pipe: it can be read once, from its beginning."""

    def readable(self) -> bool:
        return True


class Named(io.BytesIO):
    name = "/somewhere/talk.wav"


def test_a_path_is_looked_at_and_opened_only_when_it_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(PNG * 1000)
    for given in (path, str(path)):
        upload = upload_of(given)
        assert (upload.content, upload.filename, upload.size, upload.start) == (path, "talk.wav", 48_000, 0)
        assert (PNG * 1000).startswith(upload.head)
        assert upload.head
    assert upload_of(path, "other.mp3").filename == "other.mp3"
    path.unlink()  # it is not held open


def test_bytes_and_open_files_are_taken_from_where_they_stand() -> None:
    for given in (PNG, bytearray(PNG), memoryview(PNG)):
        upload = upload_of(given)  # type: ignore[arg-type]  # kinds of bytes that a caller may have
        assert (upload.content, upload.size, upload.head, upload.filename) == (PNG, 48, PNG, "")
    assert upload_of(("talk.wav", PNG)).filename == "talk.wav"
    file = io.BytesIO(b"skipped" + PNG)
    file.seek(7)
    upload = upload_of(file)
    assert (upload.content, upload.size, upload.head, upload.start) == (file, 48, PNG, 7)
    assert file.tell() == 7
    assert upload_of(Named(PNG)).filename == "talk.wav"
    assert upload_of(("mine.mp3", Named(PNG))).filename == "mine.mp3"


def test_a_file_that_cannot_seek_is_known_as_such() -> None:
    upload = upload_of(Unseekable())  # type: ignore[arg-type]  # a file in all but its type
    assert not upload.is_seekable
    assert upload.size is None
    read, write = os.pipe()
    with os.fdopen(read, "rb") as opened, os.fdopen(write, "wb") as filled:
        filled.write(PNG)
        filled.flush()
        upload = upload_of(opened)
        assert (upload.is_seekable, upload.head, upload.filename) == (False, PNG, "")
        assert opened.read(len(PNG)) == PNG  # looking took nothing away


@pytest.mark.parametrize(
    ("given", "reason"),
    [
        ("https://e.com/talk.mp3", "download it first"),
        ("s3://bucket/talk.mp3", "download it first"),
        ("nowhere/talk.mp3", "is not there"),
        ("", "is a folder|is not there"),
        (".", "is a folder"),
        ("a\0b", "cannot be read|is not there"),
    ],
)
def test_a_path_that_is_none_is_refused_in_words(given: str, reason: str) -> None:
    with pytest.raises(InvalidRequestError, match=reason) as caught:
        upload_of(given)
    assert str(caught.value).count("The file ") == 1, "one sentence of ours, not one within another"


def test_a_file_that_may_not_be_read_or_is_closed_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "talk.wav"
    path.write_bytes(PNG)

    def refused(*_: Any, **__: Any) -> Any:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(type(path), "open", refused)
    with pytest.raises(InvalidRequestError, match="Permission denied"):
        upload_of(path)
    closed = io.BytesIO(PNG)
    closed.close()
    with pytest.raises(InvalidRequestError, match="closed"):
        upload_of(closed)


@pytest.mark.parametrize(
    "given",
    [None, 7, (byte for byte in b"x"), [PNG], io.StringIO("text"), ("a.wav",), (PNG, "a.wav"), ("a.wav", "b.wav"), {}],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_file_is_a_type_error(given: Any) -> None:
    with pytest.raises(TypeError):
        upload_of(given)


def test_an_image_is_taken_in_every_form(tmp_path: Path) -> None:
    path = tmp_path / "cat.png"
    path.write_bytes(PNG)
    whole = Media("image", data=PNG_TEXT, mime_type="image/png")
    for given in (PNG, io.BytesIO(PNG), PNG_TEXT, f"data:image/png;base64,{PNG_TEXT}"):
        assert image_of(given) == whole
    for named in (path, str(path), ("cat.png", PNG)):
        assert image_of(named) == Media("image", data=PNG_TEXT, mime_type="image/png", name="cat.png")
    for url in ("https://e.com/a.png?x=1", "gs://bucket/a.png"):
        assert image_of(url) == Media("image", url=url)


def test_what_is_no_image_is_refused_in_words(tmp_path: Path) -> None:
    empty = tmp_path / "empty.png"
    empty.write_bytes(b"")
    for given in (empty, b"", ("a.png", b"")):
        with pytest.raises(InvalidRequestError, match="is empty"):
            image_of(given)
    with pytest.raises(InvalidRequestError, match="is not there"):
        image_of("nowhere.png")
    with pytest.raises(InvalidRequestError, match="neither a URL, base64 of a known kind of file, nor the path"):
        image_of("A" * 5000)
    with pytest.raises(TypeError):
        image_of(7)
