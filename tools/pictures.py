"""Make PNG pictures of pages small: they have few colours, so a byte for each pixel is enough."""

from __future__ import annotations

import struct
import zlib
from collections import Counter
from collections.abc import Iterator

SIGNATURE = b"\x89PNG\r\n\x1a\n"
#: How many colours a palette has room for.
ROOM = 256

Colour = tuple[int, int, int]


def smaller(picture: bytes) -> bytes:
    """
    Return the PNG with a palette of the colours that are used most, the others made the nearest.

    It has to be one of eight bits per channel, with or without transparency (which is left out),
    not interlaced: what a browser makes.
    """
    width, height, pixels = read(picture)
    counts = Counter(pixels)
    palette = [colour for colour, _ in counts.most_common(ROOM)]
    number = {colour: place for place, colour in enumerate(palette)}
    for colour in counts:
        if colour not in number:
            number[colour] = number[nearest(colour, palette)]
    rows = bytearray()
    for top in range(0, width * height, width):
        rows.append(0)  # no filter: with a palette, none is best
        rows += bytes(number[pixel] for pixel in pixels[top : top + width])
    header = struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)
    parts = [
        (b"IHDR", header),
        (b"PLTE", bytes(part for colour in palette for part in colour)),
        (b"IDAT", zlib.compress(bytes(rows), 9)),
        (b"IEND", b""),
    ]
    return SIGNATURE + b"".join(chunk(name, data) for name, data in parts)


def nearest(colour: Colour, palette: list[Colour]) -> Colour:
    """Return the colour of the palette that is most like this one."""
    return min(palette, key=lambda one: sum((a - b) ** 2 for a, b in zip(one, colour, strict=True)))


def read(picture: bytes) -> tuple[int, int, list[Colour]]:
    """Return the width, the height and the pixels of a PNG, row by row."""
    data, width, height, size = b"", 0, 0, 0
    for name, content in chunks(picture):
        if name == b"IHDR":
            width, height, depth, kind, _, _, interlaced = struct.unpack(">IIBBBBB", content)
            if depth != 8 or kind not in (2, 6) or interlaced:
                raise ValueError("This is no picture as browsers make them.")
            size = 3 if kind == 2 else 4
        elif name == b"IDAT":
            data += content
    raw, line = zlib.decompress(data), width * size
    pixels: list[Colour] = []
    above = bytes(line)
    for start in range(0, height * (line + 1), line + 1):
        above = unfiltered(raw[start], raw[start + 1 : start + 1 + line], above, size)
        pixels += zip(above[0::size], above[1::size], above[2::size], strict=True)
    return width, height, pixels


def unfiltered(kind: int, row: bytes, above: bytes, size: int) -> bytes:
    """Return the bytes of a row, which say how they differ from those beside and above."""
    if kind == 0:
        return row
    if kind == 2:
        return bytes((a + b) & 255 for a, b in zip(row, above, strict=True))
    found = bytearray(size) + bytearray(row)
    before = bytes(size) + above
    for place in range(size, len(found)):
        left, up, corner = found[place - size], before[place], before[place - size]
        guess = (left, 0, (left + up) // 2, paeth(left, up, corner))[kind - 1]
        found[place] = (found[place] + guess) & 255
    return bytes(found[size:])


def paeth(left: int, up: int, corner: int) -> int:
    """Return which of the three is nearest to left + up - corner."""
    guess = left + up - corner
    return min((left, up, corner), key=lambda one: abs(guess - one))


def chunks(picture: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the name and the content of each part of a PNG."""
    place = len(SIGNATURE)
    while place < len(picture):
        (length,) = struct.unpack(">I", picture[place : place + 4])
        yield picture[place + 4 : place + 8], picture[place + 8 : place + 8 + length]
        place += length + 12


def chunk(name: bytes, data: bytes) -> bytes:
    """Return one part of a PNG."""
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
