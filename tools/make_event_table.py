#!/usr/bin/env python3
"""Writes the data files of capture/events and capture/scap from a checkout of falcosecurity/libs.

    python tools/make_event_table.py /path/to/libs

The tables of libs are C initialisers; a small program compiled against them prints what they hold,
so that nothing is guessed from source text. Needs gcc and g++. Only facts are taken: names, codes,
types, flags.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
EVENTS = ROOT / "capture" / "events"
SCAP = ROOT / "capture" / "scap"

DUMP_EVENTS = r"""
#include <stdio.h>
#include "driver/ppm_events_public.h"
extern const struct ppm_event_info g_event_info[];
struct table { const char *name; const void *at; };
static const struct table tables[] = { TABLES {0, 0} };
static const struct table dynamics[] = { DYNAMICS {0, 0} };
static const char *named(const struct table *t, const void *at) {
    for(; t->name; t++) if(t->at == at) return t->name;
    return 0;
}
int main(void) {
    for(int i = 0; i < PPM_EVENT_MAX; i++) {
        const struct ppm_event_info *e = &g_event_info[i];
        printf("E\t%d\t%s\t%d\t%d\n", i, e->name, e->category, e->flags);
        for(unsigned p = 0; p < e->nparams; p++) {
            const struct ppm_param_info *q = &e->params[p];
            const char *table = q->info ? named(tables, q->info) : 0;
            if(!table && q->info) table = named(dynamics, q->info);
            if(table) printf("P\t%s\t%d\t%d\t%s\n", q->name, q->type, q->fmt, table);
            else if(q->info) printf("P\t%s\t%d\t%d\t@%lu\n", q->name, q->type, q->fmt,
                                    (unsigned long)q->info);
            else printf("P\t%s\t%d\t%d\t\n", q->name, q->type, q->fmt);
        }
    }
    for(const struct table *t = tables; t->name; t++)
        for(const struct ppm_name_value *v = t->at; v->name; v++)
            printf("F\t%s\t%s\t%u\n", t->name, v->name, v->value);
#define DYNAMIC(name) for(unsigned i = 0; i < SIZE_##name; i++) \
        printf("D\t%s\t%u\t%d\t%d\n", #name, i, name[i].type, name[i].fmt);
    EACH_DYNAMIC
    return 0;
}
"""

DUMP_SYSCALLS = r"""
#include <stdio.h>
#include "driver/ppm_events_public.h"
extern const struct syscall_evt_pair g_syscall_table[];
int main(void) {
    for(int i = 0; i < SYSCALL_TABLE_SIZE; i++) {
        const struct syscall_evt_pair *s = &g_syscall_table[i];
        if(s->ppm_sc != 0) printf("%d\t%d\t%d\t%d\t%d\n", i, s->ppm_sc, s->enter_event_type,
                                  s->exit_event_type, s->flags);
    }
    return 0;
}
"""

DUMP_MAP = r"""
#include <stdio.h>
#include "scap_ppm_sc.c"
int main(void) {
    int count = sizeof(g_events_to_sc_map) / sizeof(g_events_to_sc_map[0]);
    for(int e = 0; e < count; e++)
        for(const ppm_sc_code *c = g_events_to_sc_map[e]; c && *c != (ppm_sc_code)-1; c++)
            printf("%d\t%d\n", e, *c);
    return 0;
}
"""

DUMP_CONVERSIONS = r"""
#include <cstdio>
#include <converter/table.h>
int main() {
    for(auto &entry : g_conversion_table) {
        std::printf("C\t%d\t%d\t%d\t%d", entry.first.event_code, entry.first.param_num,
                    entry.second.m_action, entry.second.m_desired_type);
        for(auto &i : entry.second.m_instrs)
            std::printf("\t%d,%d,%d", i.code, i.param_num, i.flags);
        std::printf("\n");
    }
}
size_t scap_evt_param_reader::read_into(uint8_t, void *, size_t) const { return 0; }
"""

CATEGORY_MASK = (1 << 9) - 1
FLAGS = {
    1: "creates_fd", 2: "destroys_fd", 4: "uses_fd", 8: "reads_fd", 16: "writes_fd",
    32: "modifies_state", 64: "unused", 128: "waits", 256: "skip_parse_reset", 512: "old",
    2048: "large_payload", 4096: "converted",
}  # fmt: skip
KIND_NAMES = ("syscall", "tracepoint", "plugin", "meta", "iterator")
KINDS = {1 << bit: name for bit, name in enumerate(KIND_NAMES, 9)}
ACTIONS = {1: "pass", 2: "store", 3: "store_and_pass", 4: "add", 5: "become"}
SOURCES = {1: "old", 2: "enter", 3: "default", 4: "empty", 5: "container_json"}


def main() -> None:
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    libs = Path(sys.argv[1]).resolve()
    header = (libs / "driver/ppm_events_public.h").read_text()
    keys = {int(code): key for key, code in re.findall(r"PPME_(\w+) = (\d+)", header)}
    types = enum_names(header, "PT_")
    formats = enum_names(header, "PF_")
    categories = enum_names(header, "EC_")
    version = (libs / "driver/SCHEMA_VERSION").read_text().strip()
    about = f"falcosecurity/libs, event schema {version}"

    with tempfile.TemporaryDirectory() as scratch:
        build = Build(libs, Path(scratch))
        dumped = build.events(header)
        syscalls = {name: build.syscalls(name) for name in ("x86_64", "aarch64")}
        event_map = build.event_map()
        conversions = build.conversions()

    calls = re.findall(r"PPM_SC_X\((\w+), (\d+)\)", header)
    names = {int(code): name.lower() for name, code in calls}
    of_event: dict[int, list[str]] = {}
    for event, syscall in event_map:
        of_event.setdefault(event, []).append(names[syscall])

    events: list[list[str]] = []
    flags: list[str] = []
    dynamics: list[str] = []
    for kind, *rest in (line.split("\t") for line in dumped):
        if kind == "E":
            code, name, category, bits = int(rest[0]), rest[1], int(rest[2]), int(rest[3])
            generic = name == "syscall"
            events.append([
                str(code), keys[code], name, ">" if code % 2 == 0 else "<",
                KINDS.get(category & ~CATEGORY_MASK, "none"),
                categories[category & CATEGORY_MASK],
                ",".join(word for bit, word in FLAGS.items() if bits & bit),
                "*" if generic else ",".join(of_event.get(code, [])), "",
            ])  # fmt: skip
        elif kind == "P":
            name, type_, form, info = rest
            param = f"{name}:{types[int(type_)]}:{formats[int(form)]}" + (
                f":{info}" if info else ""
            )
            events[-1][-1] += (" " if events[-1][-1] else "") + param
        elif kind == "F":
            flags.append("\t".join(rest))
        else:
            table, index, type_, form = rest
            dynamics.append(f"{table}\t{index}\t{types[int(type_)]}\t{formats[int(form)]}")

    utils = libs / "userspace/libsinsp"
    flags += errnos(utils)
    flags += [f"signal\t{name}\t{value}" for name, value in signals(utils)]

    write(
        EVENTS / "table.tsv",
        f"Event types, from driver/event_table.c and ppm_events_public.h of {about}.\n"
        "A parameter is name:type:format[:table]; @n after a path names the parameter with its\n"
        "directory. Syscalls from userspace/libscap/linux/scap_ppm_sc.c; * is every other one.",
        "code key name direction kind category flags syscalls parameters",
        ["\t".join(row) for row in events],
    )
    write(
        EVENTS / "flags.tsv",
        f"Names of flag and enum values in the order they are tried, from driver/flags_table.c;\n"
        f"tables errno and signal from userspace/libsinsp; of {about}.",
        "table name value",
        flags,
    )
    write(
        EVENTS / "dynamic.tsv",
        f"Parameters whose first byte says which type follows, from driver/dynamic_params_table.c\n"
        f"of {about}.",
        "table index type format",
        dynamics,
    )
    rows = []
    by_arch = {arch: {row[1]: row for row in table} for arch, table in syscalls.items()}
    for code, name in sorted(names.items()):
        row = by_arch["x86_64"].get(code) or by_arch["aarch64"].get(code)
        numbers = [str(by_arch[arch][code][0]) if code in by_arch[arch] else "" for arch in by_arch]
        # Syscalls without an event of their own leave both types zero in the table.
        pair = ["", ""]
        if row:
            pair = [keys[row[2]], keys[row[3]]] if row[2] != row[3] else ["GENERIC_E", "GENERIC_X"]
        rows.append("\t".join([str(code), name, *numbers, *pair]))
    write(
        EVENTS / "syscalls.tsv",
        f"System calls: code in events, name, number by machine, enter and exit event type; from\n"
        f"driver/syscall_table.c, syscall_compat_*.h and ppm_events_public.h of {about}.",
        "code name x86_64 aarch64 enter exit",
        rows,
    )
    write(
        SCAP / "conversions.tsv",
        f"How events of older captures become today's, from\n"
        f"userspace/libscap/engine/savefile/converter/table.cpp of {about}.\n"
        "An event of this type with so many parameters is passed, stored, extended (add) or\n"
        "becomes another type. Steps make the new parameters: old:n, enter:n (of the thread's\n"
        "stored event), default, empty; ? after enter means empty, not default, without one.",
        "key parameters action becomes steps",
        [conversion(line.split("\t"), keys) for line in sorted(conversions, key=conversion_order)],
    )


def conversion_order(line: str) -> tuple[int, int]:
    cells = line.split("\t")
    return int(cells[1]), int(cells[2])


def conversion(cells: list[str], keys: dict[int, str]) -> str:
    _, code, count, action, becomes, *steps = cells
    words = []
    for step in steps:
        source, number, fallback = (int(part) for part in step.split(","))
        word = SOURCES[source]
        if source in (1, 2):
            word += f":{number}"
        words.append(word + ("?" if fallback else ""))
    target = keys[int(becomes)] if int(action) == 5 else ""
    return "\t".join([keys[int(code)], count, ACTIONS[int(action)], target, " ".join(words)])


def enum_names(header: str, prefix: str) -> dict[int, str]:
    names: dict[int, str] = {}
    for name, value in re.findall(rf"\b{prefix}(\w+)\s*=\s*(\d+|\(1 << \d+\))", header):
        number = 1 << int(value[6:-1]) if value.startswith("(") else int(value)
        names.setdefault(number, name.lower())
    return names


def errnos(sinsp: Path) -> list[str]:
    text = (sinsp / "sinsp_errno.h").read_text()
    return [f"errno\t{n}\t{v}" for n, v in re.findall(r"#define SE_(\w+) (\d+)", text)]


def signals(sinsp: Path) -> list[tuple[str, str]]:
    """Names of signals as libsinsp prints them: the cases of its signal_to_str, by SE_ value."""
    values = dict(
        re.findall(r"#define SE_(SIG\w+)\s+(\d+)", (sinsp / "sinsp_signal.h").read_text())
    )
    body = (sinsp / "utils.cpp").read_text().split("sinsp_utils::signal_to_str", 1)[1]
    body = body.split("\n}", 1)[0]
    return [
        (name, values[case])
        for case, name in re.findall(r'case SE_(SIG\w+):\s*return "(\w+)"', body)
    ]


def write(path: Path, about: str, columns: str, rows: list[str]) -> None:
    head = "".join(f"# {line}\n" for line in about.split("\n"))
    path.write_text(head + "\t".join(columns.split()) + "\n" + "\n".join(rows) + "\n")
    print(f"{path.relative_to(ROOT)}: {len(rows)} rows")


class Build:
    """Compiles and runs the dumpers in a scratch folder."""

    def __init__(self, libs: Path, scratch: Path) -> None:
        self.libs, self.scratch = libs, scratch

    def run(self, compiler: str, source: str, *arguments: str) -> list[str]:
        path = self.scratch / ("dump.cpp" if compiler == "g++" else "dump.c")
        path.write_text(source)
        program = self.scratch / "dump"
        command = [compiler, "-w", "-o", str(program), str(path)]
        command += [
            f"-I{self.scratch}",
            f"-I{self.libs}",
            f"-I{self.libs}/driver",
            f"-I{self.libs}/userspace",
            *arguments,
        ]
        subprocess.run(command, check=True)
        done = subprocess.run([program], check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    def driver(self, *names: str) -> list[str]:
        return [f"{self.libs}/driver/{name}" for name in names]

    def events(self, header: str) -> list[str]:
        tables = re.findall(r"extern const struct ppm_name_value (\w+)\[\]", header)
        dynamics = re.findall(r"extern const struct ppm_param_info (\w+)\[\]", header)
        text = (self.libs / "driver/dynamic_params_table.c").read_text()
        sizes = dict(re.findall(r"ppm_param_info (\w+)\[(\w+)\]", text))
        source = DUMP_EVENTS
        source = source.replace("TABLES", " ".join(f'{{"{t}", {t}}},' for t in tables))
        source = source.replace("DYNAMICS", " ".join(f'{{"{t}", {t}}},' for t in dynamics))
        source = source.replace("EACH_DYNAMIC", " ".join(f"DYNAMIC({t})" for t in dynamics))
        source = source.replace("TABLES", "")
        defines = [f"-DSIZE_{table}={sizes[table]}" for table in dynamics]
        files = self.driver("event_table.c", "flags_table.c", "dynamic_params_table.c")
        return self.run("gcc", source, *defines, *files)

    def syscalls(self, machine: str) -> list[tuple[int, ...]]:
        """(number, syscall code, enter type, exit type, flags) of one machine."""
        numbers = self.libs / f"driver/syscall_compat_{machine}.h"
        defined = re.findall(r"#define (__NR_\w+) (\d+)", numbers.read_text())
        # The host's own <asm/unistd.h> must not leak in: the table includes nothing of it.
        table = self.scratch / "table.c"
        table.write_text(
            "".join(f"#define {name} {number}\n" for name, number in defined)
            + f'#include "{self.libs}/driver/syscall_table.c"\n'
        )
        lines = self.run("gcc", DUMP_SYSCALLS, str(table))
        return [tuple(int(cell) for cell in line.split("\t")) for line in lines]

    def event_map(self) -> list[tuple[int, int]]:
        folder = self.libs / "userspace/libscap/linux"
        text = (folder / "scap_ppm_sc.c").read_text()
        # Only the map is wanted; what follows calls the rest of the library.
        start = text.index("static const ppm_sc_code *g_events_to_sc_map[]")
        piece = text[start : text.index("\n};", start) + 3]
        (self.scratch / "scap_ppm_sc.c").write_text(
            '#include "driver/ppm_events_public.h"\n' + piece
        )
        lines = self.run("gcc", DUMP_MAP)
        return [(int(a), int(b)) for a, b in (line.split("\t") for line in lines)]

    def conversions(self) -> list[str]:
        folder = self.libs / "userspace/libscap/engine/savefile"
        # The table needs only the event header of all that scap.h brings along.
        (self.scratch / "libscap").mkdir()
        (self.scratch / "libscap" / "scap.h").write_text(
            "#include <driver/ppm_events_public.h>\ntypedef struct ppm_evt_hdr scap_evt;\n"
        )
        return self.run("g++", DUMP_CONVERSIONS, "-std=c++17", f"-I{folder}",
                        f"{folder}/converter/table.cpp")  # fmt: skip


if __name__ == "__main__":
    main()
