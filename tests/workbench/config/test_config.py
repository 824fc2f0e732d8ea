from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.ruleset.model import Priority
from engine.ruleset.selection import Matching
from workbench.config import ConfigError, load_config, parse_config


def test_defaults() -> None:
    config = parse_config("")
    assert (config.plugins, config.rules_files, config.warnings) == ((), (), ())
    assert not config.json_output
    assert config.json_include_output_property
    assert config.json_include_tags_property
    assert config.json_include_output_fields_property
    assert not config.json_include_message_property
    assert config.priority is Priority.DEBUG
    assert config.rule_matching is Matching.FIRST


def test_values() -> None:
    config = parse_config(
        "json_output: 'yes'\npriority: Info\nrule_matching: ALL\njson_include_tags_property: off\n"
        "static_fields: {a: 1, b: x}\nmetrics: {interval: 1h30m}\n"
        "engine: {kind: replay, replay: {capture_file: /x.scap}}\n"
        "file_output: {enabled: true, filename: /tmp/out}\n"
    )
    assert config.json_output
    assert not config.json_include_tags_property
    assert config.priority is Priority.INFORMATIONAL
    assert config.rule_matching is Matching.ALL
    assert config.static_fields == {"a": "1", "b": "x"}
    assert config.metrics_interval_ms == 5_400_000
    assert config.replay_file == "/x.scap"
    assert config.text("file_output.filename") == "/tmp/out"
    assert config.text("file_output.nothing", "none") == "none"
    assert config.warnings == ()


def test_the_smallest_plugin_configuration_is_complete(tmp_path: Path) -> None:
    (tmp_path / "k8s_audit.so").touch()
    file = tmp_path / "falco.yaml"
    file.write_text("plugins: [{name: k8s_audit, library_path: k8s_audit.so}]\n")
    config = load_config(file)
    (plugin,) = config.plugins
    assert (plugin.name, plugin.init_config, plugin.open_params) == ("k8s_audit", "", "")
    assert plugin.library.path == tmp_path / "k8s_audit.so"
    assert plugin.library.exists
    assert plugin.library.hint(plugin.name) == ""
    assert config.warnings == ()


PLUGINS = """\
plugins:
  - name: one
    library_path: /lib/one.so
    init_config: {b: "5", a: [1.5, yes, ~, x], big: 3000000000}
    open_params: "  file.json  "
  - name: two
    library_path: sub/two.so
    init_args: raw text
  - name: three
    library_path: /three.so
    init_config:
"""


def test_plugins() -> None:
    one, two, three = parse_config(PLUGINS, folder=Path("/conf")).plugins
    assert one.init_config == '{"a":[1.5,true,null,"x"],"b":5,"big":3000000000.0}'
    assert json.loads(one.init_config)
    assert one.open_params == "file.json"
    assert one.library.path == Path("/lib/one.so")
    assert (two.init_config, three.init_config) == ("raw text", "")
    assert two.library.path == Path("/conf/sub/two.so")
    assert two.library.searched[0] == Path("/conf/sub/two.so")
    assert two.library.searched[-1] == Path("/usr/share/falco/plugins/sub/two.so")
    assert "looked for /conf/sub/two.so" in two.library.hint("two")


def test_bundled_plugins_are_found_and_dots_do_not_lead_out(tmp_path: Path) -> None:
    import plugins

    bundled = Path(plugins.__file__).resolve().parent / "k8s_audit"
    text = "plugins: [{name: a, library_path: k8s_audit.so}, {name: b, library_path: ../x.so}]"
    inside, outside = parse_config(text, folder=tmp_path).plugins
    assert bundled / "k8s_audit.so" in inside.library.searched
    assert outside.library.searched == (tmp_path / "../x.so",)


@pytest.mark.parametrize("name", ["k8saudit", "json"])
def test_the_stand_in_for_falcos_own_plugins_is_named(name: str) -> None:
    text = f"plugins: [{{name: {name}, library_path: /no/lib{name}.so}}]"
    (plugin,) = parse_config(text).plugins
    assert "library_path k8s_audit.so" in plugin.library.hint(name)


def test_load_plugins_chooses_and_orders() -> None:
    names = [p.name for p in parse_config(PLUGINS + "load_plugins: [three, one]\n").plugins]
    assert names == ["three", "one"]
    assert parse_config(PLUGINS + "load_plugins: []\n").plugins == ()
    assert parse_config(PLUGINS + "load_plugins:\n").plugins == ()


def refused(text: str, *options: str) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        parse_config(text, options, file="falco.yaml", environment={})
    return caught.value


@pytest.mark.parametrize(
    ("text", "line", "column", "message"),
    [
        ("rule_matching: foo", 1, 16, "must be one of first, all"),
        ("a: 1\npriority: foo", 2, 11, 'Unknown priority "foo"--must be one of emergency, alert'),
        ("json_output: maybe", 1, 14, "'json_output' must be true or false"),
        ("json_output: [true]", 1, 14, "'json_output' must be a single value"),
        ("- a", 1, 1, "a configuration must be a map"),
        ("a: b: c", 1, 5, "not valid YAML"),
        ("plugins: {name: a}", 1, 10, "'plugins' must be a list"),
        ("plugins: [a]", 1, 11, "each of 'plugins' must be a map"),
        ("plugins: [{library_path: x}]", 1, 11, "a plugin has no 'name'"),
        ("plugins:\n- name: x", 2, 3, "a plugin has no 'library_path'"),
        (PLUGINS + "load_plugins: [tow]", 12, 16, "Cannot load plugin 'tow'"),
        ("rules_files: {a: b}", 1, 14, "'rules_files' must be a list"),
        ("rules_files: a\nrules_file: b", 2, 1, "both 'rules_files' and 'rules_file'"),
        ("rules: [x]", 1, 9, "neither enables nor disables"),
        ("rules: [{enable: {}}]", 1, 18, "names no rule and no tag"),
        ("append_output: [{extra_fields: [a, {a: b}]}]", 1, 36, "stands twice"),
        ("append_output: [{extra_fields: [{a: b, c: d}]}]", 1, 33, "one 'key: format'"),
        ("append_output: [{suggested_output: 5}]", 1, 18, "must be true or false"),
        ("engine: {kind: ebpf}", 1, 16, "engine.kind 'ebpf' is not valid"),
        ("engine: {kind: replay}", 1, 1, "no engine.replay.capture_file"),
        ("log_level: loud", 1, 12, "log_level 'loud' is not valid"),
        ("file_output: {enabled: true}", 1, 1, "no filename"),
        ("webserver: {listen_address: 1.2.3}", 1, 29, "is not a valid IP address"),
        ("syscall_event_drops: {threshold: 2}", 1, 34, "in the range [0, 1]"),
        ("syscall_event_drops: {actions: [ignore, log]}", 1, 41, "does not make sense"),
        ("syscall_event_drops: {actions: [shout]}", 1, 33, "available actions"),
        ("syscall_event_timeouts: {max_consecutives: 0}", 1, 44, "unsigned integer > 0"),
        ("? [a]\n: b", 1, 3, "a key must be a word"),
    ],
)
def test_refusals_have_a_place_and_the_line(
    text: str, line: int, column: int, message: str
) -> None:
    error = refused(text)
    assert message in error.message
    assert error.place is not None
    assert (error.place.file, error.place.line, error.place.column) == ("falco.yaml", line, column)
    assert error.place.source_line == text.split("\n")[line - 1]


def test_a_refusal_names_the_nearest() -> None:
    assert refused("priority: warnin").hint == "did you mean 'warning'?"
    assert refused(PLUGINS + "load_plugins: [tow]").hint == "did you mean 'two'?"


def test_unknown_keys_warn_with_the_nearest_known() -> None:
    config = parse_config(
        "json_ouput: true\nwebserver:\n  enabled: false\n  port: 5\nrule_files: [x]\n"
        "grpc: {enabled: true}\noutput_timeout: soon\nstdout_output: true\n",
        file="falco.yaml",
    )
    assert [(w.message, w.place.line, w.hint) for w in config.warnings] == [
        ("unknown key 'json_ouput'", 1, "did you mean 'json_output'?"),
        ("unknown key 'webserver.port'", 4, ""),
        ("unknown key 'rule_files'", 5, "did you mean 'rules_files'?"),
        ("unknown key 'grpc'", 6, "Falco dropped its gRPC server"),
        ("'output_timeout' should be a whole number", 7, ""),
        ("'stdout_output' should be a map with enabled", 8, ""),
    ]
    assert "falco.yaml:1:1: unknown key" in str(config.warnings[0])


def test_a_key_written_twice_warns_and_the_first_counts() -> None:
    config = parse_config("json_output: true\njson_output: false\n")
    assert config.json_output
    assert [w.message for w in config.warnings] == [
        "'json_output' is written twice; the first counts"
    ]


SECRET = "hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"plugins: [{{name: a, library_path: b, init_config: {{password: {SECRET}}}, x: y: z}}]",
        f"plugins:\n- name: a\n  init_config: {SECRET}",
        f"plugins:\n- name: a\n  library_path: b\n  init_config: [{SECRET}]",
        f"http_output: {{url: 'https://me:{SECRET}@host', enabled: maybe}}\njson_output: x",
    ],
)
def test_secrets_are_not_shown(text: str) -> None:
    assert SECRET not in str(refused(text))


def test_nothing_shows_a_whole_configuration() -> None:
    config = parse_config(
        f"plugins: [{{name: a, library_path: b, init_config: {SECRET}, open_params: {SECRET}}}]\n"
        f"unknown_thing: {{init_config: {SECRET}}}\nother_password: {SECRET}\n"
    )
    assert SECRET not in repr(config)
    assert SECRET not in "".join(map(str, config.warnings))


FRAGMENTS = [
    "plugins:", " ", "\n", "- ", "name: a", "library_path: b", "init_config: ", "{", "}", "[", "]",
    "rules: ", "enable: ", "tag: x", "append_output: ", "match: ", "extra_fields: ", "priority: ",
    "json_output: ", "${A}", "static_fields: ", "load_plugins: ", ",", "*a", "&a ", "~", "\t",
]  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(
    st.lists(st.sampled_from(FRAGMENTS), max_size=16).map("".join),
    st.lists(st.text(max_size=20), max_size=2),
)
def test_any_configuration_is_read_or_refused(text: str, options: list[str]) -> None:
    try:
        config = parse_config(text, options, environment={"A": "${B}"})
    except ConfigError as error:
        assert str(error)
    else:
        assert all(str(warning) for warning in config.warnings)
