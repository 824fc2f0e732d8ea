"""The engine process, asked as a screen does."""

from __future__ import annotations

import json
import os
import signal
from pathlib import Path

from tests.workbench.backend.asked import Asked, engine
from tests.workbench.backend.made import INTRUSION, RULES, needs_captures, of_numbers
from tests.workbench.command import SAMPLES, falcowb
from workbench.backend.messages import Trouble
from workbench.backend.questions.catalogue import FieldList, Fields
from workbench.backend.questions.detail import Detail, EventDetail
from workbench.backend.questions.events import (
    AsJson,
    CheckCondition,
    ConditionOk,
    Jump,
    JumpedTo,
    Look,
    Looked,
    Page,
    PageOf,
    View,
)
from workbench.backend.questions.opening import Indexed, Open, Opened
from workbench.backend.questions.rules import ExportAlerts, Judged, LoadRules, Rules

FIELDS = ("evt.num", "proc.name", "evt.type", "no.such.field")


def opened(asked: Asked, path: Path, rules: tuple[str, ...] = (), **more: object) -> Judged:
    parts = asked.parts(Open(str(path), **more))  # type: ignore[arg-type]
    assert isinstance(parts[-1], Indexed), parts[-1]
    assert any(isinstance(part, Opened) for part in parts)
    judged = asked.ask(LoadRules(rules))
    assert isinstance(judged, Judged), judged
    return judged


def replayed(path: Path, *arguments: str) -> list[dict[str, object]]:
    ran = falcowb("replay", path, *arguments, "--json", "-q")
    assert ran.code == 0, ran.err
    return [json.loads(line) for line in ran.out.splitlines()]


@needs_captures
def test_alerts_are_those_of_replay(tmp_path: Path) -> None:
    alerts = replayed(INTRUSION, "-r", str(RULES))
    counts: dict[str, int] = {}
    for alert in alerts:
        counts[str(alert["rule"])] = counts.get(str(alert["rule"]), 0) + 1
    with engine() as asked:
        judged = opened(asked, INTRUSION, (str(RULES),))
        assert judged.complete
        assert {name: count for name, count in judged.alerts if count} == counts
        assert sum(count for _, count in judged.by_priority) == len(alerts)
        file = tmp_path / "alerts.jsonl"
        assert asked.ask(ExportAlerts(str(file))).alerts == len(alerts)
        assert [json.loads(line) for line in file.read_text().splitlines()] == alerts
        assert isinstance(asked.ask(ExportAlerts(str(file))), Trouble), "nothing is replaced"
        looked = asked.ask(Look(View(only="alerts")))
        assert isinstance(looked, Looked) and looked.rows == len(alerts)
        page = asked.ask(Page(0, 100, ("evt.time",)))
        assert isinstance(page, PageOf)
        assert list(page.rules) == [alert["rule"] for alert in alerts]
        assert list(page.times) == [
            alert["output_fields"]["evt.time"]
            for alert in alerts  # type: ignore[index]
        ]
        everything = asked.ask(Look(View()))
        assert everything.rows > looked.rows
        rows = []
        at = -1
        while (jumped := asked.ask(Jump("alert", start=at))).row is not None:
            assert isinstance(jumped, JumpedTo)
            rows.append(jumped.number)
            at = jumped.row
            if len(rows) == 1:
                at = jumped.row
        assert rows == list(page.numbers)
        back = asked.ask(Jump("alert", start=at, back=True))
        assert back.number == rows[-2]
        detail = asked.ask(Detail(rows[0]))
        assert isinstance(detail, EventDetail)
        assert detail.alerts[0].rule == alerts[0]["rule"]
        assert detail.alerts[0].message in str(alerts[0]["output"])


#: What is asked here, and the same for a command that knows no rules.
CONDITIONS = {
    # Of what was kept.
    "evt.type = openat and fd.name startswith /etc": "",
    "proc.name in (bash, cat)": "",
    # Not kept: a scan.
    "evt.type = openat and fd.filename contains o and proc.vpid > 0": "",
    # A macro and a list of the rules.
    "spawned_process": "evt.type in (execve, execveat)",
    "proc.name in (shell_binaries)": "proc.name in (ash, bash, csh, ksh, sh, tcsh, zsh, dash)",
}


@needs_captures
def test_a_filter_finds_what_events_finds() -> None:
    with engine() as asked:
        opened(asked, INTRUSION, (str(RULES),))
        for condition, same in CONDITIONS.items():
            looked = asked.ask(Look(View(condition)))
            page = asked.ask(Page(0, 2000, FIELDS))
            assert isinstance(page, PageOf) and looked.rows == len(page.numbers) > 0
            fields = ",".join(FIELDS[:3])
            ran = falcowb(
                "events", INTRUSION, "-f", same or condition, "-F", fields, "--format", "jsonl"
            )
            rows = [json.loads(line) for line in ran.out.splitlines()]
            assert [row["evt.num"] for row in rows] == list(page.numbers)
            assert [row["proc.name"] for row in rows] == list(page.cells[1])
            assert set(page.cells[3]) == {None}


@needs_captures
def test_views_narrow_each_other() -> None:
    with engine() as asked:
        opened(asked, INTRUSION, (str(RULES),))
        asked.ask(Look(View("evt.type = openat")))
        openat = set(asked.ask(Page(0, 2000, ())).numbers)
        asked.ask(Look(View(only="alerts")))
        alerts = set(asked.ask(Page(0, 2000, ())).numbers)
        asked.ask(Look(View("evt.type = openat", only="alerts")))
        assert set(asked.ask(Page(0, 2000, ())).numbers) == openat & alerts
        some = (*sorted(openat)[2:9:2], 999_999)
        asked.ask(Look(View("evt.type = openat", numbers=some)))
        page = asked.ask(Page(0, 2000, ()))
        assert page.numbers == some[:-1]
        start, stop = page.times[1], page.times[3]
        looked = asked.ask(Look(View("evt.type = openat", numbers=some, start=start, stop=stop)))
        assert asked.ask(Page(0, 2000, ())).numbers == some[1:3]
        near = asked.ask(Look(View("evt.type = openat"), near=some[2]))
        assert near.near_row is not None and near.version > looked.version
        assert asked.ask(Page(near.near_row, 1, ())).numbers == (some[2],)
        assert asked.ask(Jump("number", some[3])).number == some[3]
        assert asked.ask(Jump("number", 999_999)).row == near.rows - 1
        assert asked.ask(Jump("time", start)).time == start


@needs_captures
def test_only_what_is_edited_is_judged_again() -> None:
    text = RULES.read_text(encoding="utf-8")
    with engine() as asked:
        before = opened(asked, INTRUSION, (str(RULES),))
        name = "Read sensitive file untrusted"
        assert dict(before.matches)[name] > 0
        edited = text.replace("    open_read\n", "    open_read and proc.name != cat\n")
        assert edited != text
        parts = asked.parts(LoadRules((str(RULES),), texts=((str(RULES), edited),)))
        assert isinstance(parts[0], Rules) and not parts[0].failed
        after = parts[-1]
        assert isinstance(after, Judged) and after.version > before.version
        assert dict(after.matches)[name] < dict(before.matches)[name]
        others = {rule: count for rule, count in before.matches if rule != name}
        assert {rule: count for rule, count in after.matches if rule != name} == others
        # As it was before, at once; and switched off.
        assert asked.ask(LoadRules((str(RULES),))).matches == before.matches
        without = asked.ask(LoadRules((str(RULES),), off=(name,)))
        assert name not in dict(without.matches)


@needs_captures
def test_rules_with_an_error_leave_the_last_good_ones_in_force() -> None:
    with engine() as asked:
        before = opened(asked, INTRUSION, (str(RULES),))
        broken = (
            "- rule: Bad\n  desc: d\n  condition: evt.type = \n  output: o\n  priority: debug\n"
        )
        parts = asked.parts(LoadRules((str(RULES),), texts=((str(RULES), broken),)))
        rules, judged = parts[0], parts[-1]
        assert isinstance(rules, Rules) and rules.failed and len(rules.rules) > 5
        (said,) = [each for each in rules.said if each.severity == "error"]
        assert (said.file, said.line, said.item) == (str(RULES), 3, "Bad")
        assert judged.matches == before.matches
        gone = asked.parts(LoadRules(("/no/such/rules.yaml",)))
        assert gone[0].failed and gone[0].said[0].file == "/no/such/rules.yaml"


def test_refusals_are_words(tmp_path: Path) -> None:
    with engine() as asked:
        assert isinstance(asked.ask(Page(0, 1, ())), Trouble)
        trouble = asked.ask(Open(str(tmp_path / "no.fcap")))
        assert isinstance(trouble, Trouble) and "no.fcap" in trouble.message
        assert isinstance(asked.ask(LoadRules()), Trouble)
        path = of_numbers(tmp_path / "a.fcap", {"red": [[1, 2, 3]]})
        opened(asked, path)
        wrong = asked.ask(CheckCondition("evt.num >"))
        assert isinstance(wrong, Trouble) and (wrong.line, wrong.column) == (1, 10)
        unknown = asked.ask(Look(View("evt.nun = 2")))
        assert isinstance(unknown, Trouble) and "evt.num" in unknown.hint
        assert asked.ask(CheckCondition("evt.num = 2")) == ConditionOk(("red",))
        assert asked.ask(Look(View("evt.num >= 2"))).rows == 2
        assert isinstance(asked.ask(Detail(17)), Trouble)
        lines = asked.ask(AsJson((1, 3, 9))).splitlines()
        assert [json.loads(line)["evt.num"] for line in lines] == [1, 3]
        assert isinstance(asked.ask(Fields()), FieldList)


def test_a_log_is_gone_through_like_a_capture() -> None:
    log, config = SAMPLES / "k8s_intrusion.jsonl", SAMPLES / "falco.yaml"
    alerts = replayed(log, "-c", str(config))
    with engine() as asked:
        judged = opened(asked, log, config=str(config))
        assert sum(count for _, count in judged.by_priority) == len(alerts)
        looked = asked.ask(Look(View("ka.verb = create")))
        page = asked.ask(Page(0, 50, ("ka.verb", "ka.user.name")))
        assert looked.rows == len(page.numbers) and set(page.cells[0]) == {"create"}
        detail = asked.ask(Detail(page.numbers[0]))
        assert json.loads(detail.raw)["verb"] == "create"
        assert "ka" in dict(detail.families)


def test_after_a_crash_everything_is_as_it_was(tmp_path: Path) -> None:
    path = of_numbers(tmp_path / "a.fcap", {"red": [[1, 2, 3]]})
    with engine() as asked:
        opened(asked, path)
        pid = asked.client.pid
        assert pid is not None
        os.kill(pid, signal.SIGSEGV)
        asked.pump(lambda: asked.crashes)
        (crash,) = asked.crashes
        assert crash.restarted and "SIGSEGV" in crash.reason
        assert asked.client.pid not in (None, pid)
        assert asked.ask(Look(View("evt.num >= 2"))).rows == 2


def test_a_question_that_kills_is_not_asked_for_ever(tmp_path: Path) -> None:
    """Each time it is opened the process dies: it is told, and not tried without end."""
    path = of_numbers(tmp_path / "a.fcap", {"red": [[1, 2, 3]]})
    with engine() as asked:
        got = asked.start(Open(str(path)))
        for deaths in range(1, 5):
            pid = asked.client.pid
            if pid is None or got[-1:] == [None]:
                break
            os.kill(pid, signal.SIGKILL)
            asked.pump(lambda deaths=deaths: len(asked.crashes) >= deaths)  # type: ignore[misc] # default
        asked.pump(lambda: got and got[-1] is None)
        assert isinstance(got[-2], Trouble | Indexed)
        assert asked.crashes


def test_crashes_without_end_stop(tmp_path: Path) -> None:
    with engine() as asked:
        for deaths in range(1, 5):
            pid = asked.client.pid
            assert pid is not None
            os.kill(pid, signal.SIGKILL)
            asked.pump(lambda deaths=deaths: len(asked.crashes) >= deaths)  # type: ignore[misc] # default
        assert [crash.restarted for crash in asked.crashes] == [True, True, True, False]
        asked.client.restart()
        path = of_numbers(tmp_path / "a.fcap", {"red": [[1]]})
        opened(asked, path)


def test_the_asking_side_imports_nothing_heavy() -> None:
    import subprocess
    import sys

    code = (
        "import sys, workbench.backend.client, workbench.backend.messages;"
        "import workbench.backend.questions.events, workbench.backend.questions.rules;"
        "import workbench.backend.questions.detail, workbench.backend.questions.opening;"
        "import workbench.backend.questions.catalogue;"
        "print([m for m in ('numpy', 'pyarrow', 'textual', 'engine.evaluate') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
