"""Kernel headers for compiling the probe.

The probe reads kernel structures by offsets that the running kernel tells itself, so headers of
any kernel of this architecture will do; the running kernel's are preferred. bcc is given one
folder (``BCC_KERNEL_SOURCE``). Debian splits headers into a tree of the architecture and a common
one; those are brought together by links, in a cache folder.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import os
import re
import shutil
import tarfile
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

from capture.errors import CaptureError

#: Names of architectures as the kernel's source has them, by ``uname -m``.
_ARCHITECTURES = {
    "x86_64": "x86",
    "i686": "x86",
    "aarch64": "arm64",
    "armv7l": "arm",
    "ppc64le": "powerpc",
    "s390x": "s390",
    "riscv64": "riscv",
    "loongarch64": "loongarch",
}
#: What headers are needed for: one file of the source, one that its configuration generated.
_SOURCE, _GENERATED = "include/linux/kconfig.h", "include/generated/autoconf.h"
_KHEADERS = "sys/kernel/kheaders.tar.xz"


def find_headers(
    *,
    root: Path = Path("/"),
    release: str = "",
    machine: str = "",
    cache: Path | None = None,
) -> Path:
    """The folder with kernel headers, for ``BCC_KERNEL_SOURCE``.

    ``BCC_KERNEL_SOURCE`` where it is set already; else those of the running kernel (/lib/modules,
    /usr/src, or the archive a kernel may carry); else the newest installed. ``root``, ``release``
    and ``machine`` default to this host's; ``cache`` is where folders are made that bring trees
    together (default: ``falcowb/headers`` in the user's cache folder). Raises
    :class:`CaptureError` that names the package to install where there are none.
    """
    uname = os.uname()
    release, machine = release or uname.release, machine or uname.machine
    arch = _ARCHITECTURES.get(machine, machine)
    given = os.environ.get("BCC_KERNEL_SOURCE")
    if given:
        if _complete(Path(given), arch):
            return Path(given)
        raise CaptureError(
            f"BCC_KERNEL_SOURCE: {given} does not hold kernel headers for {machine}",
            hint="Unset it, and falcowb looks for headers itself.",
        )
    cache = cache or cache_folder()
    for folder in _of_running(root, release):
        if found := _usable(folder, root, arch, cache):
            return found
    if found := _carried(root / _KHEADERS, release, arch, cache):
        return found
    for folder in _installed(root):
        if found := _usable(folder, root, arch, cache):
            return found
    raise CaptureError(
        "no kernel headers were found, and the probe is compiled with them",
        hint=f"Install them: {install_command(root, release, machine)} (any version will do).",
    )


def cache_folder() -> Path:
    """Where trees are brought together: ``falcowb/headers`` in the user's cache folder."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    home = Path(base) if base.startswith("/") else Path("~/.cache").expanduser()
    return home / "falcowb" / "headers"


def install_command(root: Path, release: str, machine: str) -> str:
    """The command that installs kernel headers on this distribution."""
    said: dict[str, str] = {}
    for name in ("etc/os-release", "usr/lib/os-release"):
        with contextlib.suppress(OSError):
            text = (root / name).read_text(encoding="utf-8", errors="replace")
            said = dict(line.split("=", 1) for line in text.splitlines() if "=" in line)
            break
    kinds = [*_words(said.get("ID", "")), *_words(said.get("ID_LIKE", ""))]
    debian = {"x86_64": "amd64", "aarch64": "arm64", "armv7l": "armmp", "i686": "686-pae"}
    for kind in kinds:
        match kind:
            case "ubuntu":
                return "apt install linux-headers-generic"
            case "debian":
                return f"apt install linux-headers-{debian.get(machine, machine)}"
            case "fedora" | "rhel" | "centos" | "amzn":
                return f"dnf install kernel-devel-{release} (or kernel-devel)"
            case "suse" | "opensuse" | "sles":
                return "zypper install kernel-default-devel"
            case "arch":
                return "pacman -S linux-headers"
            case "alpine":
                return "apk add linux-lts-dev"
    return "the package of kernel headers (linux-headers or kernel-devel)"


def _words(value: str) -> list[str]:
    return value.strip("\"'").lower().split()


def _of_running(root: Path, release: str) -> Iterator[Path]:
    yield root / "lib/modules" / release / "build"
    yield root / "usr/lib/modules" / release / "build"
    yield root / "usr/src" / f"linux-headers-{release}"
    yield root / "usr/src/kernels" / release
    yield root / "usr/src" / f"linux-{release}"


def _installed(root: Path) -> list[Path]:
    """All that look like headers, newest version first."""
    found = [
        *root.glob("usr/src/linux-headers-*"),
        *root.glob("usr/src/kernels/*"),
        *root.glob("usr/src/linux-*"),
        *root.glob("lib/modules/*/build"),
        *root.glob("usr/lib/modules/*/build"),
    ]

    def version(path: Path) -> list[int]:
        name = path.parent.name if path.name == "build" else path.name
        return [int(number) for number in re.findall(r"\d+", name)]

    return sorted(dict.fromkeys(found), key=version, reverse=True)


def _complete(folder: Path, arch: str) -> bool:
    return (
        (folder / _SOURCE).is_file()
        and (folder / _GENERATED).is_file()
        and (folder / "arch" / arch / "include").is_dir()
    )


def _usable(folder: Path, root: Path, arch: str, cache: Path) -> Path | None:
    """``folder`` itself, or a folder of links where its source lies apart; None for neither."""
    if _complete(folder, arch):
        return folder
    if not (folder / _GENERATED).is_file() or not (folder / "arch" / arch).is_dir():
        return None
    for source in _sources(folder, root):
        if (source / _SOURCE).is_file() and (source / "arch" / arch / "include").is_dir():
            return _merged(folder.resolve(), source.resolve(), cache)
    return None


def _sources(build: Path, root: Path) -> Iterator[Path]:
    """Where the source of a configured tree may be: beside it, or where its Makefile leads."""
    yield build.parent / "source"
    with contextlib.suppress(OSError):
        text = (build / "Makefile").read_text(encoding="utf-8", errors="replace")[:4096]
        for path in re.findall(r"^include +(/\S+)/Makefile$", text, re.MULTILINE):
            yield root / path.lstrip("/")
    name = build.resolve().name
    yield build.resolve().with_name(re.sub(r"-[^-]+$", "-common", name))


def _merged(build: Path, source: Path, cache: Path) -> Path:
    """A folder of links to both trees; what both have is the build's, folders are brought
    together. Made once, and anew when either tree changes."""
    stamp = f"{build} {source} {_changed(build)} {_changed(source)}"
    name = f"{build.name}-{hashlib.sha256(stamp.encode()).hexdigest()[:12]}"
    return _made_once(name, cache, lambda to: _link([build, source], to))


def _changed(folder: Path) -> int:
    try:
        return (folder / "include").stat().st_mtime_ns
    except OSError:
        return 0


def _link(trees: list[Path], to: Path) -> None:
    to.mkdir(mode=0o700, exist_ok=True)
    names = dict.fromkeys(entry.name for tree in trees for entry in tree.iterdir())
    for name in names:
        having = [tree / name for tree in trees if (tree / name).exists()]
        if len(having) > 1 and all(path.is_dir() and not path.is_symlink() for path in having):
            _link(having, to / name)
        elif having:
            (to / name).symlink_to(having[0])


def _carried(archive: Path, release: str, arch: str, cache: Path) -> Path | None:
    """The headers that a kernel with CONFIG_IKHEADERS carries, unpacked."""
    if not archive.is_file():
        return None

    def unpack(to: Path) -> None:
        with tarfile.open(archive, "r:xz") as tar:
            for member in tar:
                inside = not member.name.startswith("/") and ".." not in Path(member.name).parts
                if inside and (member.isreg() or member.isdir()):
                    tar.extract(member, to, set_attrs=False)

    try:
        found = _made_once(f"kheaders-{release}", cache, unpack)
    except (OSError, tarfile.TarError, EOFError):
        return None
    return found if _complete(found, arch) else None


def _made_once(name: str, cache: Path, make: Callable[[Path], None]) -> Path:
    """``cache/name``, made in whole or not at all. Where the cache cannot be written, a folder
    that lives as long as this process."""
    found = cache / name
    if found.is_dir() and found.stat().st_uid == os.geteuid():
        return found
    try:
        cache.mkdir(mode=0o700, parents=True, exist_ok=True)
        making = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache))
    except OSError:
        making = Path(tempfile.mkdtemp(prefix="falcowb-headers-"))
        atexit.register(shutil.rmtree, making, ignore_errors=True)
        make(making)
        return making
    try:
        make(making)
        with contextlib.suppress(OSError):  # another falcowb has just made it
            making.rename(found)
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return found
