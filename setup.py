"""Native parts, built through cffi's API mode; everything else is in pyproject.toml."""

from setuptools import setup

setup(
    cffi_modules=[
        "plugins/host/build_native.py:ffi",
        "capture/scap/build_native.py:ffi",
        "engine/state/build_native.py:ffi",
        "capture/syscalls/build_native.py:ffi",
    ]
)
