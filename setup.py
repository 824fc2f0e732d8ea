"""Native parts, built through cffi's API mode; everything else is in pyproject.toml."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from setuptools import setup
from setuptools.command.build_ext import build_ext


class SideBySide(build_ext):
    """Compiles the sources of a module on all cores: the compiler's own way is one after the other,
    which makes the first set-up twice as long on two."""

    def build_extensions(self) -> None:
        compiler: Any = self.compiler
        if all(hasattr(compiler, name) for name in ("_setup_compile", "_get_cc_args", "_compile")):
            compiler.compile = lambda *args, **named: _compile(compiler, *args, **named)
        super().build_extensions()


def _compile(
    compiler: Any,
    sources: list[str],
    output_dir: str | None = None,
    macros: Any = None,
    include_dirs: Any = None,
    debug: Any = 0,
    extra_preargs: Any = None,
    extra_postargs: Any = None,
    depends: Any = None,
) -> list[str]:
    """As distutils' ``CCompiler.compile``, whose steps it takes."""
    macros, objects, postargs, options, build = compiler._setup_compile(
        output_dir, macros, include_dirs, sources, depends, extra_postargs
    )
    arguments = compiler._get_cc_args(options, debug, extra_preargs)

    def one(item: tuple[str, tuple[str, str]]) -> None:
        target, (source, ending) = item
        compiler._compile(target, source, ending, arguments, postargs, options)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(one, build.items()))
    return list(objects)


setup(
    cmdclass={"build_ext": SideBySide},
    cffi_modules=[
        "plugins/host/build_native.py:ffi",
        "capture/scap/build_native.py:ffi",
        "engine/state/build_native.py:ffi",
        "capture/syscalls/build_native.py:ffi",
    ],
)
