"""Audit logs as a source: a file, the files of a folder, or a file that grows."""

from __future__ import annotations

import gzip
import os
import stat
import time
import zlib
from io import BufferedReader, FileIO
from pathlib import Path

from capture.errors import FalcowbError
from plugins.sdk.model import Config
from plugins.sdk.source import Batch, EndOfSource, Log, Native, Splitter

CHUNK = 1 << 18  #: bytes read at a time
MOST_DOCUMENT = 64 << 20  #: bytes of one JSON value (an EventList, say); an array has no limit
MOST_MESSAGES = 100  #: problems told one by one for each source; the rest are counted
POLL = 0.03  #: seconds to wait for a file to grow, about what hosts expect of a call


class Reports:
    """Problems with the input: told up to a number, counted beyond."""

    def __init__(self, log: Log) -> None:
        self._log = log
        self.count = 0

    def tell(self, message: str) -> None:
        self.count += 1
        if self.count <= MOST_MESSAGES:
            self._log.warning(message)
        if self.count == MOST_MESSAGES:
            self._log.warning("further problems of this source are counted, not told")

    def drain(self, name: str, splitter: Splitter, before: int, after: int) -> None:
        """Tells the problems of a piece of input; ``before`` and ``after`` count them all."""
        told = 0
        for problem in splitter.problems():
            told += 1
            self.tell(f"{name}:{problem.line}: {problem.text}")
        self.count += (after - before) - told

    def in_words(self) -> str:
        return f", {self.count} problem{'s' * (self.count != 1)}" if self.count else ""

    def close(self) -> None:
        if self.count > MOST_MESSAGES:
            self._log.warning(f"{self.count} problems in all")


class Reader:
    """One stream of JSON on its way into batches."""

    def __init__(self, config: Config, native: Native, reports: Reports) -> None:
        self._native = native
        self._reports = reports
        self._splitter = native.splitter(config.number("maxEventSize"), MOST_DOCUMENT)
        self._problems = 0

    def feed(self, name: str, data: bytes | memoryview, *, last: bool) -> Batch | None:
        batch = self._native.batch()
        after = self._splitter.feed(data, batch, last=last)
        if after != self._problems:
            self._reports.drain(name, self._splitter, self._problems, after)
            self._problems = after
        return batch if len(batch) else None


def in_words(size: int) -> str:
    """A number of bytes for people."""
    return f"{size / 1e6:.1f} MB" if size >= 100_000 else f"{size / 1e3:.1f} kB"


def files_of(path: Path) -> list[Path]:
    """The file, or the folder's regular files, the longest unchanged first."""
    try:
        mode = path.stat().st_mode
        if stat.S_ISREG(mode):
            found = [path]
        elif stat.S_ISDIR(mode):
            entries = [entry for entry in path.iterdir() if entry.is_file()]
            found = sorted(entries, key=lambda entry: (entry.stat().st_mtime_ns, entry.name))
        else:
            raise FalcowbError(f"{path} is neither a file nor a folder")
    except FileNotFoundError:
        raise FalcowbError(
            f"there is no file or folder {path}", hint="give a path, or http://HOST:PORT/PATH"
        ) from None
    except OSError as error:
        raise FalcowbError(f"{path} cannot be read: {error.strerror}") from error
    if not found:
        raise FalcowbError(f"the folder {path} holds no files")
    for file in found:
        if not os.access(file, os.R_OK):
            raise FalcowbError(f"{file} cannot be read: permission denied")
    return found


class FileSource:
    """A file or the files of a folder, once through; compressed ones (gzip) too."""

    def __init__(self, path: Path, config: Config, log: Log, native: Native) -> None:
        self._files = files_of(path)
        self._sizes = [file.stat().st_size for file in self._files]
        self._log = log
        self._reports = Reports(log)
        self._reader = Reader(config, native, self._reports)
        self._buffer = memoryview(bytearray(CHUNK))
        self._next = 0
        self._raw: BufferedReader | None = None
        self._data: BufferedReader | gzip.GzipFile | None = None

    def next_batch(self) -> Batch | None:
        # A little at a time where there is nothing but problems, so that the host gets its turn.
        for _ in range(16):
            batch = self._read()
            if batch is not None:
                return batch
        return None

    def _read(self) -> Batch | None:
        if self._data is None and not self._open_next():
            self._reports.close()
            raise EndOfSource
        name = str(self._files[self._next - 1])
        try:
            assert self._data is not None
            count = self._data.readinto(self._buffer)
        except (OSError, EOFError, zlib.error) as error:
            self._reports.tell(f"{name}: reading stops here: {error}")
            count = 0
        if count == 0:
            self._close_file()
        return self._reader.feed(name, self._buffer[:count], last=count == 0)

    def _open_next(self) -> bool:
        while self._next < len(self._files):
            file = self._files[self._next]
            self._next += 1
            try:
                self._raw = BufferedReader(FileIO(file))
            except OSError as error:
                self._reports.tell(f"{file}: cannot be read: {error.strerror}")
                continue
            packed = self._raw.peek(2)[:2] == b"\x1f\x8b"
            self._data = gzip.GzipFile(fileobj=self._raw) if packed else self._raw
            return True
        return False

    def _close_file(self) -> None:
        if self._data is not None:
            self._data.close()
        if self._raw is not None:
            self._raw.close()
        self._data = self._raw = None

    def progress(self) -> tuple[float, str]:
        total = sum(self._sizes)
        done = sum(self._sizes[: self._next])
        if self._raw is not None:
            done += self._raw.tell() - self._sizes[self._next - 1]
        done = min(done, total)
        words = f"{in_words(done)} of {in_words(total)}"
        if len(self._files) > 1:
            words = f"file {self._next} of {len(self._files)}, {words}"
        return (done / total if total else 1.0), words + self._reports.in_words()

    def close(self) -> None:
        self._close_file()


class FollowSource:
    """A file as it grows. It may be replaced or cut (log rotation), or not be there yet."""

    def __init__(
        self, path: Path, config: Config, log: Log, native: Native, *, start: bool
    ) -> None:
        if path.is_dir():
            raise FalcowbError(f"{path} is a folder; only a file can be followed")
        self._path = path
        self._log = log
        self._reports = Reports(log)
        self._reader = Reader(config, native, self._reports)
        self._file: FileIO | None = None
        self._read = 0
        try:
            self._open()
        except FileNotFoundError:
            if not path.parent.is_dir():
                raise FalcowbError(f"there is no folder {path.parent}") from None
            log.info(f"{path} is not there yet; waiting for it")
        except OSError as error:
            raise FalcowbError(f"{path} cannot be read: {error.strerror}") from error
        if self._file is not None:
            if self._file.read(2) == b"\x1f\x8b":
                raise FalcowbError(f"{path} is compressed; only a plain file can be followed")
            self._file.seek(0, os.SEEK_SET if start else os.SEEK_END)

    def _open(self) -> None:
        file = FileIO(self._path)
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            file.close()
            raise FalcowbError(f"{self._path} is no regular file")
        self._file = file

    def next_batch(self) -> Batch | None:
        if self._file is None:
            try:
                self._open()
            except OSError:
                time.sleep(POLL)
                return None
        assert self._file is not None
        data = self._file.read(CHUNK)
        if data:
            self._read += len(data)
            return self._reader.feed(str(self._path), data, last=False)
        return self._at_end(self._file)

    def _at_end(self, file: FileIO) -> Batch | None:
        """Nothing more for now: has the file been replaced or cut?"""
        ours = os.fstat(file.fileno())
        try:
            named = self._path.stat()
        except OSError:
            named = None  # moved away; its successor may not be there yet
        if named is not None and (named.st_dev, named.st_ino) != (ours.st_dev, ours.st_ino):
            # Whatever came in between the last read and now belongs to the old file.
            rest = file.read()
            file.close()
            self._file = None
            return self._reader.feed(str(self._path), rest or b"", last=True)
        if ours.st_size < file.tell():
            self._log.info(f"{self._path} has been cut; reading it from its beginning")
            file.seek(0)
            return self._reader.feed(str(self._path), b"", last=True)
        time.sleep(POLL)
        return None

    def progress(self) -> tuple[float, str]:
        return -1.0, f"{in_words(self._read)} read, following" + self._reports.in_words()

    def close(self) -> None:
        self._reports.close()
        if self._file is not None:
            self._file.close()
