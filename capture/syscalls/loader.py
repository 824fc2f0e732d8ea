"""Has the probe compiled, loads it into the kernel and attaches it."""

from __future__ import annotations

import contextlib
import mmap
import os
import platform
import re
import resource
import struct
from collections.abc import Iterable
from pathlib import Path

import numpy as np

from capture.errors import CaptureError
from capture.syscalls import _native, kernel
from capture.syscalls.btf import KernelTypes, has_types
from capture.syscalls.calls import ia32_calls, probe_calls, wanted
from capture.syscalls.compiler import Compiled, compile_probe, create_maps
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
#: The same where the kernel does not describe its types: nothing is read of its structures.
_PLAIN_SOURCES = (
    "native/record.h",
    "bpf/maps.c",
    "probe.c",
    "bpf/plain_life.c",
    "bpf/steps_user.c",
    "bpf/steps_message.c",
    "bpf/plain_steps.c",
)
_POSSIBLE = Path("/sys/devices/system/cpu/possible")
#: More rings than this would hold too much memory on large machines; CPUs share them then.
_MAX_RINGS = 8
#: A function of kernels that run 32-bit programs.
_IA32 = "do_int80_emulation do_fast_syscall_32 __do_fast_syscall_32"
#: A function of kernels that hand out typed pointers to registers.
_TYPED = "bpf_task_pt_regs"
#: Processes that can be left out.
_MAX_EXCLUDED = 8
#: Programs of steps, and the number of each.
_STEPS = {
    name.lower(): int(getattr(lib, name))
    for name in dir(lib)
    if name.startswith("STEP_") and name != "STEP_END"
}
_PAGE = os.sysconf("SC_PAGESIZE")


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
        if len(options.exclude_pids) > _MAX_EXCLUDED:
            raise CaptureError(f"at most {_MAX_EXCLUDED} processes can be left out")
        self._chosen = wanted(options.syscalls)
        cpus = _possible_cpus()
        count = min(1 << (cpus - 1).bit_length(), _MAX_RINGS)
        pages = max(1, options.buffer_bytes // _PAGE)
        self.ring_bytes = (1 << (pages - 1).bit_length()) * _PAGE
        self.tracks = options.chooses
        #: Whether nothing is read of the kernel's structures.
        self.plain = not (options.kernel_types and has_types())
        self._attached: list[int] = []
        self._own: list[int] = []
        self._tracked: mmap.mmap | None = None
        entries = [name for name, _ in self._entries()]
        text = _text(options, None if self.plain else KernelTypes(), cpus, count)
        compiled = compile_probe(text, [*entries, *_STEPS])
        try:
            self._maps = self._create(compiled, cpus, count)
            self._fill(options)
            self._programs = self._load(compiled)
        except BaseException:
            self.close()
            raise

    def _create(self, compiled: Compiled, cpus: int, count: int) -> dict[str, int]:
        # Refused where the limit may not be raised; kernels since 5.11 do not ask for it.
        with contextlib.suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_MEMLOCK, (resource.RLIM_INFINITY,) * 2)
        try:
            maps = create_maps(compiled, {"ring": self.ring_bytes})
            self._own += maps.values()
            self.rings = [maps["ring"]]
            while len(self.rings) < count:
                fd = kernel.create_map(kernel.RINGBUF, "ring", 0, 0, self.ring_bytes)
                self._own.append(fd)
                self.rings.append(fd)
            # The table is the kernel's own memory: a byte changed here is seen there at once.
            if self.tracks:
                self._tracked = mmap.mmap(maps["tracked"], _pid_room())
        except OSError as error:
            raise CaptureError(
                f"the kernel does not give the probe its memory ({count} ring buffers of "
                f"{self.ring_bytes:,} bytes, and some for {cpus} CPUs): {error.strerror}",
                hint="ask for a smaller buffer; falcowb capture --check says what this host lacks",
            ) from error
        return maps

    def _fill(self, options: ProbeOptions) -> None:
        for index, fd in enumerate(self.rings):
            self._update("rings", index, struct.pack("<i", fd))
        if "ia32" in self._maps:
            for number, call in ia32_calls().items():
                self._update("ia32", number, struct.pack("<I", call))
        excluded = [*options.exclude_pids, *[0] * _MAX_EXCLUDED][:_MAX_EXCLUDED]
        self._update("settings", 0, struct.pack(f"<{_MAX_EXCLUDED}I", *excluded))
        array = probe_calls(self._chosen)
        size = ffi.sizeof("struct probe_call")
        data = bytes(ffi.buffer(array))
        for number in self._chosen:
            self._update("calls", number, data[number * size : (number + 1) * size])

    def _load(self, compiled: Compiled) -> dict[str, int]:
        programs: dict[str, int] = {}
        for name, program in compiled.programs.items():
            try:
                programs[name] = kernel.load_program(name, program.linked(self._maps))
            except OSError as error:
                raise CaptureError(
                    f"the kernel does not load the probe ({name}): {error.strerror}",
                    hint="falcowb capture --check says what this host lacks; "
                    "the kernel must be 5.8 or newer",
                ) from error
            self._own.append(programs[name])
        for name, number in _STEPS.items():
            self._update("steps", number, struct.pack("<i", programs[name]))
        return programs

    def attach(self) -> None:
        """From now on records are written."""
        for name, tracepoint in self._entries():
            try:
                fd = kernel.open_raw_tracepoint(tracepoint, self._programs[name])
            except OSError as error:
                raise CaptureError(
                    f"the probe cannot be attached to {tracepoint}: {error.strerror}",
                    hint="falcowb capture --check says what this host lacks",
                ) from error
            self._attached.append(fd)

    def detach(self) -> None:
        """No more records are written."""
        for fd in self._attached:
            os.close(fd)
        self._attached.clear()

    def close(self) -> None:
        """Detached, and all memory given back."""
        self.detach()
        if self._tracked is not None:
            self._tracked.close()
            self._tracked = None
        for fd in self._own:
            os.close(fd)
        self._own.clear()

    def track(self, pids: Iterable[int]) -> None:
        """Record these processes, and what they start from now on."""
        for pid in pids:
            if self._tracked is not None and 0 < pid < len(self._tracked):
                self._tracked[pid] = 1

    def lost(self) -> dict[int, int]:
        """Events lost so far for want of room, by number of the call."""
        cpus = _possible_cpus()
        values = kernel.lookup(self._maps["lost"], 0, 8 * lib.LOSSES * cpus)
        totals = np.frombuffer(values, np.uint64).reshape(cpus, lib.LOSSES).sum(axis=0)
        return {int(call): int(totals[call]) for call in np.flatnonzero(totals)}

    def missed(self) -> int:
        """Times the kernel passed a program over, because one of them ran on that CPU already."""
        return sum(kernel.recursion_misses(self._programs[name]) for name, _ in self._entries())

    def _entries(self) -> list[tuple[str, str]]:
        """Programs and their tracepoints, in the order in which they are attached."""
        fork = [("on_fork", "sched_process_fork")] if self.tracks else []
        begun = [] if self.plain else [("on_exec", "sched_process_exec")]
        return [*fork, *begun, ("on_exit", "sched_process_exit"), ("on_sys_exit", "sys_exit")]

    def _update(self, table: str, key: int, value: bytes) -> None:
        try:
            kernel.update(self._maps[table], key, value)
        except OSError as error:
            raise CaptureError(
                f"the kernel did not take what the probe is to do ({table}): {error.strerror}"
            ) from error


def _text(options: ProbeOptions, types: KernelTypes | None, cpus: int, rings: int) -> str:
    defined: dict[str, object] = {
        **({"PLAIN": 1, "IA32": 1} if types is None else probe_offsets(types)),
        "CPUS": cpus,
        "RINGS": rings,
        "EXCLUDED": min(len(options.exclude_pids), _MAX_EXCLUDED),
        "SNAPLEN": options.snaplen,
        "MAX_SNAPLEN": MAX_SNAPLEN,
        "MAX_CONTROL": 4096,
    }
    if options.uids:
        defined["UIDS(uid)"] = _any("(uid) == {}", options.uids)
    if types is not None and types.mentions(_TYPED):
        defined["TYPED"] = 1
    if types is not None and types.mentions(_IA32):
        defined["IA32"] = 1
    if options.chooses:
        defined["TREE"] = 1
        defined["PIDS"] = _pid_room()
    if options.containers and types is None:
        raise CaptureError(
            "containers cannot be chosen here: the kernel does not describe its types (BTF)",
            hint="choose a process of the container, with all that it starts: --pid",
        )
    if options.containers:
        defined["CONTAINERS(id)"] = _any("({})", [_begins(text) for text in options.containers])
        memory = defined["SUBSYS_MEMORY"]
        defined["CONTAINER_SUBSYS"] = memory if memory != -1 else defined["SUBSYS_CPU"]
    sources = _PLAIN_SOURCES if types is None else _SOURCES
    lines = [f"#define {name} ({value})\n" for name, value in defined.items()]
    return "".join([*lines, *((_HERE / name).read_text() for name in sources)])


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
