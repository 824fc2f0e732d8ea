"""What the build refuses, and how it says so."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from capture.errors import FalcowbError
from plugins.sdk.build import BuildError, build_plugin, load_class
from plugins.sdk.generate import PythonPlace, c_string, generate, init_schema
from plugins.sdk.model import Argument, Extract, Field, FieldType, Option, Plugin
from tests.plugins.sdk.conftest import write_sample


def test_a_folder_without_a_plugin(tmp_path: Path) -> None:
    with pytest.raises(BuildError, match=r"has no plugin\.py"):
        load_class(tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import nothing_of_that_name", "cannot be imported: No module"),
        ("x = (", "cannot be imported"),
        ("x = 1", "must define one subclass of Plugin; it has 0"),
    ],
)
def test_a_plugin_file_that_is_none(tmp_path: Path, text: str, said: str) -> None:
    folder = tmp_path / f"refused_{abs(hash(text))}"
    folder.mkdir()
    (folder / "plugin.py").write_text(text)
    with pytest.raises(BuildError, match=said):
        load_class(folder)


@pytest.mark.parametrize(
    ("field", "said"),
    [
        (Field("a.b", json="/x"), "no description"),
        (Field("a.b", desc="d", extract=Extract.FUNCTION), "no function is named"),
        (Field("a.b", desc="d", extract=Extract.ARGUMENT), "needs a key"),
        (
            Field("a.b", desc="d", extract=Extract.PATH, argument=Argument.REQUIRED_KEY),
            "must be a list",
        ),
        (Field("a.b", desc="d", json="/x", argument=Argument.INDEX), "takes no argument"),
        (Field("a.b", FieldType.BOOL, desc="d", json="/x", is_list=True), "single values"),
        (Field("a.b", desc="d", json="x"), "no JSON pointer"),
    ],
)
def test_fields_that_make_no_sense(field: Field, said: str) -> None:
    class Bad(Plugin):
        name = "bad"
        description = ""
        version = "0.0.1"
        fields = (field,)

    place = PythonPlace([Path("/x")], Path("/x"), "m", "Bad")
    with pytest.raises(FalcowbError, match=said):
        generate(Bad, place, Path("/x/bad.so"), b"")


def test_a_compiler_error_is_shown_and_no_file_left(tmp_path: Path) -> None:
    folder = write_sample(tmp_path / "broken")
    (folder / "fields.cpp").write_text("this is no C++")
    with pytest.raises(BuildError, match=r"failed:(.|\n)*fields\.cpp"):
        build_plugin(folder)
    assert not list(folder.glob("*.so*"))
    assert not list(folder.glob(".*.so*"))


def test_no_compiler(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_sample(tmp_path / "compilerless")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BuildError, match="no compiler found"):
        build_plugin(folder)


def test_the_command_tells_in_one_line(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "plugins.sdk.build", str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "has no plugin.py" in done.stderr
    assert "Traceback" not in done.stderr


def test_strings_for_c() -> None:
    assert c_string('a"b\\\n?\u00e9') == '"a\\042b\\134\\012\\077\\303\\251"'


def test_the_schema_follows_from_the_options() -> None:
    class Optioned(Plugin):
        options = (Option("a", 1, "A", "x"), Option("b", True, "B", ""), Option("c", "", "C", ""))

    properties = init_schema(Optioned)["properties"]
    assert [properties[name]["type"] for name in "abc"] == ["integer", "boolean", "string"]
    assert properties["a"]["default"] == 1
