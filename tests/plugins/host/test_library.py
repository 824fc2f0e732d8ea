"""Loading: what is a plugin, what is not, and what the message says."""

from __future__ import annotations

import ctypes
import struct
import subprocess
from pathlib import Path

import pytest

from plugins.host import Capability, PluginError, load_plugin
from plugins.host.library import check_api_version
from tests.plugins.host.conftest import Compile


def test_what_a_plugin_says_of_itself(compile_sample: Compile) -> None:
    with load_plugin(compile_sample(), name="configured") as plugin:
        assert (plugin.name, plugin.version, plugin.contact) == ("sample", "1.2.3", "tests")
        assert plugin.description == "for [31m tests", "no escapes reach a terminal"
        assert (plugin.id, plugin.event_source) == (999, "sample")
        assert plugin.required_api_version == "3.0.0"
        assert plugin.capabilities == Capability.SOURCING | Capability.EXTRACTION
        assert plugin.extract_event_sources == {"sample"}
        plugin.init()
        assert plugin.extract_event_types == {322}
        assert plugin.required_event_schema_version == "3.0.0"
        assert len(plugin.file_sha256()) == 64


def test_capabilities_of_later_issues_are_seen(compile_sample: Compile) -> None:
    with load_plugin(compile_sample("EVERYTHING")) as plugin:
        assert plugin.capabilities == ~(Capability.NONE | Capability.DUMP_STATE)
        assert plugin.async_events == {"ping"}
        assert plugin.parse_event_sources == {"syscall", "sample"}
        plugin.init()
        assert plugin.parse_event_types is None, "no list, and system calls: every type"
        assert plugin.required_event_schema_version == "4.1.0"


def refused(path: Path) -> str:
    with pytest.raises(PluginError) as caught:
        load_plugin(path, name="configured")
    return str(caught.value)


def test_a_missing_file(tmp_path: Path) -> None:
    message = refused(tmp_path / "none.so")
    assert f"plugin configured: there is no file {tmp_path}/none.so" in message
    assert "library_path" in message


def test_a_folder_and_a_text_file(tmp_path: Path) -> None:
    assert "is not a file" in refused(tmp_path)
    (tmp_path / "text.so").write_text("hello")
    assert "not a shared library" in refused(tmp_path / "text.so")
    (tmp_path / "empty.so").touch()
    assert "not a shared library" in refused(tmp_path / "empty.so")


def test_another_machine(compile_sample: Compile, tmp_path: Path) -> None:
    data = bytearray(compile_sample().read_bytes())
    data[18:20] = struct.pack("<H", 243)
    (tmp_path / "other.so").write_bytes(data)
    assert "it is built for riscv64, and this machine is" in refused(tmp_path / "other.so")


def test_a_cut_file(compile_sample: Compile, tmp_path: Path) -> None:
    (tmp_path / "cut.so").write_bytes(compile_sample().read_bytes()[:500])
    assert "cannot be opened" in refused(tmp_path / "cut.so")


def build(tmp_path: Path, name: str, text: str, *more: str) -> Path:
    (tmp_path / f"{name}.c").write_text(text)
    library = tmp_path / name
    command = ["gcc", "-shared", "-fPIC", str(tmp_path / f"{name}.c"), *more, "-o", str(library)]
    subprocess.run(command, check=True)
    return library


def test_a_missing_dependency(tmp_path: Path) -> None:
    other = build(tmp_path, "libother.so", "int other(void) { return 1; }")
    library = build(
        tmp_path,
        "needs.so",
        "int other(void); int f(void) { return other(); }",
        f"-L{tmp_path}",
        "-lother",
    )
    other.unlink()
    message = refused(library)
    assert "it needs libother.so, which is not installed" in message
    assert "ldd" in message


def test_an_undefined_symbol(tmp_path: Path) -> None:
    library = build(tmp_path, "open.so", "int other(void); int f(void) { return other(); }")
    assert "undefined symbol: other" in refused(library)


def test_a_library_that_is_no_plugin(tmp_path: Path) -> None:
    library = build(tmp_path, "plain.so", "int answer(void) { return 42; }")
    assert "is a shared library but no Falco plugin" in refused(library)


def test_required_functions_are_named(compile_sample: Compile) -> None:
    assert "lacks required function: plugin_get_name" in refused(compile_sample("NO_NAME"))


@pytest.mark.parametrize(
    ("definitions", "message"),
    [
        (("NO_CLOSE",), "sourcing needs plugin_close"),
        (("NO_SOURCE_NAME",), "both plugin_get_id and plugin_get_event_source or neither"),
        (("SYSCALL",), "'syscall' is reserved"),
        (('VERSION="one"',), "gave 'one', which is no version"),
        (('FIELDS_TAIL=","',), "list of fields that is not JSON"),
        (('EXTRACT_SOURCES="3"',), "plugin_get_extract_event_sources: should give a JSON array"),
    ],
)
def test_half_capabilities_and_malformed_declarations(
    compile_sample: Compile, definitions: tuple[str, ...], message: str
) -> None:
    assert message in refused(compile_sample(*definitions))


@pytest.mark.parametrize("version", ["3.0.0", "3.11.9", "3.12.0"])
def test_versions_that_do(version: str) -> None:
    assert check_api_version("p", version) == version


@pytest.mark.parametrize(
    ("version", "reason"),
    [
        ("4.0.0", "requires plugin API 4.0.0, this host has 3.12.0: the major versions differ"),
        ("2.9.9", "requires plugin API 2.9.9, this host has 3.12.0: the major versions differ"),
        ("3.13.0", "requires plugin API 3.13.0, this host has 3.12.0, which is older"),
        ("3.12.1", "requires plugin API 3.12.1, this host has 3.12.0, which is older"),
        ("three", "'three', which is no version"),
        ("", "'', which is no version"),
        (None, "'', which is no version"),
    ],
)
def test_versions_that_do_not(version: str | None, reason: str) -> None:
    with pytest.raises(PluginError) as caught:
        check_api_version("p", version)
    assert reason in str(caught.value)


def test_a_plugin_for_api_4(compile_sample: Compile) -> None:
    assert "requires plugin API 4.0.0, this host has 3.12.0" in refused(
        compile_sample('API="4.0.0"')
    )


def test_use_before_init_and_after_close(compile_sample: Compile) -> None:
    plugin = load_plugin(compile_sample())
    with pytest.raises(PluginError, match="used before init"):
        plugin.open("1 1 eof")
    plugin.init()
    with pytest.raises(PluginError, match="initialised before"):
        plugin.init()
    plugin.close()
    plugin.close()
    with pytest.raises(PluginError, match="is closed"):
        plugin.open("1 1 eof")


def test_destroy_is_always_called(compile_sample: Compile) -> None:
    path = compile_sample("COUNTED")
    counters = ctypes.CDLL(str(path))
    plugin = load_plugin(path)
    plugin.init()
    plugin.open("1 1 eof")
    plugin.close()
    assert (counters.sample_destroyed(), counters.sample_closed()) == (1, 1)
    dropped = load_plugin(path)
    dropped.init()
    del dropped
    assert counters.sample_destroyed() == 2, "a plugin that is merely dropped ends too"
    failing = load_plugin(path)
    with pytest.raises(PluginError):
        failing.init({"mode": "fail"})
    assert counters.sample_destroyed() == 3
    failing.close()
    assert counters.sample_destroyed() == 3
