"""Makes the ``.so`` of a plugin: ``python -m plugins.sdk.build DIR [-o X.so]``.

``DIR/plugin.py`` holds the plugin's class; ``DIR/*.cpp`` are its own field functions. Needs a C
and a C++ compiler, simdjson's and Python's headers.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib
import inspect
import os
import shutil
import subprocess
import sys
import sysconfig
import tempfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from capture.errors import FalcowbError
from plugins.sdk.bridge import write_bridge
from plugins.sdk.generate import PythonPlace, generate
from plugins.sdk.model import Plugin

NATIVE = Path(__file__).resolve().parent / "native"
ROOT = Path(__file__).resolve().parents[2]  #: the folder that holds the package ``plugins``

CXX_FLAGS = (
    "-std=c++17", "-O2", "-g1", "-fPIC", "-pthread", "-Wall", "-Wextra",
    "-fvisibility=hidden", "-fvisibility-inlines-hidden", "-fno-gnu-unique",
)  # fmt: skip
#: The interpreter cannot be unloaded, so neither can what refers to it.
LINK_FLAGS = (
    "-shared", "-pthread", "-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-Bsymbolic",
    "-Wl,--no-undefined", "-lsimdjson", "-ldl",
)  # fmt: skip


class BuildError(FalcowbError):
    """A plugin cannot be built."""


def load_class(directory: Path) -> tuple[type[Plugin], str, Path]:
    """The plugin's class, the dotted name of its module, and the folder that holds the package.

    A folder inside a package keeps its dotted name; any other is imported by its own name.
    """
    directory = directory.resolve()
    if not (directory / "plugin.py").is_file():
        raise BuildError(
            f"{directory} has no plugin.py", hint="name the folder that holds the plugin's class"
        )
    root = directory.parent
    while (root / "__init__.py").is_file():
        root = root.parent
    parts = directory.relative_to(root).parts
    if not all(part.isidentifier() for part in parts):
        raise BuildError(f"{directory.name} is no name for a Python package; rename the folder")
    module_name = ".".join((*parts, "plugin"))
    sys.path.insert(0, str(root))
    try:
        module = importlib.import_module(module_name)
    except Exception as error:
        raise BuildError(f"{directory / 'plugin.py'} cannot be imported: {error}") from error
    finally:
        sys.path.remove(str(root))
    classes = [
        value
        for value in vars(module).values()
        if inspect.isclass(value) and issubclass(value, Plugin) and value.__module__ == module_name
    ]
    if len(classes) != 1:
        raise BuildError(
            f"{directory / 'plugin.py'} must define one subclass of Plugin; it has {len(classes)}"
        )
    return classes[0], module_name, root


def _tool(variable: str, *names: str) -> str:
    for name in filter(None, (os.environ.get(variable), *names)):
        if shutil.which(name):
            return name
    raise BuildError(
        f"no compiler found (looked for {', '.join(names)})",
        hint="install g++, or name one in the environment variable " + variable,
    )


def _run(command: Sequence[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode == 0:
        return
    hint = ""
    if "simdjson" in done.stderr:
        hint = "install simdjson's headers (package libsimdjson-dev)"
    elif "Python.h" in done.stderr:
        hint = "install Python's headers (package python3-dev)"
    lines = done.stderr.strip().splitlines()
    raise BuildError("\n".join([f"{command[0]} failed:", *lines[:40]]), hint=hint)


def _build_bridge(plugin: type[Plugin], work: Path) -> bytes:
    source, library = work / "bridge.c", work / "bridge.so"
    write_bridge(plugin.name, source)
    _run(
        [
            _tool("CC", "cc", "gcc", "clang"), "-shared", "-fPIC", "-O1", "-s", "-w",
            f"-I{sysconfig.get_path('include')}", f"-I{sysconfig.get_path('platinclude')}",
            "-Wl,-z,nodelete", "-o", str(library), str(source),
        ]
    )  # fmt: skip
    return library.read_bytes()


def _python_folders(plugin_root: Path) -> list[Path]:
    """Folders with the plugin's package, ours, and cffi, in that order."""
    import cffi

    folders = [plugin_root, ROOT, Path(cffi.__file__).parent.parent]
    # As written, not resolved: a .venv inside a checkout moves along with it.
    return list(dict.fromkeys(folders))


def _keep_runtime(folder: Path, compiler: str) -> Callable[[Path], Path | None]:
    """Where the object of a runtime source is kept; named after all that it is made from."""
    state = hashlib.sha256(repr((compiler, CXX_FLAGS)).encode())
    for file in sorted(NATIVE.iterdir()):
        state.update(file.read_bytes())
    prefix = state.hexdigest()[:16]

    def place(source: Path) -> Path | None:
        return folder / f"{prefix}-{source.stem}.o" if source.parent == NATIVE else None

    return place


def build_plugin(directory: Path, output: Path | None = None, *, keep: Path | None = None) -> Path:
    """Builds the plugin in ``directory`` into ``output`` (default: ``NAME.so`` beside it).

    The file is replaced in one step. ``keep`` is a folder in which the runtime's objects stay for
    further builds. Raises BuildError, with the compiler's words, on failure.
    """
    plugin, module, root = load_class(directory)
    output = (output or directory / f"{plugin.name}.so").resolve()
    place = PythonPlace(_python_folders(root), ROOT, module, plugin.__name__)
    compiler = _tool("CXX", "c++", "g++", "clang++")
    with tempfile.TemporaryDirectory(prefix="falcowb-build-") as folder:
        work = Path(folder)
        has_source = plugin.open is not Plugin.open
        bridge = _build_bridge(plugin, work) if has_source else b""
        generated = work / "generated.cpp"
        generated.write_text(generate(plugin, place, output, bridge), encoding="utf-8")
        sources = [*sorted(directory.glob("*.cpp")), generated, *sorted(NATIVE.glob("*.cpp"))]
        objects = [str(work / f"{i}.o") for i in range(len(sources))]
        kept = _keep_runtime(keep, compiler) if keep else None

        def compile_one(source: Path, target: str) -> None:
            place = kept(source) if kept else None
            if place and place.exists():
                shutil.copy(place, target)
                return
            _run([compiler, *CXX_FLAGS, f"-I{ROOT}", "-c", str(source), "-o", target])
            if place:
                shutil.copy(target, place)

        # The plugin's own sources come first: that is where errors are.
        with ThreadPoolExecutor(os.cpu_count() or 1) as pool:
            try:
                list(pool.map(compile_one, sources, objects))
            except BuildError:
                pool.shutdown(cancel_futures=True)
                raise
        unfinished = output.with_name(f".{output.name}.{os.getpid()}")
        try:
            _run([compiler, "-o", str(unfinished), *objects, *LINK_FLAGS])
            unfinished.replace(output)
        finally:
            unfinished.unlink(missing_ok=True)
    return output


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m plugins.sdk.build", description=__doc__)
    parser.add_argument("directory", type=Path)
    parser.add_argument("-o", "--output", type=Path, default=None)
    arguments = parser.parse_args()
    try:
        print(build_plugin(arguments.directory, arguments.output))
    except FalcowbError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
