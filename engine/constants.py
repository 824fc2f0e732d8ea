"""Right-hand constants: from the text of a condition to the value that a field is compared with.

What is accepted for which type follows userspace/libsinsp/value_parser.cpp of falcosecurity/libs,
wrap-around of numbers included.
"""

from __future__ import annotations

import re
import socket
from dataclasses import dataclass

from capture.errors import FalcowbError
from engine.fields.model import FieldType

#: A constant must leave room for its end mark in libs' buffer of this size.
MAX_BYTES = 256

_INTEGER = re.compile(r"[ \t\n\v\f\r]*([+-]?[0-9]+)")
_HEX = re.compile(r"(?:[0-9a-fA-F]{2})*")
#: Width of the types that are read as numbers.
BITS = {
    FieldType.INT8: 8, FieldType.INT16: 16, FieldType.INT32: 32, FieldType.INT64: 64,
    FieldType.UINT8: 8, FieldType.UINT16: 16, FieldType.UINT32: 32, FieldType.UINT64: 64,
    FieldType.RELTIME: 64, FieldType.ABSTIME: 64,
}  # fmt: skip
_SIGNED = frozenset({FieldType.INT8, FieldType.INT16, FieldType.INT32, FieldType.INT64})

#: Used where the system has no services file.
_SERVICES = {
    "ftp-data": 20, "ftp": 21, "ssh": 22, "telnet": 23, "smtp": 25, "domain": 53, "tftp": 69,
    "http": 80, "kerberos": 88, "pop3": 110, "sunrpc": 111, "ntp": 123, "imap2": 143, "imap": 143,
    "snmp": 161, "bgp": 179, "ldap": 389, "https": 443, "microsoft-ds": 445, "syslog": 514,
    "ldaps": 636, "imaps": 993, "pop3s": 995, "mysql": 3306, "postgresql": 5432,
}  # fmt: skip


class BadConstant(FalcowbError):
    """A constant that the field's type does not take."""


@dataclass(frozen=True, slots=True)
class Network:
    """An IP network: ``address`` of 4 or 16 bytes, ``mask`` as long."""

    address: bytes
    mask: bytes

    def __contains__(self, address: bytes) -> bool:
        if len(address) != len(self.address):
            return False
        mask = int.from_bytes(self.mask)
        return (int.from_bytes(address) ^ int.from_bytes(self.address)) & mask == 0


Constant = bytes | int | float | bool | Network


def encode(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def from_hex(text: str) -> bytes:
    """The bytes of a hexadecimal constant, for ``bcontains`` and ``bstartswith``."""
    if _HEX.fullmatch(text) is None:
        raise BadConstant(
            "filter error: bcontains and bstartswith operator support hex strings only",
            hint="Write two hexadecimal digits for each byte, as in 7f454c46.",
        )
    return bytes.fromhex(text)


def convert(text: str, type_: FieldType) -> Constant:
    """The constant ``text`` as a value of ``type_``. Raises BadConstant."""
    if type_ is FieldType.BYTEBUF:
        return checked_length(encode(text))
    if "\0" in text:
        raise BadConstant("filter error: filter value cannot contain a NUL byte (\\x00)")
    match type_:
        case FieldType.CHARBUF | FieldType.FSPATH | FieldType.FSRELPATH:
            return checked_length(encode(text))
        case FieldType.BOOL:
            if text not in ("true", "false"):
                raise BadConstant(
                    f"filter error: unrecognized boolean value {text}", hint="Use true or false."
                )
            return text == "true"
        case FieldType.DOUBLE:
            return float(_integer(text, 32, signed=True))
        case FieldType.PORT:
            return port(text)
        case FieldType.IPADDR:
            return address(text)
        case FieldType.IPNET:
            return network(text)
    if type_ in BITS:
        return _integer(text, BITS[type_], signed=type_ in _SIGNED)
    raise BadConstant(f"nothing can be compared with a field of type {type_.value}")


def checked_length(value: bytes) -> bytes:
    """``value``, refused where it is longer than Falco has room for."""
    if len(value) >= MAX_BYTES:
        raise BadConstant(
            f"filter parameter too long ({len(value)} bytes, at most {MAX_BYTES - 1})",
            hint="Compare with a part of it: startswith, contains, endswith.",
        )
    return value


def unsigned(text: str) -> int | None:
    """``text`` as libs reads an unsigned 64-bit number; None where it is no number."""
    try:
        return _integer(text, 64, signed=False)
    except BadConstant:
        return None


def _integer(text: str, bits: int, *, signed: bool) -> int:
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise BadConstant(f"{text} is not a valid number")
    digits = match[1]
    # C's strtol and strtoul stop at the ends of 64 bits; a smaller type keeps the low bits.
    if len(digits) > 30:
        number = -(1 << 64) if digits.startswith("-") else 1 << 64
    else:
        number = int(digits)
    if signed:
        number = min(max(number, -(1 << 63)), (1 << 63) - 1)
    elif abs(number) >= 1 << 64:
        number = (1 << 64) - 1
    number &= (1 << bits) - 1
    return number - (1 << bits) if signed and number >> (bits - 1) else number


def port(text: str) -> int:
    """A port by number or by the name of its service."""
    if not text:
        return 0
    if text.isascii() and text.isdigit():
        if len(text) > 10 or int(text) >= 1 << 31:
            raise BadConstant(f"{text} is not a port number")
        return int(text) & 0xFFFF
    try:
        return socket.getservbyname(text)
    except (OSError, UnicodeError):
        if text in _SERVICES:
            return _SERVICES[text]
    raise BadConstant(f"unrecognized protocol {text}", hint="Use a number or a service name.")


def address(text: str) -> bytes:
    """An IP address: 4 bytes where the text holds a dot, else 16."""
    family, version = (socket.AF_INET, 4) if "." in text else (socket.AF_INET6, 6)
    try:
        return socket.inet_pton(family, text)
    except (OSError, ValueError):
        raise BadConstant(f"unrecognized IPv{version} address {text}") from None


def network(text: str) -> Network:
    """An IP network in CIDR form."""
    head, slash, bits = text.partition("/")
    if not slash:
        raise BadConstant(
            f"unrecognized IP network {text}", hint="Write it with its length: 10.0.0.0/8."
        )
    four = "." in text
    try:
        base = socket.inet_pton(socket.AF_INET if four else socket.AF_INET6, head)
    except (OSError, ValueError):
        raise BadConstant(f"unrecognized IP address {text}") from None
    length = _integer(bits, 8, signed=False)
    width = 8 * len(base)
    if length > width or (not four and length == 0):
        raise BadConstant(f"invalid netmask {bits}")
    mask = ((1 << length) - 1) << (width - length)
    return Network(base, mask.to_bytes(len(base)))
