"""The tree of processes on the screen."""

from __future__ import annotations

from rich.text import Text
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from workbench.backend.questions.processes import ProcessAlerts, ProcessTree
from workbench.tui.panes.processes.forest import Branch, forest
from workbench.tui.theme import PRIORITIES, priority_colour, word_colour
from workbench.tui.words import visible

Item = Branch | ProcessAlerts


class Forest(Tree[Item]):
    """What is open is open by itself where alerts or the event's process are below, and stays as a
    person left it."""

    DEFAULT_CSS = """
    Forest { height: 1fr; background: $background; padding: 0 1;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; overflow-x: hidden; }
    """

    def __init__(self) -> None:
        super().__init__("")
        self.show_root = False
        self.guide_depth = 3
        self._by_hand: dict[tuple[int, int], bool] = {}
        self._filling = False

    @property
    def _dark(self) -> bool:
        return self.app.current_theme.dark

    def forget(self) -> None:
        """Another capture."""
        self._by_hand.clear()
        self.clear()

    @property
    def branch(self) -> Branch | None:
        """The process under the cursor, or whose alert is."""
        node = self.cursor_node
        if node is not None and isinstance(node.data, ProcessAlerts):
            node = node.parent
        return node.data if node is not None and isinstance(node.data, Branch) else None

    def show(self, tree: ProcessTree | None, *, only_alerting: bool, follow: bool) -> None:
        """Show another moment. ``follow``: the cursor goes to the event's process, else it stays
        at the one where it is."""
        at = self.branch
        self._filling = True
        self.clear()
        nodes: dict[tuple[int, int], TreeNode[Item]] = {}
        now: TreeNode[Item] | None = None
        for root in forest(tree, only_alerting=only_alerting) if tree else []:
            # Not by recursion: a capture can make chains of any length.
            stack: list[tuple[TreeNode[Item], Branch]] = [(self.root, root)]
            while stack:
                parent, branch = stack.pop()
                node = parent.add(self._label(branch), branch)
                nodes[branch.key] = node
                if branch.is_now:
                    now = node
                for alert in branch.alerts:
                    node.add_leaf(self._alert(alert), alert)
                node.allow_expand = bool(branch.children or branch.alerts)
                if self._by_hand.get(branch.key, branch.is_open or bool(branch.alerts)):
                    node.expand()
                stack += [(node, child) for child in reversed(branch.children)]
        self.root.expand()
        # Messages of what was opened here come later than this.
        self.call_after_refresh(self._filled)
        wanted = None if at is None or follow else nodes.get(at.key)
        if wanted is None:
            wanted = now
        if wanted is not None:
            self.call_after_refresh(self._go, wanted)

    def _filled(self) -> None:
        self._filling = False

    def _go(self, node: TreeNode[Item]) -> None:
        if node.tree is self:
            self.move_cursor(node)
            self.scroll_to_node(node, animate=False)

    def _keep(self, node: TreeNode[Item], is_open: bool) -> None:
        if not self._filling and isinstance(node.data, Branch):
            self._by_hand[node.data.key] = is_open

    def _on_tree_node_expanded(self, event: Tree.NodeExpanded[Item]) -> None:
        event.stop()
        self._keep(event.node, True)

    def _on_tree_node_collapsed(self, event: Tree.NodeCollapsed[Item]) -> None:
        event.stop()
        self._keep(event.node, False)

    # Drawing.

    def _label(self, branch: Branch) -> Text:
        dark, facts = self._dark, branch.facts
        text = Text(no_wrap=True, overflow="ellipsis")
        if branch.is_now:
            text.append("▶ ", f"bold {word_colour('macro', dark)}")
        name = "dim strike" if facts.exited else "bold"
        if branch.alerts:
            name += f" {priority_colour(branch.gravest, dark)}"
        text.append(visible(facts.name) or "?", name)
        text.append(f" {facts.pid}", word_colour("number", dark))
        if facts.exited:
            text.append(" exited", "dim italic")
        if facts.user and facts.user != "root":
            text.append(f" {visible(facts.user)}", word_colour("field", dark))
        if facts.container:
            text.append(f" ⬚ {visible(facts.container)}", word_colour("macro", dark))
        if branch.below:
            text.append(f"  ◆ {branch.below:,} below", word_colour("string", dark))
        words = facts.command.partition(" ")[2]
        if words:
            text.append(f"  {visible(words)}", "dim")
        return text

    def _alert(self, alert: ProcessAlerts) -> Text:
        dark = self._dark
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append("◆ ", priority_colour(alert.priority, dark))
        text.append(visible(alert.rule), priority_colour(alert.priority, dark))
        if alert.count > 1:
            text.append(f" ×{alert.count:,}", "bold")
        text.append(f"  {PRIORITIES[alert.priority]}, event ", "dim")
        text.append(f"{alert.last:,}", "dim")
        return text
