"""A condition as a tree that opens where the decision fell."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.message import Message
from textual.widgets import Tree
from textual.widgets.tree import TreeNode

from engine.explain.tree import Explained, Explanation, Kind
from workbench.tui.panes.explain.labels import label

#: Parts made at once; macros within macros can be endless, what is below opens on demand.
_MOST = 2_000


class ConditionTree(Tree[Explained]):
    """Parts that decided are lit and open; what stands behind a name otherwise is closed."""

    DEFAULT_CSS = """
    ConditionTree { height: 1fr; background: $background; padding: 0 1;
        scrollbar-size-vertical: 1; scrollbar-size-horizontal: 1; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "other_tab(-1)", show=False),  # otherwise it would scroll
        Binding("right", "other_tab(1)", show=False),
    ]

    class OtherTab(Message):
        def __init__(self, step: int) -> None:
            super().__init__()
            self.step = step

    def __init__(self) -> None:
        super().__init__("")
        self.show_root = False
        self.guide_depth = 2
        self._dark = True
        self._left = 0
        self._explanation: Explanation | None = None

    def show(self, found: Explanation | None, dark: bool) -> None:
        """Show another explanation."""
        if found is self._explanation and dark == self._dark:
            return
        self._explanation, self._dark, self._left = found, dark, _MOST
        self.clear()
        if found is not None:
            self._add(self.root, found.root)
            self.root.expand()

    def action_other_tab(self, step: int) -> None:
        self.post_message(self.OtherTab(step))

    @property
    def chosen(self) -> Explained | None:
        """The part under the cursor."""
        return self.cursor_node.data if self.cursor_node is not None else None

    def unfold(self) -> None:
        """Open all there is, up to a bound."""
        self._left = _MOST
        stack = list(self.root.children)
        while stack:
            node = stack.pop()
            self._fill(node)
            node.expand()
            stack.extend(node.children)

    def _add(self, parent: TreeNode[Explained], part: Explained) -> None:
        inner = part.children[0] if part.kind is Kind.NOT else None
        negated = None
        if inner is not None and inner.kind in (Kind.CHECK, Kind.MACRO):
            negated, part = part, inner
        text = label(part, self._dark, negated)
        if not part.children:
            parent.add_leaf(text, part)
            return
        node = parent.add(text, part)
        if _is_open(part):
            self._fill(node)
            node.expand()

    def _fill(self, node: TreeNode[Explained]) -> None:
        part = node.data
        if part is None or node.children or self._left < 0:
            return
        self._left -= len(part.children)
        for child in part.children:
            self._add(node, child)

    def _on_tree_node_expanded(self, event: Tree.NodeExpanded[Explained]) -> None:
        event.stop()
        self._left = max(self._left, _MOST // 10)
        self._fill(event.node)


def _is_open(part: Explained) -> bool:
    """What holds behind a name, as it should, stays behind it."""
    if part.kind not in (Kind.MACRO, Kind.EXCEPTION):
        return True
    return part.decides and not (part.kind is Kind.EXCEPTION and part.holds)
