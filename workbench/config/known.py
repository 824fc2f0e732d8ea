"""The keys that Falco knows, and warnings about those that it does not.

Names and types from userspace/falco/config_json_schema.h in falcosecurity/falco. Types are
``bool``, ``int``, ``number``, ``text``, ``any``, a list ``[type]``, a map of known keys, or a
tuple of several of these.
"""

from __future__ import annotations

import difflib

from engine.yaml_values import as_bool, as_float, as_int
from workbench.config.tree import ConfigWarning, Mapping_, Scalar, Sequence, Value, discreet

Shape = str | list["Shape"] | dict[str, "Shape"] | tuple["Shape", ...]

_SWITCH: Shape = {"enabled": "bool"}
_RULES: Shape = {"rule": "text", "tag": "text"}

KNOWN: dict[str, Shape] = {
    "append_output": [
        {
            "match": {"source": "text", "tags": ["text"], "rule": "text"},
            "extra_output": "text",
            "extra_fields": [("text", "any")],
            "suggested_output": "bool",
        }
    ],
    "static_fields": "map",
    "config_files": (["any"], "text"),
    "watch_config_files": "bool",
    "plugins_hostinfo": "bool",
    "rules_files": (["text"], "text"),
    "rules_file": (["text"], "text"),
    "rules": [{"disable": _RULES, "enable": _RULES}],
    "engine": {
        "kind": "text",
        "kmod": {"buf_size_preset": "int", "drop_failed_exit": "bool"},
        "modern_ebpf": {
            "cpus_for_each_buffer": "int",
            "buf_size_preset": "int",
            "drop_failed_exit": "bool",
            "disable_iterators": "bool",
        },
        "replay": {"capture_file": "text"},
    },
    "capture": {
        "enabled": "bool",
        "path_prefix": "text",
        "mode": "text",
        "default_duration": "int",
        "max_file_size_mb": "int",
    },
    "load_plugins": (["text"], "text"),
    "plugins": [
        {
            "name": "text",
            "library_path": "text",
            "init_config": "any",
            "init_args": "any",
            "open_params": "text",
        }
    ],
    "time_format_iso_8601": "bool",
    "buffer_format_base64": "bool",
    "priority": "text",
    "json_output": "bool",
    "json_include_output_property": "bool",
    "json_include_message_property": "bool",
    "json_include_output_fields_property": "bool",
    "json_include_tags_property": "bool",
    "buffered_outputs": "bool",
    "rule_matching": "text",
    "outputs_queue": {"capacity": "int"},
    "stdout_output": _SWITCH,
    "syslog_output": _SWITCH,
    "file_output": {"enabled": "bool", "keep_alive": "bool", "filename": "text"},
    "http_output": {
        "enabled": "bool",
        "url": "text",
        "user_agent": "text",
        "insecure": "bool",
        "ca_cert": "text",
        "ca_bundle": "text",
        "ca_path": "text",
        "mtls": "bool",
        "client_cert": "text",
        "client_key": "text",
        "echo": "bool",
        "compress_uploads": "bool",
        "keep_alive": "bool",
        "max_consecutive_timeouts": "int",
    },
    "program_output": {"enabled": "bool", "keep_alive": "bool", "program": "text"},
    "webserver": {
        "enabled": "bool",
        "threadiness": "int",
        "listen_port": "int",
        "listen_address": "text",
        "k8s_healthz_endpoint": "text",
        "prometheus_metrics_enabled": "bool",
        "ssl_enabled": "bool",
        "ssl_certificate": "text",
    },
    "log_stderr": "bool",
    "log_syslog": "bool",
    "log_level": "text",
    "libs_logger": {"enabled": "bool", "severity": "text"},
    "output_timeout": "int",
    "syscall_event_timeouts": {"max_consecutives": "int"},
    "syscall_event_drops": {
        "threshold": "number",
        "actions": (["text"], "text"),
        "rate": "number",
        "max_burst": "number",
        "simulate_drops": "bool",
    },
    "metrics": {
        "enabled": "bool",
        "interval": "text",
        "output_rule": "bool",
        "output_file": "text",
        "rules_counters_enabled": "bool",
        "resource_utilization_enabled": "bool",
        "state_counters_enabled": "bool",
        "kernel_event_counters_enabled": "bool",
        "kernel_event_counters_per_cpu_enabled": "bool",
        "libbpf_stats_enabled": "bool",
        "plugins_metrics_enabled": "bool",
        "kernel_iter_event_counters_enabled": "bool",
        "convert_memory_to_mb": "bool",
        "include_empty_values": "bool",
        "jemalloc_stats_enabled": "bool",
    },
    "base_syscalls": {"all": "bool", "custom_set": (["text"], "text"), "repair": "bool"},
    "falco_libs": {
        "thread_table_size": "int",
        "thread_table_auto_purging_interval_s": "int",
        "thread_table_auto_purging_thread_timeout_s": "int",
        "snaplen": "int",
    },
}

#: Keys of older versions of Falco, which today's does not know: what became of them.
GONE = {
    "grpc": "Falco dropped its gRPC server",
    "grpc_output": "Falco dropped its gRPC server",
    "syscall_buf_size_preset": "it is engine.kmod.buf_size_preset now",
    "syscall_drop_failed_exit": "it is engine.kmod.drop_failed_exit now",
    "modern_bpf": "it is engine.modern_ebpf now",
    "outputs": "Falco dropped the rate limit on alerts",
    "metadata_download": "Falco dropped its own Kubernetes client",
}
_WANTED = {
    "bool": "true or false", "int": "a whole number", "number": "a number", "text": "a text",
    "map": "a map", "any": "anything",
}  # fmt: skip
_MOST_WARNINGS = 100


def check(root: Mapping_) -> list[ConfigWarning]:
    """A warning for every key that Falco does not know and every value of the wrong kind."""
    warnings: list[ConfigWarning] = []
    _check(root, KNOWN, "", warnings)
    return warnings[:_MOST_WARNINGS]


def _check(value: Value, shape: Shape, name: str, warnings: list[ConfigWarning]) -> None:
    if len(warnings) >= _MOST_WARNINGS or (isinstance(value, Scalar) and value.text is None):
        return
    if isinstance(shape, tuple):
        fitting = [one for one in shape if _fits(value, one)]
        shape = fitting[0] if fitting else shape[0]
    if not _fits(value, shape):
        warnings.append(
            ConfigWarning(f"'{name}' should be {_wanted(shape)}", discreet(value.place))
        )
    elif isinstance(shape, list) and isinstance(value, Sequence):
        for index, item in enumerate(value.items):
            _check(item, shape[0], f"{name}[{index}]", warnings)
    elif isinstance(shape, dict) and isinstance(value, Mapping_):
        for key, below in value.entries.items():
            full = f"{name}.{key}" if name else key
            if key in shape:
                _check(below, shape[key], full, warnings)
            else:
                hint = _hint(key, shape, top=not name)
                place = discreet(value.key_place(key))
                warnings.append(ConfigWarning(f"unknown key '{full[:200]}'", place, hint))


def _hint(key: str, shape: dict[str, Shape], *, top: bool) -> str:
    if top and key in GONE:
        return GONE[key]
    near = difflib.get_close_matches(key[:64], shape, n=1, cutoff=0.7)
    return f"did you mean '{near[0]}'?" if near else ""


def _fits(value: Value, shape: Shape) -> bool:
    if isinstance(shape, tuple):
        return any(_fits(value, one) for one in shape)
    if isinstance(shape, list):
        return isinstance(value, Sequence)
    if isinstance(shape, dict) or shape == "map":
        return isinstance(value, Mapping_)
    if shape == "any":
        return True
    if not isinstance(value, Scalar) or value.text is None:
        return False
    if shape == "bool":
        return as_bool(value.text) is not None
    if shape == "int":
        return as_int(value.text) is not None
    return shape != "number" or as_float(value.text) is not None


def _wanted(shape: Shape) -> str:
    if isinstance(shape, list):
        return "a list"
    if isinstance(shape, dict):
        return "a map with " + ", ".join(list(shape)[:8])
    return _WANTED[shape] if isinstance(shape, str) else _wanted(shape[0])
