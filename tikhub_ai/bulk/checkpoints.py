"""What a bulk job has paid for, on the disk as soon as it came: logs of records that are whole or count for nothing.

Each process appends to a log of its own, so nobody waits for anybody, and a process that dies spoils no more than the
end of its own log. Whatever spoils a record, those before and after it are found. A record holds the answers of one
request:

    magic 4, rows 4, CRC-32 of the heads 4; for each row a head: address 16, length 4, CRC-32 4; then the answers

All numbers are little-endian but for the address. A row's address is a hash of what was asked: whoever asks the same
finds the answer, however rows are cut into batches and batches given to workers.
"""

from __future__ import annotations

import os
import platform
import struct
import threading
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO
from zlib import crc32

from tikhub_ai.errors import ConfigurationError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MAGIC = b"TKB1"
ADDRESS = 16
"""Bytes of a row's address."""
_FRAME = 12
_HEAD_OF = struct.Struct(f"<{ADDRESS}sII")
_HEAD = _HEAD_OF.size
_PIECE = 1 << 20
"""Bytes that are searched at a time for the record after one that is spoiled."""
_LARGEST_RECENT = 65_536
"""Rows: so many new ones are sorted by themselves before they are sorted in with the rest."""


class Checkpoints:
    """The answers that a folder holds, and a log to add to them. Safe for threads and for any number of processes.

    Args:
        folder: A folder that all workers see, of a file system whose renames and appends hold (a disk, NFS, a mounted
            volume). It is made where it is missing.
        job: A digest of what all rows have in common. Each has a folder of its own in `folder`.

    Raises:
        ConfigurationError: The folder cannot be made.
    """

    def __init__(self, folder: str | os.PathLike[str], job: bytes) -> None:
        self.folder = Path(folder) / job.hex()
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            fault = error.strerror
        else:
            self._lock = threading.Lock()
            self._log: int | None = None
            self._process = os.getpid()
            self._index = _Index()
            self._logs: list[Path] = []
            self._read: dict[str, int] = {}
            return
        raise ConfigurationError(f"The folder of checkpoints, {self.folder}, cannot be made: {fault}.")

    # --- keep -------------------------------------------------------------------------------------------------------

    def keep(self, rows: Sequence[tuple[bytes, bytes]]) -> None:
        """Write the answers of one request. They are on the disk when this returns.

        Args:
            rows: Addresses and answers.

        Raises:
            OSError: They could not be written.
        """
        record = memoryview(_record(rows))
        with self._lock:
            try:
                if self._log is None or self._process != os.getpid():  # a fork has its parent's
                    self._log, self._process = self._new_log(), os.getpid()
                while record:
                    record = record[_write(self._log, record) :]
            except OSError:
                self._give_up_log()  # whose end may be half a record: nothing is ever appended to it
                raise
            # Synced outside of the lock, by a number of its own: others may write, or give the log up, meanwhile.
            number = os.dup(self._log)
        try:
            os.fsync(number)
        finally:
            os.close(number)

    def close(self) -> None:
        """Close the log. A later `keep` begins another."""
        with self._lock:
            self._give_up_log()

    def __del__(self) -> None:
        if getattr(self, "_log", None) is not None:
            self._give_up_log()

    def _give_up_log(self) -> None:
        log, self._log = self._log, None
        if log is not None:
            with suppress(OSError):
                os.close(log)

    def _new_log(self) -> int:
        """A log of this process, whose name says which it is of."""
        name = f"{platform.node()}-{os.getpid()}-{os.urandom(6).hex()}.log"
        log = os.open(self.folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o644)
        with suppress(OSError):  # Windows cannot open a folder, and need not
            folder = os.open(self.folder, os.O_RDONLY)
            try:
                os.fsync(folder)
            finally:
                os.close(folder)
        return log

    # --- find -------------------------------------------------------------------------------------------------------

    def find(self, addresses: Sequence[bytes]) -> dict[bytes, bytes]:
        """The answers that are there, by their addresses. Looks at what others have written meanwhile.

        Raises:
            OSError: A log cannot be read.
        """
        with self._lock:
            self._refresh()
            places = self._index.find(addresses)
        found: dict[bytes, bytes] = {}
        by_log: dict[int, list[tuple[int, int, int, bytes]]] = {}
        for address, (log, start, length, check) in places.items():
            by_log.setdefault(log, []).append((start, length, check, address))
        for log, wanted in by_log.items():
            with self._logs[log].open("rb") as file:
                for start, length, check, address in sorted(wanted):
                    file.seek(start)
                    answer = file.read(length)
                    if len(answer) == length and crc32(answer) == check:  # else a machine went down before it was there
                        found[address] = answer
        return found

    def __len__(self) -> int:
        """How many rows are there. One that two workers asked for at the same time counts twice."""
        with self._lock:
            self._refresh()
            return len(self._index)

    def _refresh(self) -> None:
        """Read the heads of what is new in the logs."""
        with os.scandir(self.folder) as entries:
            new = [
                (entry.name, entry.stat().st_size)
                for entry in entries
                if entry.name.endswith(".log") and entry.stat().st_size > self._read.get(entry.name, 0)
            ]
        for name, size in sorted(new):
            path = self.folder / name
            if name not in self._read:
                self._logs.append(path)
                self._read[name] = 0
            number = self._logs.index(path)
            with path.open("rb") as file:
                for heads, start, end in _records(file, self._read[name], size):
                    self._index.add(heads, number, start)
                    self._read[name] = end


def _write(log: int, content: memoryview) -> int:
    return os.write(log, content)


def _record(rows: Sequence[tuple[bytes, bytes]]) -> bytes:
    heads = b"".join(_HEAD_OF.pack(address, len(answer), crc32(answer)) for address, answer in rows)
    frame = MAGIC + len(rows).to_bytes(4, "little") + crc32(heads).to_bytes(4, "little")
    return b"".join((frame, heads, *(answer for _, answer in rows)))


def _records(file: BinaryIO, start: int, size: int) -> Iterator[tuple[bytes, int, int]]:
    """The heads of each whole record from a place on, where its answers begin, and where it ends.

    One that is still being written ends the log for now. What is spoiled is passed over, up to the next record.
    """
    at: int | None = start
    while at is not None:
        if (found := _record_at(file, at, size)) is None:
            at = _next_record(file, at + 1, size)
            continue
        heads, first, end = found
        if end > size:
            return
        yield heads, first, end
        at = end


def _record_at(file: BinaryIO, start: int, size: int) -> tuple[bytes, int, int] | None:
    """The heads of the record at a place, where its answers begin, and where it ends; None where there is none."""
    file.seek(start)
    frame = file.read(_FRAME)
    rows = int.from_bytes(frame[4:8], "little")
    first = start + _FRAME + rows * _HEAD
    if frame[:4] != MAGIC or rows == 0 or first > size:  # no rows: zeros, of a block that was never written
        return None
    heads = file.read(rows * _HEAD)
    if crc32(heads) != int.from_bytes(frame[8:12], "little"):
        return None
    return heads, first, first + sum(length for _, length, _ in _HEAD_OF.iter_unpack(heads))


def _next_record(file: BinaryIO, start: int, size: int) -> int | None:
    """Where the next whole record begins, from a place on; None where there is none, or none yet."""
    while start + _FRAME <= size:
        file.seek(start)
        piece = file.read(min(_PIECE, size - start))
        at = piece.find(MAGIC)
        while at >= 0:
            if (found := _record_at(file, start + at, size)) is not None and found[2] <= size:
                return start + at
            at = piece.find(MAGIC, at + 1)
        start += max(1, len(piece) - len(MAGIC) + 1)
    return None


class _Index:
    """Where each answer is, in sorted arrays of 36 bytes a row: all but the newest, and those, which are few."""

    def __init__(self) -> None:
        import numpy as np  # noqa: PLC0415 - an optional dependency, of both engines

        self._np = np
        self._kind = np.dtype([("high", ">u8"), ("low", ">u8"), ("length", "<u4"), ("check", "<u4")])
        self._none = tuple(np.empty(0, kind) for kind in ("u8", "u8", "u4", "i8", "u4", "u4"))
        self._base: Any = self._none
        self._recent: Any = self._none
        self._heads: list[bytes] = []
        self._places: list[tuple[int, int, int]] = []
        self._waiting = 0

    def __len__(self) -> int:
        return len(self._base[0]) + len(self._recent[0]) + self._waiting

    def add(self, heads: bytes, log: int, start: int) -> None:
        """Take the rows of a record, whose answers begin at a place of a log."""
        rows = len(heads) // _HEAD
        self._heads.append(heads)
        self._places.append((log, start, rows))
        self._waiting += rows
        if self._waiting > _LARGEST_RECENT:
            self._sort_in()

    def find(self, addresses: Sequence[bytes]) -> dict[bytes, tuple[int, int, int, int]]:
        """The log, start, length and CRC-32 of those that are there."""
        self._sort_in()
        found: dict[bytes, tuple[int, int, int, int]] = {}
        if not addresses:
            return found
        wanted = self._np.frombuffer(b"".join(addresses), ">u8").reshape(-1, 2).astype("u8")
        for high, low, *others in (self._base, self._recent):
            places = self._np.searchsorted(high, wanted[:, 0])
            for address, (first, second), place in zip(addresses, wanted.tolist(), places.tolist(), strict=True):
                here = place
                while here < len(high) and high[here] == first:
                    if low[here] == second:  # of several, the last one is the newest
                        log, start, length, check = (int(column[here]) for column in others)
                        found[address] = log, start, length, check
                    here += 1
        return found

    def _sort_in(self) -> None:
        if not self._heads:
            return
        np = self._np
        heads = np.frombuffer(b"".join(self._heads), self._kind)
        logs, starts, rows = np.array(self._places, "i8").T
        ends = np.cumsum(heads["length"], dtype="i8")
        befores = ends - heads["length"]
        firsts = np.cumsum(rows) - rows
        new = (
            heads["high"],
            heads["low"],
            np.repeat(logs, rows),
            np.repeat(starts - befores[firsts], rows) + befores,
            heads["length"],
            heads["check"],
        )
        self._heads, self._places, self._waiting = [], [], 0
        self._recent = self._merged(self._recent, new)
        if len(self._recent[0]) > max(_LARGEST_RECENT, len(self._base[0]) // 8):
            self._base, self._recent = self._merged(self._base, self._recent), self._none

    def _merged(self, old: Any, new: Any) -> Any:
        np = self._np
        high = np.concatenate((old[0], new[0].astype("u8")))
        order = np.argsort(high, kind="stable")
        rest = (
            np.concatenate((before, after.astype(before.dtype)))[order]
            for before, after in zip(old[1:], new[1:], strict=True)
        )
        return high[order], *rest
