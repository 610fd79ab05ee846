"""Checkpoints of bulk jobs: whatever was kept is found, however the process that kept it ended."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tikhub_ai import ConfigurationError
from tikhub_ai.bulk import Checkpoints, checkpoints

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from hypothesis.strategies import DataObject

JOB = b"job"
ROOT = Path(__file__).parents[2]


def address(number: int) -> bytes:
    """An address; neighbours differ in their low half alone."""
    return (number // 3).to_bytes(8, "big") + number.to_bytes(8, "big")


def answer(number: int) -> bytes:
    return b"answer %d " % number * (number % 5)


def record(*numbers: int) -> list[tuple[bytes, bytes]]:
    return [(address(number), answer(number)) for number in numbers]


def found(folder: Path, numbers: Sequence[int]) -> set[int]:
    """Which of the rows are found by a process that comes new. None has another's answer."""
    kept = Checkpoints(folder, JOB).find([address(number) for number in numbers])
    there = {number for number in numbers if address(number) in kept}
    assert all(kept[address(number)] == answer(number) for number in there)
    return there


def log_of(kept: Checkpoints) -> Path:
    [log] = kept.folder.glob("*.log")
    return log


RECORDS = [(0, 1, 2), (3,), (4, 5), (6,)]


def test_what_was_kept_is_found_by_whoever_asks_the_same(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, JOB)
    for numbers in RECORDS:
        kept.keep(record(*numbers))
    assert found(tmp_path, range(9)) == set(range(7))
    assert len(kept) == 7
    assert Checkpoints(tmp_path, b"other").find([address(0)]) == {}


def test_a_process_that_dies_at_any_byte_of_a_write_loses_that_record_alone(tmp_path: Path) -> None:
    kept, ends = Checkpoints(tmp_path / "whole", JOB), [0]
    for numbers in RECORDS:
        kept.keep(record(*numbers))
        ends.append(log_of(kept).stat().st_size)
    whole = log_of(kept).read_bytes()
    for length in range(len(whole) + 1):
        folder = tmp_path / str(length)
        torn = Checkpoints(folder, JOB)
        (torn.folder / "dead.log").write_bytes(whole[:length])
        expected = {
            number for numbers, end in zip(RECORDS, ends[1:], strict=True) if end <= length for number in numbers
        }
        assert found(folder, range(7)) == expected
        torn.keep(record(7, 8))  # whoever comes after it has a log of its own
        assert found(folder, range(9)) == expected | {7, 8}


@settings(deadline=None)
@given(st.data())
def test_bytes_that_a_machine_lost_when_it_went_down_are_never_taken_for_an_answer(
    tmp_path_factory: pytest.TempPathFactory, data: DataObject
) -> None:
    folder = tmp_path_factory.mktemp("checkpoints")
    kept = Checkpoints(folder, JOB)
    for numbers in RECORDS:
        kept.keep(record(*numbers))
    content = bytearray(log_of(kept).read_bytes())
    start = data.draw(st.integers(0, len(content) - 1))
    content[start:] = bytes(len(content) - start)  # blocks that were never written
    log_of(kept).write_bytes(content)
    assert found(folder, range(7)) <= set(range(7))


@pytest.mark.parametrize("piece", [12, 16, 1 << 20])
@pytest.mark.parametrize("spoil", [lambda byte: byte ^ 1, lambda byte: byte ^ 255, lambda _: 0, lambda _: 84])
def test_a_spoiled_byte_anywhere_costs_its_record_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, spoil: Callable[[int], int], piece: int
) -> None:
    monkeypatch.setattr(checkpoints, "_PIECE", piece)
    kept, ends = Checkpoints(tmp_path, JOB), list[int]()
    for numbers in RECORDS:
        kept.keep([(address(number), checkpoints.MAGIC + answer(number)) for number in numbers])
        ends.append(log_of(kept).stat().st_size)
    whole = log_of(kept).read_bytes()
    for place in range(len(whole)):
        log_of(kept).write_bytes(whole[:place] + bytes([spoil(whole[place])]) + whole[place + 1 :])
        spoiled = next(numbers for numbers, end in zip(RECORDS, ends, strict=True) if place < end)
        there = Checkpoints(tmp_path, JOB).find([address(number) for number in range(7)])
        assert all(there[address(number)] == checkpoints.MAGIC + answer(number) for number in range(7)
                   if address(number) in there)  # fmt: skip
        assert {number for number in range(7) if address(number) in there} >= set(range(7)) - set(spoiled)


def test_what_is_spoiled_in_a_log_that_grows_hides_nothing_that_comes_later(tmp_path: Path) -> None:
    writer, reader = Checkpoints(tmp_path / "a", JOB), Checkpoints(tmp_path / "b", JOB)
    for numbers in RECORDS:
        writer.keep(record(*numbers))
    whole = bytearray(log_of(writer).read_bytes())
    whole[5] ^= 1  # how many rows the first record has
    growing = reader.folder / "other.log"
    for length in range(len(whole)):
        growing.write_bytes(whole[:length])
        reader.find([address(3)])
    growing.write_bytes(whole)
    assert set(reader.find([address(number) for number in range(7)])) == {address(number) for number in range(3, 7)}
    assert len(reader) == 4


def test_a_record_that_another_process_is_still_writing_is_found_once_it_is_whole(tmp_path: Path) -> None:
    writer, reader = Checkpoints(tmp_path / "a", JOB), Checkpoints(tmp_path / "b", JOB)
    writer.keep(record(1, 2))
    whole = log_of(writer).read_bytes()
    growing = reader.folder / "other.log"
    for length in range(len(whole)):
        growing.write_bytes(whole[:length])
        assert reader.find([address(1)]) == {}
    growing.write_bytes(whole)
    assert reader.find([address(1), address(2)]) == dict(record(1, 2))


@pytest.mark.parametrize("room", [0, 1, 13, 60])
def test_after_a_write_that_failed_nothing_is_appended_behind_its_half_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, room: int
) -> None:
    left = room

    def full(log: int, content: memoryview) -> int:
        nonlocal left
        written = os.write(log, content[:left])
        left -= written
        if not written:
            raise OSError(28, "No space left on device")
        return written

    kept = Checkpoints(tmp_path, JOB)
    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "_write", full)
        with pytest.raises(OSError, match="No space left"):
            kept.keep(record(0, 1, 2))
    kept.keep(record(3))
    kept.keep(record(4))
    assert found(tmp_path, range(5)) == {3, 4}


def test_a_write_that_the_system_cuts_short_is_gone_on_with(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checkpoints, "_write", lambda log, content: os.write(log, content[:7]))
    Checkpoints(tmp_path, JOB).keep(record(0, 1, 2))
    assert found(tmp_path, range(3)) == {0, 1, 2}


def test_threads_that_keep_at_the_same_time_lose_nothing(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, JOB)

    def keep(start: int) -> None:
        for number in range(start, start + 25):
            kept.keep(record(number))

    threads = [threading.Thread(target=keep, args=(start,)) for start in range(0, 200, 25)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found(tmp_path, range(200)) == set(range(200))


KILLED = """
import os, signal, sys
from tests.unit.test_bulk_checkpoints import JOB, Checkpoints, record
kept = Checkpoints(sys.argv[1], JOB)
for number in range(int(sys.argv[2]), 10**6):
    kept.keep(record(number))
    print(number, flush=True)
"""


def test_what_a_process_kept_before_it_was_killed_is_there(tmp_path: Path) -> None:
    told: list[int] = []
    processes = [
        subprocess.Popen([sys.executable, "-c", KILLED, str(tmp_path), str(start)], cwd=ROOT, stdout=subprocess.PIPE)
        for start in (0, 1000)
    ]
    for process in processes:
        assert process.stdout is not None
        told.extend(int(process.stdout.readline()) for _ in range(20))
    for process in processes:
        process.kill()
        process.wait()
        assert process.stdout is not None
        told.extend(int(line) for line in process.stdout.read().split(b"\n") if line.strip())
        process.stdout.close()
    assert len(told) >= 40
    assert found(tmp_path, told) == set(told)


@settings(deadline=None)
@given(numbers=st.lists(st.integers(0, 60), max_size=80), asked=st.lists(st.integers(0, 70), max_size=20))
def test_rows_are_found_wherever_the_index_has_them(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], asked: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("checkpoints")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "_LARGEST_RECENT", 3)  # so that most rows are sorted in
        kept = Checkpoints(folder, JOB)
        for number in numbers:
            kept.keep(record(number))
            assert kept.find([address(number)]) == dict(record(number))
        there = kept.find([address(number) for number in asked])
        assert there == dict(record(*(set(asked) & set(numbers))))


def test_a_folder_that_cannot_be_made_says_so(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigurationError, match="cannot be made: Not a directory"):
        Checkpoints(tmp_path / "file" / "folder", JOB)


def test_a_log_says_which_process_wrote_it(tmp_path: Path) -> None:
    kept = Checkpoints(tmp_path, JOB)
    kept.keep(record(1))
    kept.close()
    kept.keep(record(2))
    assert sorted(log.name.split("-")[-2] for log in kept.folder.glob("*.log")) == [str(os.getpid())] * 2
    assert found(tmp_path, (1, 2)) == {1, 2}
