from __future__ import annotations

from pathlib import Path

import pytest

from workbench.config import ConfigError, FalcoConfig, load_config


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(path: str, text: str) -> Path:
    file = Path(path)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text)
    return file


def tags(config: FalcoConfig) -> list[str]:
    return [step.tag for step in config.rules_selection]


MAIN = "rules: [{enable: {tag: main}}]\nengine: {kind: nodriver, kmod: {buf_size_preset: 1}}\n"
OTHER = "rules: [{enable: {tag: other}}]\nengine: {kind: modern_ebpf}\njson_output: true\n"


@pytest.mark.parametrize(
    ("entry", "expected", "engine"),
    [
        ("other.yaml", ["main", "other"], "modern_ebpf"),
        ("{path: other.yaml, strategy: append}", ["main", "other"], "modern_ebpf"),
        ("{path: other.yaml, strategy: override}", ["other"], "modern_ebpf"),
        ("{path: other.yaml, strategy: add-only}", ["main"], "nodriver"),
        ("{path: other.yaml, strategy: wrong}", ["main", "other"], "modern_ebpf"),
    ],
)
def test_strategies(folder: Path, entry: str, expected: list[str], engine: str) -> None:
    write("other.yaml", OTHER)
    config = load_config(write("main.yaml", MAIN + f"config_files: [{entry}]\n"))
    assert tags(config) == expected
    assert config.text("engine.kind") == engine
    assert config.text("engine.kmod.buf_size_preset") == ("1" if engine == "nodriver" else "")
    assert config.json_output
    assert config.files == (Path("main.yaml"), Path("other.yaml"))
    assert [w.hint for w in config.warnings] == (
        ["allowed: append, override, add-only"] if "wrong" in entry else []
    )


def test_a_folder_is_read_in_order_without_what_lies_below(folder: Path) -> None:
    write("conf.d/b.yaml", "priority: error\n")
    write("conf.d/a.conf", "priority: alert\njson_output: on\n")
    write("conf.d/below/c.yaml", "priority: debug\n")
    config = load_config(write("main.yaml", "config_files: conf.d\n"))
    assert config.files == (Path("main.yaml"), Path("conf.d/a.conf"), Path("conf.d/b.yaml"))
    assert config.priority.title == "Error"
    assert config.json_output


def test_includes_are_looked_for_where_we_run_then_beside_the_file(folder: Path) -> None:
    main = write("etc/main.yaml", "config_files: [one.yaml, two.yaml, three.yaml]\n")
    write("one.yaml", "rules: [{enable: {tag: here}}]\n")
    write("etc/one.yaml", "rules: [{enable: {tag: beside}}]\n")
    write("etc/two.yaml", "rules: [{enable: {tag: two}}]\n")
    config = load_config(main)
    assert tags(config) == ["here", "two"]
    assert ["three.yaml does not exist" in w.message for w in config.warnings] == [True]


def test_an_included_file_includes_nothing(folder: Path) -> None:
    write("other.yaml", "a: 1\nconfig_files: [x]\n")
    with pytest.raises(ConfigError, match="must not include others") as caught:
        load_config(write("main.yaml", "config_files: [other.yaml]\n"))
    assert str(caught.value.place) == "other.yaml:2:1"


def test_a_file_does_not_include_itself(folder: Path) -> None:
    with pytest.raises(ConfigError, match="itself"):
        load_config(write("main.yaml", "config_files: ./main.yaml\n"))


def test_options_come_last_and_may_include(folder: Path) -> None:
    write("other.yaml", OTHER)
    main = write("main.yaml", MAIN)
    options = ["config_files=other.yaml", "json_output=false", "rules[0].enable.tag=cli"]
    config = load_config(main, options)
    assert tags(config) == ["cli", "other"]
    assert not config.json_output


def test_a_missing_file_is_refused(folder: Path) -> None:
    with pytest.raises(ConfigError, match="No such file") as caught:
        load_config("absent.yaml")
    assert "absent.yaml" in str(caught.value)


def test_rules_files(folder: Path) -> None:
    write("etc/rules.d/b.yaml", "")
    write("etc/rules.d/a.yml", "")
    write("etc/rules.d/README", "")
    write("etc/mine.yaml", "")
    write("etc/mine.txt", "")
    main = write("etc/main.yaml", "rules_files: [mine.yaml, absent.yaml, mine.txt, rules.d]\n")
    config = load_config(main)
    assert [str(path) for path in config.rules_files] == [
        "etc/mine.yaml", "etc/rules.d/a.yml", "etc/rules.d/b.yaml",
    ]  # fmt: skip
    assert len(config.warnings) == 2
    assert "absent.yaml does not exist" in config.warnings[0].message
    assert "neither in .yaml nor .yml" in config.warnings[1].message


def test_the_old_name_of_rules_files(folder: Path) -> None:
    write("r.yaml", "")
    config = load_config(write("main.yaml", "rules_file: r.yaml\n"))
    assert config.rules_files == (Path("r.yaml"),)
    assert "old name" in config.warnings[0].message
