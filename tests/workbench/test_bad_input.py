"""What goes wrong, as a user meets it: one message each, with a place and a way out."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

import plugins.host
from tests.workbench.command import SAMPLES, Ran, falcowb

LOG = SAMPLES / "k8s_intrusion.jsonl"
RULES = SAMPLES / "rules.yaml"
SAMPLE_PLUGIN = Path(__file__).parents[1] / "plugins" / "host" / "native" / "sample.cpp"


def rule(condition: str, name: str = "a rule") -> str:
    return (
        f"- rule: {name}\n  desc: d\n  condition: {condition}\n  output: o\n"
        "  priority: INFO\n  source: k8s_audit\n"
    )


def replay(*arguments: str | Path, rules: Path = RULES) -> Ran:
    return falcowb("replay", LOG, "-r", rules, *arguments)


def with_rules(tmp_path: Path, text: str) -> Ran:
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return replay("--plugin", "k8s_audit", rules=path)


def with_plugin(tmp_path: Path, library: str, init_config: str = '""') -> Ran:
    config = tmp_path / "falco.yaml"
    config.write_text(
        f"plugins:\n  - name: mine\n    library_path: {library}\n    init_config: {init_config}\n",
        encoding="utf-8",
    )
    return replay("-c", config)


def compiled(tmp_path: Path, *definitions: str) -> str:
    library = tmp_path / "sample.so"
    headers = Path(plugins.host.__file__).parent
    flags = ["-std=c++17", "-shared", "-fPIC", f"-I{headers}", *(f"-D{d}" for d in definitions)]
    subprocess.run(["g++", *flags, SAMPLE_PLUGIN, "-o", library], check=True)
    return str(library)


def refused(ran: Ran, *words: str) -> None:
    assert ran.code == 1
    assert ran.out == ""
    for each in words:
        assert each in ran.err, f"{each!r} is not in: {ran.err}"


def test_a_plugin_that_is_not_there(tmp_path: Path) -> None:
    refused(
        with_plugin(tmp_path, "/nowhere/mine.so"),
        "falco.yaml:2:",
        "plugin 'mine'",
        "/nowhere/mine.so",
        "No such file",
    )


def test_the_name_of_an_official_plugin_points_to_ours(tmp_path: Path) -> None:
    config = tmp_path / "falco.yaml"
    config.write_text("plugins: [{name: k8saudit, library_path: libk8saudit.so}]", encoding="utf-8")
    refused(replay("-c", config), "k8s_audit.so")


def test_a_library_that_is_no_plugin(tmp_path: Path) -> None:
    library = tmp_path / "other.so"
    source = tmp_path / "other.c"
    source.write_text("int other(void) { return 1; }\n", encoding="utf-8")
    subprocess.run(["gcc", "-shared", "-fPIC", source, "-o", library], check=True)
    refused(with_plugin(tmp_path, str(library)), "mine", "no plugin")


def test_a_file_that_is_no_library(tmp_path: Path) -> None:
    library = tmp_path / "text.so"
    library.write_text("not a library", encoding="utf-8")
    refused(with_plugin(tmp_path, str(library)), "mine", "text.so")


def test_a_plugin_of_a_newer_api(tmp_path: Path) -> None:
    library = compiled(tmp_path, 'API="4.0.0"')
    refused(with_plugin(tmp_path, library), "4.0.0", ".".join(map(str, plugins.host.API_VERSION)))


def test_a_plugin_whose_init_fails(tmp_path: Path) -> None:
    library = compiled(tmp_path)
    refused(
        with_plugin(tmp_path, library, "{mode: fail}"),
        "sample",
        "init",
        "the sample was told to fail",
    )


def test_an_init_config_that_does_not_fit_the_schema(tmp_path: Path) -> None:
    library = compiled(tmp_path)
    refused(with_plugin(tmp_path, library, "{level: high}"), "level", "integer")


def test_an_unknown_field_names_the_nearest(tmp_path: Path) -> None:
    refused(
        with_rules(tmp_path, rule("ka.verbb = create")),
        "rules.yaml:3:14",
        "ka.verbb",
        "ka.verb",
        "             ^",
    )


def test_broken_yaml(tmp_path: Path) -> None:
    refused(with_rules(tmp_path, "- rule: [a\n  desc: b\n"), "rules.yaml:", "LOAD_ERR_YAML_PARSE")


def test_a_broken_condition(tmp_path: Path) -> None:
    refused(with_rules(tmp_path, rule("ka.verb = create and")), "rules.yaml:3:", "^")


def test_a_cyclic_macro(tmp_path: Path) -> None:
    text = "- macro: a\n  condition: b\n- macro: b\n  condition: a\n" + rule("a")
    refused(with_rules(tmp_path, text), "rules.yaml:", "macro", "^")


def test_a_duplicate_name_takes_the_later_rule_and_says_so(tmp_path: Path) -> None:
    text = rule("ka.verb = nothing", "twice") + rule("ka.verb = create", "twice")
    path = tmp_path / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    checked = falcowb("rules", "check", path)
    assert checked.code == 0
    assert "twice" in checked.out
    assert "rules.yaml:7" in checked.out
    assert "o\n" in replay("--plugin", "k8s_audit", rules=path).out


def test_a_config_value_of_the_wrong_kind(tmp_path: Path) -> None:
    config = tmp_path / "falco.yaml"
    config.write_text("rule_matching: some\n", encoding="utf-8")
    refused(replay("-c", config), "falco.yaml:1:", "rule_matching", "first", "all")


def test_an_unknown_key_of_the_configuration_warns(tmp_path: Path) -> None:
    config = tmp_path / "falco.yaml"
    config.write_text("plugin: []\n", encoding="utf-8")
    ran = replay("-c", config, "--plugin", "k8s_audit")
    assert ran.code == 0
    assert "falco.yaml:1" in ran.err
    assert "plugins" in ran.err


@pytest.fixture
def capture(tmp_path: Path) -> Path:
    path = tmp_path / "x.fcap"
    assert falcowb("capture", "--plugin", "k8s_audit", "--open", LOG, "-o", path).code == 0
    return path


def test_a_truncated_segment_gives_what_comes_before(capture: Path) -> None:
    segment = capture / "k8s_audit" / "events-00000.arrow"
    with segment.open("r+b") as file:
        file.truncate(segment.stat().st_size // 2)
    ran = falcowb("replay", capture, "-r", RULES, "--plugin", "k8s_audit")
    assert ran.code == 0
    assert "events-00000.arrow" in ran.err
    told = falcowb("info", capture)
    assert "183 events" in told.out  # how many are missing


def test_a_manifest_of_a_newer_version(capture: Path) -> None:
    manifest = capture / "manifest.json"
    data = json.loads(manifest.read_text(encoding="utf-8"))
    data["version"] = 99
    manifest.write_text(json.dumps(data), encoding="utf-8")
    refused(falcowb("replay", capture, "-r", RULES, "--plugin", "k8s_audit"), "99", "reads up to")


def test_an_event_that_is_not_json_is_said_and_the_rest_goes_on(tmp_path: Path) -> None:
    lines = LOG.read_text(encoding="utf-8").splitlines()
    log = tmp_path / "log.jsonl"
    log.write_text("\n".join([lines[0], "{not json", *lines[1:]]), encoding="utf-8")
    ran = falcowb("replay", log, "-r", RULES, "--plugin", "k8s_audit")
    assert ran.code == 0
    assert "log.jsonl" in ran.err
    assert ":2" in ran.err or "line 2" in ran.err
    assert "183 events, 3 alerts" in ran.err


def test_a_capture_without_its_plugin_says_what_to_load(capture: Path) -> None:
    refused(falcowb("replay", capture, "-r", RULES), "k8s_audit", "--plugin")


def test_an_existing_capture_is_kept(capture: Path) -> None:
    ran = falcowb("capture", "--plugin", "k8s_audit", "--open", LOG, "-o", capture)
    refused(ran, "exists", "--overwrite")


def test_a_source_that_is_not_there() -> None:
    ran = falcowb("replay", "/nowhere/log.json", "-r", RULES, "--plugin", "k8s_audit")
    refused(ran, "/nowhere/log.json", "no file or folder")
