"""Rules that alert differently, and below each the events gained and lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from workbench.backend.questions.diff import DiffAlert, DiffAlerts, RuleChange, RulesDiffed
from workbench.tui.theme import PRIORITIES, priority_colour, word_colour
from workbench.tui.times import clock
from workbench.tui.words import visible

#: Events asked for at a time, and up to how many in all rules are open at first, beside the first
#: rule.
_PAGE, _OPEN = 100, 60
_WORDS = {"edited": "edited", "new": "new", "gone": "gone or off", "": ""}


@dataclass(frozen=True, slots=True)
class Line:
    """A rule, or one of its events."""

    change: RuleChange
    number: int | None = None


@dataclass(frozen=True, slots=True)
class More:
    """Where further events of a rule would stand."""

    change: RuleChange
    lost: bool
    first: int


class ChangeTree(Tree[Line | More]):
    """Events are asked for (``Wanted``) when they come to sight."""

    DEFAULT_CSS = """
    ChangeTree { height: 1fr; background: $background; padding: 0 1;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; overflow-x: hidden; }
    """
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "other_tab(-1)", show=False),
        Binding("right", "other_tab(1)", show=False),
    ]

    class OtherTab(Message):
        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    class Wanted(Message):
        """Events of a rule are to be shown."""

        def __init__(self, rule: str, lost: bool, first: int, count: int) -> None:
            super().__init__()
            self.rule, self.lost, self.first, self.count = rule, lost, first, count

    def __init__(self) -> None:
        super().__init__("")
        self.show_root = False
        self.guide_depth = 3
        self._rules: dict[str, TreeNode[Line | More]] = {}
        self._waiting: dict[tuple[str, bool], TreeNode[Line | More]] = {}

    @property
    def _dark(self) -> bool:
        return self.app.current_theme.dark

    @property
    def change(self) -> RuleChange | None:
        """That of the rule under the cursor."""
        node = self.cursor_node
        return node.data.change if node is not None and node.data is not None else None

    def show(self, diffed: RulesDiffed | None) -> None:
        """Show another comparison; what was open stays open."""
        known = bool(self._rules)
        were_open = {name for name, node in self._rules.items() if node.is_expanded}
        at = self.change
        self.clear()
        self._rules, self._waiting = {}, {}
        left = _OPEN
        for change in diffed.rules if diffed else ():
            node = self.root.add(self._rule(change), Line(change))
            self._rules[change.name] = node
            count = change.gained_count + change.lost_count
            node.allow_expand = bool(count)
            left -= count
            first = len(self._rules) == 1
            if count and (change.name in were_open or (not known and (first or left >= 0))):
                self._fill(node, change)
                node.expand()
        self.root.expand()
        if self._rules:
            self.move_cursor(self._rules.get(at.name if at else "") or self.root.children[0])

    def action_other_tab(self, step: int) -> None:
        self.post_message(self.OtherTab(step))

    def _on_tree_node_expanded(self, event: Tree.NodeExpanded[Line | More]) -> None:
        event.stop()
        line = event.node.data
        if isinstance(line, Line) and line.number is None:
            self._fill(event.node, line.change)

    # Events.

    def _fill(self, node: TreeNode[Line | More], change: RuleChange) -> None:
        if node.children:
            return
        for lost, count, others, words in (
            (True, change.lost_count, change.instead, "now alerted by"),
            (False, change.gained_count, change.before_that, "before alerted by"),
        ):
            if not count:
                continue
            if others:
                names = ", ".join(f"{name} ({many:,})" for name, many in others[:4])
                node.add_leaf(Text(f"{'−' if lost else '+'} {words} {names}", "dim"), Line(change))
            more = More(change, lost, 0)
            leaf = node.add_leaf(Text("…", "dim"), more)
            self._waiting[change.name, lost] = leaf
            self.post_message(self.Wanted(change.name, lost, 0, _PAGE))

    def more(self, more: More) -> None:
        self.post_message(self.Wanted(more.change.name, more.lost, more.first, _PAGE))

    def arrived(self, answer: DiffAlerts) -> None:
        """Put the events where they were waited for."""
        leaf = self._waiting.get((answer.rule, answer.lost))
        if leaf is None or not isinstance(leaf.data, More) or leaf.data.first != answer.first:
            return
        node = self._rules[answer.rule]
        change = leaf.data.change
        for alert in answer.alerts:
            node.add_leaf(self._alert(alert, answer.lost), Line(change, alert.number), before=leaf)
        shown = answer.first + len(answer.alerts)
        left = (change.lost_count if answer.lost else change.gained_count) - shown
        if left > 0 and answer.alerts:
            leaf.data = More(change, answer.lost, shown)
            leaf.set_label(Text(f"… {left:,} more: enter", "dim"))
        else:
            at_it = self.cursor_node is leaf
            leaf.remove()
            del self._waiting[answer.rule, answer.lost]
            if at_it and node.children:
                self.move_cursor(node.children[-1])

    # Drawing.

    def _rule(self, change: RuleChange) -> Text:
        dark = self._dark
        text = Text(no_wrap=True, overflow="ellipsis")
        gone = change.status == "gone"
        text.append(visible(change.name), f"bold{' strike' if gone else ''}")
        for sign, count, word in (
            ("+", change.gained_count, "macro"),
            ("−", change.lost_count, "error"),
        ):
            if count:
                text.append(f"  {sign}{count:,}", f"bold {word_colour(word, dark)}")
        if change.before == change.after:
            text.append(f"  {change.after:,} alerts", "dim")
        else:
            text.append(f"  {change.before:,} → {change.after:,}")
        text.append(
            f"  {PRIORITIES[change.priority]}",
            priority_colour(change.priority, dark),
        )
        if change.status:
            text.append(f"  {_WORDS[change.status]}", "dim italic")
        return text

    def _alert(self, alert: DiffAlert, lost: bool) -> Text:
        dark = self._dark
        text = Text(no_wrap=True, overflow="ellipsis")
        sign, word = ("− ", "error") if lost else ("+ ", "macro")
        text.append(sign, f"bold {word_colour(word, dark)}")
        text.append(f"{clock(alert.time)} ", word_colour("dim", dark))
        text.append(f"{alert.number:>9,}  ", word_colour("number", dark))
        text.append(visible(alert.text))
        return text
