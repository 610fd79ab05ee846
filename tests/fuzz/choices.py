"""Numbers, texts and bytes out of an input of libFuzzer's: what atheris' FuzzedDataProvider does, without atheris.

An input that is kept means the same in `make fuzz` and in `make test`, whatever release of atheris there is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")

_MEANT = [ord(character) for character in '"\\%22-=;:, a\r\n\0\x1b\x7f\xe9\u2028\ud83d\ude00\U0001f600']
"""What a header, a quoted string or a boundary is made of, or breaks on. No coverage tells of a table's entries."""


class Choices:
    """What an input says, until it ends: then zeros, first options and empty texts.

    Numbers are read from its end, and what is long from its beginning, so that a mutation of one leaves the other.
    """

    def __init__(self, data: bytes) -> None:
        self._rest = data

    def number(self, low: int, high: int) -> int:
        """A number from `low` to `high`, which are at most 65,535 apart."""
        span = high - low + 1
        size = (span - 1).bit_length() + 7 >> 3
        at = max(len(self._rest) - size, 0)
        taken, self._rest = self._rest[at:], self._rest[:at]
        return low + int.from_bytes(taken) % span

    def flag(self) -> bool:
        """Yes or no."""
        return self.number(0, 1) == 1

    def one_of(self, options: Sequence[T]) -> T:
        """One of several."""
        return options[self.number(0, len(options) - 1)]

    def content(self, most: int) -> bytes:
        """Up to `most` bytes."""
        size = self.number(0, most)
        taken, self._rest = self._rest[:size], self._rest[size:]
        return taken

    def text(self, most: int) -> str:
        """Up to `most` characters: such as have a meaning, of ASCII, of 16 bits with halves of surrogates, or any."""
        width, alphabet = self.one_of(((1, _MEANT), (1, range(0x80)), (2, range(0x10000)), (4, range(0x110000))))
        size = self.number(0, most) * width
        taken, self._rest = self._rest[:size], self._rest[size:]
        places = [int.from_bytes(taken[at : at + width]) % len(alphabet) for at in range(0, len(taken), width)]
        return "".join(chr(alphabet[place]) for place in places)
