"""Compiles the probe with bcc, loads it into the kernel and attaches it."""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import platform
import re
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np

from capture.errors import CaptureError
from capture.syscalls import _native
from capture.syscalls.bcc_module import import_bcc
from capture.syscalls.btf import KernelTypes
from capture.syscalls.calls import ia32_calls, probe_calls, wanted
from capture.syscalls.headers import find_headers
from capture.syscalls.offsets import probe_offsets
from capture.syscalls.options import MAX_SNAPLEN, ProbeOptions

ffi, lib = _native.ffi, _native.lib

_HERE = Path(__file__).parent
#: What bcc compiles as one text, in this order.
_SOURCES = (
    "native/record.h",
    "bpf/maps.c",
    "probe.c",
    "bpf/life.c",
    "bpf/steps_user.c",
    "bpf/steps_message.c",
    "bpf/steps_file.c",
    "bpf/steps_task.c",
    "bpf/steps_exe.c",
)
_POSSIBLE = Path("/sys/devices/system/cpu/possible")
#: More rings than this would hold too much memory on large machines; CPUs share them then.
_MAX_RINGS = 8
#: A function of kernels that run 32-bit programs.
_IA32 = "do_int80_emulation do_fast_syscall_32 __do_fast_syscall_32"
#: A function of kernels that hand out typed pointers to registers.
_TYPED = "bpf_task_pt_regs"
_RINGBUF = 27  # BPF_MAP_TYPE_RINGBUF
_PAGE = os.sysconf("SC_PAGESIZE")

_LIBC = ctypes.CDLL(None, use_errno=True)
_NR_BPF, _GET_INFO = 321, 15  # of x86_64; BPF_OBJ_GET_INFO_BY_FD
_INFO_SIZE, _RECURSION_MISSES = 232, 208


class LoadedProbe:
    """The probe in the kernel. ``rings`` are the file descriptors of its ring buffers, each with
    ``ring_bytes`` of data.

    Raises CaptureError, with a way out, where the kernel or the host does not allow it.
    """

    def __init__(self, options: ProbeOptions) -> None:
        if platform.machine() != "x86_64":
            raise CaptureError(
                f"live capture knows the system calls of x86_64, not of {platform.machine()}"
            )
        if not 0 <= options.snaplen <= MAX_SNAPLEN:
            raise CaptureError(f"the snaplen must be from 0 to {MAX_SNAPLEN:,}")
        self._chosen = wanted(options.syscalls)
        cpus = _possible_cpus()
        count = min(1 << (cpus - 1).bit_length(), _MAX_RINGS)
        pages = max(1, options.buffer_bytes // _PAGE)
        self.ring_bytes = (1 << (pages - 1).bit_length()) * _PAGE
        self._attached: list[int] = []
        self._own: list[int] = []
        self._tracked: mmap.mmap | None = None
        self._bcc = import_bcc()
        self.tracks = options.chooses
        self._types = KernelTypes()
        text = _text(options, self._types, cpus, count, self.ring_bytes // _PAGE)
        self._bpf = self._compile(text)
        try:
            self.rings = self._make_rings(count)
            # The table is the kernel's own memory: a byte changed here is seen there at once.
            self._tracked = (
                mmap.mmap(self._bpf[b"tracked"].map_fd, _pid_room()) if self.tracks else None
            )
            self._fill()
            self._programs = self._load()
        except BaseException:
            self.close()
            raise

    def _compile(self, text: str) -> Any:
        with _environment("BCC_KERNEL_SOURCE", str(find_headers())):
            try:
                return self._bcc.BPF(text=text.encode(), cflags=["-w"])
            except Exception as error:  # bcc raises bare Exceptions
                raise CaptureError(
                    f"the probe could not be compiled: {error}",
                    hint="falcowb capture --check says what this host lacks",
                ) from error

    def _make_rings(self, count: int) -> list[int]:
        rings = [self._bpf[b"ring"].map_fd]
        native = self._bcc.lib
        while len(rings) < count:
            fd = native.bcc_create_map(_RINGBUF, b"falcowb_ring", 0, 0, self.ring_bytes, 0)
            if fd < 0:
                raise CaptureError(
                    f"the kernel gave no ring buffer of {self.ring_bytes:,} bytes: "
                    f"{os.strerror(ctypes.get_errno())}",
                    hint="ask for a smaller buffer",
                )
            self._own.append(fd)
            rings.append(fd)
        return rings

    def _fill(self) -> None:
        for index, fd in enumerate(self.rings):
            self._update("rings", index, ctypes.c_int(fd))
        for number, call in ia32_calls().items() if self._types.mentions(_IA32) else ():
            self._update("ia32", number, ctypes.c_uint32(call))
        array = probe_calls(self._chosen)
        size = ffi.sizeof("struct probe_call")
        data = bytes(ffi.buffer(array))
        for number in self._chosen:
            value = ctypes.create_string_buffer(data[number * size : (number + 1) * size], size)
            self._update("calls", number, value)

    def _load(self) -> dict[str, Any]:
        programs: dict[str, Any] = {}
        names = [name for name, _ in _entries(self.tracks)]
        steps = {
            name.lower(): getattr(lib, name)
            for name in dir(lib)
            if name.startswith("STEP_") and name not in ("STEP_END",)
        }
        for name in [*names, *steps]:
            try:
                programs[name] = self._bpf.load_func(name.encode(), self._bcc.BPF.RAW_TRACEPOINT)
            except Exception as error:  # bcc raises bare Exceptions
                raise CaptureError(
                    f"the kernel does not load the probe ({name}): {error}",
                    hint="falcowb capture --check says what this host lacks; "
                    "the kernel must be 5.8 or newer",
                ) from error
        for name, number in steps.items():
            self._update("steps", number, ctypes.c_int(programs[name].fd))
        return programs

    def attach(self) -> None:
        """From now on records are written."""
        for name, tracepoint in _entries(self.tracks):
            fd = self._bcc.lib.bpf_attach_raw_tracepoint(
                self._programs[name].fd, tracepoint.encode()
            )
            if fd < 0:
                raise CaptureError(
                    f"the probe cannot be attached to {tracepoint}: "
                    f"{os.strerror(ctypes.get_errno())}",
                    hint="falcowb capture --check says what this host lacks",
                )
            self._attached.append(fd)

    def detach(self) -> None:
        """No more records are written."""
        for fd in self._attached:
            os.close(fd)
        self._attached.clear()

    def close(self) -> None:
        self.detach()
        for fd in self._own:
            os.close(fd)
        self._own.clear()
        if self._tracked is not None:
            self._tracked.close()
            self._tracked = None
        self._bpf.cleanup()

    def track(self, pids: Iterable[int]) -> None:
        """Record these processes, and what they start from now on."""
        for pid in pids:
            if self._tracked is not None and 0 < pid < len(self._tracked):
                self._tracked[pid] = 1

    def lost(self) -> dict[int, int]:
        """Events lost so far for want of room, by number of the call."""
        key = ctypes.c_int(0)
        cpus = _possible_cpus()
        values = (ctypes.c_uint64 * (lib.LOSSES * cpus))()
        table = self._bpf[b"lost"].map_fd
        if self._bcc.lib.bpf_lookup_elem(table, ctypes.byref(key), ctypes.byref(values)) != 0:
            return {}
        totals = np.frombuffer(values, np.uint64).reshape(cpus, lib.LOSSES).sum(axis=0)
        return {int(call): int(totals[call]) for call in np.flatnonzero(totals)}

    def missed(self) -> int:
        """Times the kernel passed a program over, because one of them ran on that CPU already."""
        return sum(_recursion_misses(self._programs[name].fd) for name, _ in _entries(self.tracks))

    def _update(self, table: str, key: int, value: Any) -> None:
        number = ctypes.c_uint32(key)
        fd = self._bpf[table.encode()].map_fd
        native = self._bcc.lib
        if native.bpf_update_elem(fd, ctypes.byref(number), ctypes.byref(value), 0) != 0:
            raise CaptureError(
                f"the kernel did not take what the probe is to do ({table}): "
                f"{os.strerror(ctypes.get_errno())}"
            )


def _entries(tracks: bool) -> list[tuple[str, str]]:
    """Programs and their tracepoints, in the order in which they are attached."""
    fork = [("on_fork", "sched_process_fork")] if tracks else []
    return [
        *fork,
        ("on_exec", "sched_process_exec"),
        ("on_exit", "sched_process_exit"),
        ("on_sys_exit", "sys_exit"),
    ]


def _text(options: ProbeOptions, types: KernelTypes, cpus: int, rings: int, pages: int) -> str:
    defined: dict[str, object] = {
        **probe_offsets(types),
        "CPUS": cpus,
        "RINGS": rings,
        "RING_PAGES": pages,
        "SNAPLEN": options.snaplen,
        "MAX_SNAPLEN": MAX_SNAPLEN,
        "MAX_CONTROL": 4096,
        "EXCLUDED(pid)": _any("(pid) == {}", options.exclude_pids),
    }
    if options.uids:
        defined["UIDS(uid)"] = _any("(uid) == {}", options.uids)
    if types.mentions(_TYPED):
        defined["TYPED"] = 1
    if types.mentions(_IA32):
        defined["IA32"] = 1
    if options.chooses:
        defined["TREE"] = 1
        defined["PIDS"] = _pid_room()
    if options.containers:
        defined["CONTAINERS(id)"] = _any("({})", [_begins(text) for text in options.containers])
        memory = defined["SUBSYS_MEMORY"]
        defined["CONTAINER_SUBSYS"] = memory if memory != -1 else defined["SUBSYS_CPU"]
    lines = [f"#define {name} ({value})\n" for name, value in defined.items()]
    return "".join([*lines, *((_HERE / name).read_text() for name in _SOURCES)])


def _any(form: str, values: Iterable[object]) -> str:
    return " || ".join(form.format(value) for value in values) or "0"


def _begins(container: str) -> str:
    """A condition in C: that ``id`` begins with this. Raises CaptureError for no container's id."""
    if not re.fullmatch(r"[0-9A-Za-z_.-]{4,60}", container):
        raise CaptureError(
            f"{container!r} is no id of a container",
            hint="give the beginning of the id, 12 characters or so, as the engine lists it",
        )
    return " && ".join(f"(id)[{at}] == '{letter}'" for at, letter in enumerate(container))


def _recursion_misses(program: int) -> int:
    """A count in ``struct bpf_prog_info`` (linux/bpf.h); 0 where the kernel (before 5.12) has
    none."""
    info = ctypes.create_string_buffer(_INFO_SIZE)
    attributes = struct.pack("<IIQ", program, _INFO_SIZE, ctypes.addressof(info))
    given = ctypes.create_string_buffer(attributes, len(attributes))
    if _LIBC.syscall(_NR_BPF, _GET_INFO, given, len(attributes)) != 0:
        return 0
    return int(struct.unpack_from("<Q", info, _RECURSION_MISSES)[0])


def _possible_cpus() -> int:
    """How many CPUs the kernel has room for."""
    try:
        last = _POSSIBLE.read_text().strip().split(",")[-1]
        return int(last.split("-")[-1]) + 1
    except (OSError, ValueError):
        return os.cpu_count() or 1


def _pid_room() -> int:
    """How many process ids there can be, in whole pages."""
    try:
        most = int(Path("/proc/sys/kernel/pid_max").read_text())
    except (OSError, ValueError):
        most = 4 << 20
    return (most // _PAGE + 1) * _PAGE


@contextlib.contextmanager
def _environment(name: str, value: str) -> Any:
    before = os.environ.get(name)
    os.environ[name] = value
    try:
        yield
    finally:
        if before is None:
            del os.environ[name]
        else:
            os.environ[name] = before
