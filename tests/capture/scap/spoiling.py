"""Captures damaged in ways that files are: bits flipped, cut, lengths and counts that lie."""

from __future__ import annotations

import gzip
import random
import struct
import tempfile
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from capture.scap.reader import Limits, ScapReader

from .blocks import EVENT, EVENT_FLAGS

#: Lengths and counts that are somewhere the largest, one too many, or negative.
HUGE = (0, 1, 0x7F, 0xFF, 0x7FFF, 0xFFFF, 0x10000, 0x7FFFFFFF, 0x80000000, 0xFFFFFFF0, 0xFFFFFFFF)
_SECTION = 0x0A0D0D0A
_EVENTS = frozenset({0x204, 0x208, 0x216, 0x217, 0x221, 0x222})


@dataclass(frozen=True, slots=True)
class Spoiled:
    """A damaged capture. ``intact``: the number of the last event before any damage, 0 for none;
    ``cut``: it ends too early, and is otherwise whole."""

    name: str
    source: Path
    data: bytes
    intact: int
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Block:
    """A block of a capture: where it begins and ends, and its type."""

    start: int
    end: int
    kind: int

    @property
    def is_event(self) -> bool:
        return self.kind in _EVENTS


class Original:
    """A sound capture, unpacked; ``ends``: where the block of each event ends, and its number."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.packed = path.read_bytes()
        self.data = gzip.decompress(self.packed) if self.packed[:2] == b"\x1f\x8b" else self.packed
        self.blocks = list(_blocks(self.data))
        with tempfile.NamedTemporaryFile(suffix=".scap") as file:
            file.write(self.data)
            file.flush()
            with ScapReader(file.name, Limits(rows=1)) as reader:
                self.ends = [
                    (reader.progress.offset, batch.batch.column("num")[0].as_py())
                    for batch in reader.batches()
                ]

    def intact(self, offset: int) -> int:
        """The number of the last event before a place."""
        return max((number for end, number in self.ends if end <= offset), default=0)


def _blocks(data: bytes) -> Iterator[Block]:
    at = 0
    while at + 8 <= len(data):
        kind, length = struct.unpack_from("<II", data, at)
        yield Block(at, at + length, kind)
        at += length


Way = Callable[[Original, random.Random], tuple[bytes, int]]


def flipped(original: Original, dice: random.Random) -> tuple[bytes, int]:
    made = bytearray(original.data)
    places = [dice.randrange(len(made)) for _ in range(dice.choice((1, 1, 2, 8, 64)))]
    for place in places:
        made[place] ^= 1 << dice.randrange(8)
    return bytes(made), min(places)


def cut(original: Original, dice: random.Random) -> tuple[bytes, int]:
    # Just within the last events, or anywhere.
    low = original.blocks[-3].start if dice.randrange(3) == 0 else 28
    place = dice.randrange(low, len(original.data))
    return original.data[:place], place


def cut_packed(original: Original, dice: random.Random) -> tuple[bytes, int]:
    packed = gzip.compress(original.data, mtime=0)
    packed = packed[: dice.randrange(12, len(packed))]
    return packed, len(zlib.decompressobj(wbits=31).decompress(packed))


def flipped_packed(original: Original, dice: random.Random) -> tuple[bytes, int]:
    made = bytearray(gzip.compress(original.data, mtime=0))
    made[dice.randrange(12, len(made))] ^= 1 << dice.randrange(8)
    return bytes(made), 0


def piece_missing(original: Original, dice: random.Random) -> tuple[bytes, int]:
    place = dice.randrange(len(original.data))
    return original.data[:place] + original.data[place + dice.randrange(1, 4096) :], place


def piece_twice(original: Original, dice: random.Random) -> tuple[bytes, int]:
    place = dice.randrange(len(original.data))
    return original.data[: place + dice.randrange(1, 4096)] + original.data[place:], place


def block_length(original: Original, dice: random.Random) -> tuple[bytes, int]:
    """The length at the head of a block, or the one at its end."""
    block = dice.choice(original.blocks)
    place = block.start + 4 if dice.randrange(2) else block.end - 4
    return _put(original.data, place, dice.choice(HUGE)), block.start


def event_length(original: Original, dice: random.Random) -> tuple[bytes, int]:
    """The length that an event states itself, its number of parameters, or one of their lengths."""
    block = dice.choice([each for each in original.blocks if each.is_event])
    head = block.start + 8 + 2 + (4 if block.kind in (EVENT_FLAGS, 0x217, 0x222) else 0)
    count = head + 22
    choices = [head + 16]
    if block.kind not in (EVENT, EVENT_FLAGS):
        choices += [count, count + 4, count + 6]
    return _put(original.data, dice.choice(choices), dice.choice(HUGE)), block.start


def list_length(original: Original, dice: random.Random) -> tuple[bytes, int]:
    """A length or count within the lists of processes, files and users."""
    lists = [each for each in original.blocks if not each.is_event and each.kind != _SECTION]
    block = dice.choice(lists)
    place = dice.randrange(block.start + 8, block.end - 4)
    huge = dice.choice(HUGE)
    if dice.randrange(2):
        return _put(original.data, place, huge), block.start
    made = bytearray(original.data)
    made[place : place + 2] = struct.pack("<H", huge & 0xFFFF)
    return bytes(made), block.start


def block_type(original: Original, dice: random.Random) -> tuple[bytes, int]:
    block = dice.choice(original.blocks)
    other = dice.choice((*{each.kind for each in original.blocks}, 0x9999, 0x201, 0x209))
    return _put(original.data, block.start, other), block.start


def sections_joined(original: Original, dice: random.Random) -> tuple[bytes, int]:
    """A second section, spoiled, after a whole first one."""
    made, _ = dice.choice((flipped, cut, block_length, list_length))(original, dice)
    return original.data + made, len(original.data)


def head(original: Original, dice: random.Random) -> tuple[bytes, int]:
    """Within the first block, which says that this is a capture."""
    made = bytearray(original.data)
    made[dice.randrange(14)] ^= 1 << dice.randrange(8)
    return bytes(made), 0


WAYS: tuple[Way, ...] = (
    head, flipped, cut, cut_packed, flipped_packed, piece_missing, piece_twice, block_length,
    event_length, list_length, block_type, sections_joined,
)  # fmt: skip


def spoiled(captures: Sequence[Path], count: int, seed: int) -> Iterator[Spoiled]:
    """``count`` damaged captures, the same for the same seed."""
    dice = random.Random(seed)
    originals: dict[Path, Original] = {}
    for number in range(count):
        path = captures[(number + number // len(WAYS)) % len(captures)]
        if path not in originals:
            originals[path] = Original(path)
        original = originals[path]
        way = WAYS[number % len(WAYS)]
        data, place = way(original, dice)
        name = f"{number:03}-{way.__name__}-{path.stem}"
        is_cut = way in (cut, cut_packed)
        yield Spoiled(name, path, data, original.intact(place), is_cut)


def _put(data: bytes, place: int, value: int) -> bytes:
    return data[:place] + struct.pack("<I", value) + data[place + 4 :]
