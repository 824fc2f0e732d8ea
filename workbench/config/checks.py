"""What Falco refuses at start, of the keys that we do not use ourselves."""

from __future__ import annotations

import ipaddress

from engine.yaml_values import as_bool, as_int
from workbench.config.values import Values

_BLANKS = " \t\n\v\f\r"
_LEVELS = ("emergency", "alert", "critical", "error", "warning", "notice", "informational", "info",
           "debug")  # fmt: skip


def check_the_rest(values: Values) -> None:
    """Raise :class:`ConfigError` for the first value that would make Falco stop."""
    _one_of(values, "engine.kind", ("kmod", "modern_ebpf", "replay", "nodriver"))
    _one_of(values, "capture.mode", ("rules", "all_rules"))
    _one_of(values, "log_level", _LEVELS, lower=True)
    for output, needed in (("file", "filename"), ("program", "program"), ("http", "url")):
        key = f"{output}_output"
        if as_bool(values.text(f"{key}.enabled", "")) and not values.text(f"{key}.{needed}", ""):
            raise values.error(
                f"{output} output enabled but no {needed} in configuration block",
                values.tree.key_place(key),
            )
    _check_drops(values)
    address = values.scalar("webserver.listen_address")
    if address and not _is_address(address.text or ""):
        raise values.error(
            f'webserver listen address "{(address.text or "")[:64]}" is not a valid IP address',
            address.place,
        )
    timeouts = values.scalar("syscall_event_timeouts.max_consecutives")
    if timeouts and as_int(timeouts.text or "") == 0:
        raise values.error(
            "the maximum consecutive timeouts without an event must be an unsigned integer > 0",
            timeouts.place,
        )


def _one_of(values: Values, key: str, allowed: tuple[str, ...], *, lower: bool = False) -> None:
    def parse(text: str) -> str:
        if (text.lower() if lower else text) not in allowed:
            raise ValueError
        return text

    values.choice(
        key, allowed[0], parse,
        lambda text: f"{key} '{text}' is not valid: must be one of {', '.join(allowed)}",
        allowed,
    )  # fmt: skip


def _check_drops(values: Values) -> None:
    actions: set[str] = set()
    for item in values.texts("syscall_event_drops.actions"):
        action = (item.text or "")[:64]
        if action not in ("ignore", "log", "alert", "exit"):
            raise values.error(
                'available actions for syscall event drops are "ignore", "log", "alert", and '
                '"exit"',
                item.place,
            )
        if action in ("log", "alert") and "ignore" in actions:
            raise values.error(
                f'syscall event drop action "{action}" does not make sense with the "ignore" '
                "action",
                item.place,
            )
        actions.add(action)
    if not 0 <= values.number("syscall_event_drops.threshold", 0.1) <= 1:
        value = values.scalar("syscall_event_drops.threshold")
        raise values.error(
            "syscall event drops threshold must be a double in the range [0, 1]",
            value.place if value else values.tree.place,
        )


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text.strip(_BLANKS).partition("%")[0])
    except ValueError:
        return False
    return True
