"""A disk whose power can be cut, and whose flushes can fail: a VFS for SQLite.

What was written and not flushed may or may not be there after a power cut, whole or torn at a
sector; what was flushed is. The files that SQLite works on are ordinary ones meanwhile.
"""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import apsw

_SECTOR = 512


class Platter:
    """What of one file would survive."""

    def __init__(self, content: bytes) -> None:
        self.flushed = bytearray(content)
        self.waiting: list[tuple[int, bytes | None]] = []

    def write(self, offset: int, data: bytes) -> None:
        self.waiting.append((offset, data))

    def truncate(self, size: int) -> None:
        self.waiting.append((size, None))

    def flush(self) -> None:
        for offset, data in self.waiting:
            _put(self.flushed, offset, data)
        self.waiting.clear()

    def survives(self, chance: random.Random) -> bytes:
        content = bytearray(self.flushed)
        for offset, data in self.waiting:
            if data is None:
                if chance.random() < 0.5:
                    _put(content, offset, None)
                continue
            for at in range(0, len(data), _SECTOR):
                if chance.random() < 0.5:
                    _put(content, offset + at, data[at : at + _SECTOR])
        return bytes(content)


def _put(content: bytearray, offset: int, data: bytes | None) -> None:
    if data is None:
        del content[offset:]
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(data)] = data


class Disk(apsw.VFS):
    """Registers itself under `name`; `unregister` when it is done with."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.platters: dict[str, Platter] = {}
        #: Whether flushes fail, without anything being flushed.
        self.failing = False
        super().__init__(name, base="")

    def xOpen(self, name: Any, flags: list[int]) -> File:  # noqa: N802
        return File(self, name, flags)

    def xDelete(self, filename: str, syncdir: bool) -> None:  # noqa: N802
        super().xDelete(filename, syncdir)
        self.platters.pop(filename, None)

    def cut(self, chance: random.Random, folder: Path) -> None:
        """Write what survives of each file into a folder."""
        for path, platter in self.platters.items():
            (folder / Path(path).name).write_bytes(platter.survives(chance))


class File(apsw.VFSFile):
    def __init__(self, disk: Disk, name: Any, flags: list[int]) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        super().__init__("", name, flags)
        self._disk = disk
        if path is None:
            self._platter = Platter(b"")
        else:
            there = Path(path)
            content = there.read_bytes() if there.exists() else b""
            self._platter = disk.platters.setdefault(path, Platter(content))

    def xWrite(self, data: bytes, offset: int) -> None:  # noqa: N802
        super().xWrite(data, offset)
        self._platter.write(offset, bytes(data))

    def xTruncate(self, size: int) -> None:  # noqa: N802
        super().xTruncate(size)
        self._platter.truncate(size)

    def xSync(self, flags: int) -> None:  # noqa: N802
        if self._disk.failing:
            raise apsw.IOError("the disk does not answer")
        super().xSync(flags)
        self._platter.flush()
