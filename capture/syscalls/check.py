"""What this host lets a live recording do: ``falcowb capture --check``."""

from __future__ import annotations

import errno
import os
import re
import resource
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from capture.errors import CaptureError
from capture.syscalls import bpf_attempts as attempts
from capture.syscalls.bcc_module import INSTALL, import_bcc
from capture.syscalls.btf import SWITCH, VMLINUX, has_types
from capture.syscalls.headers import find_headers
from capture.syscalls.procfs import host_root

# Bits of capabilities (linux/capability.h).
_DAC_READ_SEARCH, _SYS_PTRACE, _SYS_ADMIN, _SYS_RESOURCE, _PERFMON, _BPF = 2, 19, 21, 24, 38, 39

_AS_ROOT = (
    "Run it as root: sudo falcowb … (in a container: --privileged --pid=host; in a systemd unit: "
    "AmbientCapabilities=CAP_BPF CAP_PERFMON CAP_SYS_PTRACE CAP_DAC_READ_SEARCH CAP_SYS_RESOURCE)."
)


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that was looked at. ``needed``: without it nothing is recorded. ``meaning``: what
    was found and what follows; ``remedy``: what to do where it is not ``ok``."""

    name: str
    ok: bool
    needed: bool
    meaning: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class HostReport:
    """Everything that was looked at, in the order in which it matters."""

    rows: tuple[Row, ...]

    @property
    def ok(self) -> bool:
        """Whether recording is possible."""
        return all(row.ok for row in self.rows if row.needed)

    def why_not(self) -> CaptureError | None:
        """The one message that says why nothing can be recorded and what to do; None where it can.

        It is the first that matters: others may be its consequences."""
        for row in self.rows:
            if row.needed and not row.ok:
                return CaptureError(
                    f"system calls cannot be recorded: {row.meaning}", hint=row.remedy
                )
        return None

    def require(self) -> None:
        """Raises what :meth:`why_not` gives."""
        if (error := self.why_not()) is not None:
            raise error


def require() -> None:
    """Raises :class:`CaptureError`, one message with what to do, where system calls cannot be
    recorded on this host."""
    check_host().require()


def check_host() -> HostReport:
    """Looks at everything that the probe and the reading of processes need.

    Small BPF objects are made and let go of; nothing stays.
    """
    if not Path("/proc/self/status").exists():
        missing = Row(
            "proc", False, True, "/proc is not mounted", "Mount it: mount -t proc proc /proc."
        )
        return HostReport((missing,))
    return HostReport(
        (
            _bpf_syscall(),
            _privileges(),
            _ring_buffer(),
            _kernel_memory(),
            _tracepoints(),
            _bcc(),
            _headers(),
            _types(),
            _processes(),
            _tracefs(),
            _memory_lock(),
        )
    )


def _bpf_syscall() -> Row:
    release = os.uname().release
    if attempts.try_program() == errno.ENOSYS:
        return Row(
            "bpf",
            False,
            True,
            f"this kernel ({release}) has no bpf system call",
            "Use a kernel from 5.8 on with CONFIG_BPF_SYSCALL=y; a container or sandbox that "
            "filters system calls must let bpf through.",
        )
    return Row("bpf", True, True, f"kernel {release} has the bpf system call")


def _capabilities() -> int:
    text = Path("/proc/self/status").read_text(encoding="utf-8", errors="replace")
    found = re.search(r"^CapEff:\s*([0-9a-f]+)", text, re.MULTILINE)
    return int(found[1], 16) if found else 0


def _has(capabilities: int, *bits: int) -> bool:
    return all(capabilities >> bit & 1 for bit in bits)


def _in_user_namespace() -> bool:
    try:
        fields = Path("/proc/self/uid_map").read_text(encoding="ascii").split()
    except OSError:
        return False
    return fields[:3] != ["0", "0", "4294967295"]


def _privileges() -> Row:
    capabilities = _capabilities()
    if not (_has(capabilities, _SYS_ADMIN) or _has(capabilities, _BPF, _PERFMON)):
        who = "root without its capabilities" if os.geteuid() == 0 else f"user {os.geteuid()}"
        return Row(
            "privileges",
            False,
            True,
            f"{who} may not load BPF programs: that takes root, or CAP_BPF and CAP_PERFMON",
            _AS_ROOT,
        )
    code = attempts.try_program()
    if code in (errno.EPERM, errno.EACCES):
        why = (
            "root of a user namespace is not root of the host"
            if _in_user_namespace()
            else "a container's seccomp filter or a security module forbids it"
        )
        return Row(
            "privileges", False, True, f"the kernel refuses to load BPF programs: {why}", _AS_ROOT
        )
    if code:
        return Row(
            "privileges",
            False,
            True,
            f"the kernel does not load BPF programs: {attempts.meaning(code)}",
            "Use a kernel from 5.8 on with CONFIG_BPF_SYSCALL=y and CONFIG_BPF_EVENTS=y.",
        )
    return Row("privileges", True, True, "BPF programs can be loaded")


def _attempt(name: str, attempt: Callable[[], int], fine: str, bad: str, remedy: str) -> Row:
    code = attempt()
    if code in (errno.EPERM, errno.EACCES):
        return Row(name, False, True, f"not known, for it may not be tried: {fine}", _AS_ROOT)
    if code:
        return Row(name, False, True, f"{bad} ({attempts.meaning(code)})", remedy)
    return Row(name, True, True, fine)


def _ring_buffer() -> Row:
    return _attempt(
        "ring buffer",
        attempts.try_ring_buffer,
        "events come through BPF ring buffers",
        "this kernel has no BPF ring buffers",
        "Use a kernel from 5.8 on.",
    )


def _lockdown() -> str:
    """The kernel's lockdown: none, integrity, confidentiality; "" where it has no such thing."""
    try:
        text = (host_root() / "sys/kernel/security/lockdown").read_text(encoding="ascii")
    except (OSError, UnicodeDecodeError):
        return ""
    found = re.search(r"\[(\w+)\]", text)
    return found[1] if found else ""


def _kernel_memory() -> Row:
    lockdown = _lockdown()
    code = attempts.try_reading_kernel()
    if code in (errno.EPERM, errno.EACCES) and lockdown != "confidentiality":
        return Row(
            "lockdown",
            False,
            True,
            "not known, for it may not be tried: BPF programs can read kernel memory",
            _AS_ROOT,
        )
    if code:
        return Row(
            "lockdown",
            False,
            True,
            "BPF programs may not read kernel memory here"
            + (f": the kernel is locked down ({lockdown})" if lockdown else ""),
            "Start the kernel without lockdown=confidentiality (lockdown=integrity is fine).",
        )
    said = f"lockdown is {lockdown}" if lockdown else "the kernel is not locked down"
    return Row("lockdown", True, True, f"BPF programs can read kernel memory: {said}")


def _tracepoints() -> Row:
    return _attempt(
        "tracepoints",
        attempts.try_tracepoint,
        "raw tracepoints of system calls can be used",
        "raw tracepoints of system calls cannot be used",
        "Use a kernel with CONFIG_FTRACE_SYSCALLS=y and CONFIG_BPF_EVENTS=y.",
    )


def _bcc() -> Row:
    try:
        module = import_bcc()
    except CaptureError as error:
        return Row("bcc", False, True, error.message, error.hint or INSTALL)
    version = getattr(module, "__version__", "")
    return Row("bcc", True, True, f"bcc {version} compiles the probe".replace("  ", " "))


def _headers() -> Row:
    try:
        folder = find_headers()
    except CaptureError as error:
        return Row("headers", False, True, error.message, error.hint)
    except OSError as error:
        return Row(
            "headers", False, True, f"kernel headers cannot be brought together: {error}", ""
        )
    return Row("headers", True, True, f"kernel headers are at {folder}")


def _types() -> Row:
    if has_types():
        return Row("BTF", True, False, "the kernel tells the layout of its structures")
    why = f"{SWITCH}=none says so" if os.access(VMLINUX, os.R_OK) else f"{VMLINUX} cannot be read"
    return Row(
        "BTF",
        False,
        False,
        f"not needed, but the kernel does not tell the layout of its structures ({why}): details "
        "of processes are read from /proc, and those of very short ones are missed; local ends "
        "of connections and inodes of files stay unknown",
        "For all of it, use a kernel with CONFIG_DEBUG_INFO_BTF=y, as distributions ship since "
        "2020; in a container, make /sys visible.",
    )


def _processes() -> Row:
    missing = [
        name
        for name, bit in (
            ("CAP_SYS_PTRACE", _SYS_PTRACE),
            ("CAP_DAC_READ_SEARCH", _DAC_READ_SEARCH),
        )
        if not _has(_capabilities(), bit)
    ]
    if not missing:
        return Row("processes", True, False, "processes that run already can be read from /proc")
    return Row(
        "processes",
        False,
        False,
        f"of processes of others that run already, files and executables stay unknown: "
        f"{' and '.join(missing)} missing",
        _AS_ROOT,
    )


def _tracefs() -> Row:
    for place in ("sys/kernel/tracing/events", "sys/kernel/debug/tracing/events"):
        if (host_root() / place).is_dir():
            return Row("tracefs", True, False, f"mounted at /{place.removesuffix('/events')}")
    return Row(
        "tracefs",
        False,
        False,
        "not mounted, and not needed: raw tracepoints do without",
        "",
    )


def _memory_lock() -> Row:
    soft, hard = resource.getrlimit(resource.RLIMIT_MEMLOCK)
    if soft == resource.RLIM_INFINITY:
        return Row("memlock", True, False, "locked memory is not limited")
    numbers = [int(number) for number in re.findall(r"\d+", os.uname().release)[:2]]
    if numbers >= [5, 11]:
        return Row(
            "memlock", True, False, f"limited to {soft >> 10} KiB, which BPF is not counted against"
        )
    fine = _has(_capabilities(), _SYS_RESOURCE) or hard == resource.RLIM_INFINITY
    return Row(
        "memlock",
        fine,
        True,
        f"locked memory is limited to {soft >> 10} KiB, "
        + ("which falcowb raises" if fine else "and buffers of the probe need more"),
        "" if fine else "Raise it: ulimit -l unlimited, or LimitMEMLOCK=infinity in a unit.",
    )
