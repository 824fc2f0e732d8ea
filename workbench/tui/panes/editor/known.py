"""What the editor knows of all rule files and of the catalogue."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from capture.errors import FalcowbError
from engine.yaml import read_text
from workbench.backend.questions.catalogue import FieldList
from workbench.backend.questions.rules import Rules
from workbench.editing.completions import Names
from workbench.editing.conditions import Vocabulary
from workbench.editing.definitions import Collected, Definitions
from workbench.editing.disk import MOST_BYTES, Stamp, stamp


class Known:
    """``definitions`` and ``names``, kept up with files and edits by ``look``."""

    def __init__(self) -> None:
        self.definitions = Definitions()
        self.names = Names()
        self._collected = Collected()
        self._files: tuple[str, ...] = ()
        self._stamps: dict[str, Stamp | None] = {}
        self._texts: dict[str, str] = {}

    def fields(self, found: FieldList) -> None:
        known = self.names.vocabulary
        self.names.vocabulary = Vocabulary(
            found.fields, found.event_types, known.macros, known.lists, known.about
        )
        sources = {source for each in found.fields for source in each.sources}
        self.names.sources = sorted(sources) or ("syscall",)

    def rules(self, rules: Rules) -> None:
        self._files = rules.files
        self.names.tags = sorted({tag for rule in rules.rules for tag in rule.tags})

    def look(self, edited: Mapping[str, str]) -> frozenset[str]:
        """Find definitions anew; ``edited`` are the texts that are open. Gives the lists."""
        files = [*self._files, *(path for path in edited if path not in self._files)]
        texts = []
        for file in files:
            text = edited.get(file)
            texts.append((file, self._on_disk(file) if text is None else text))
        self.definitions = self._collected.definitions(texts)
        vocabulary = self.names.vocabulary
        vocabulary.macros = self.definitions.names("macro")
        vocabulary.lists = self.definitions.names("list")
        vocabulary.about = self.definitions.abouts()
        return frozenset(vocabulary.lists)

    def _on_disk(self, file: str) -> str:
        now = stamp(file)
        if file not in self._texts or self._stamps.get(file) != now:
            self._stamps[file] = now
            try:
                small = now is not None and now[1] <= MOST_BYTES
                self._texts[file] = read_text(file) if small else ""
            except FalcowbError:
                self._texts[file] = ""
        return self._texts[file]

    def others_changed(self, edited: Collection[str]) -> bool:
        """Whether a file that is not open was changed since ``look``."""
        return any(
            file in self._stamps and stamp(file) != self._stamps[file]
            for file in self._files
            if file not in edited
        )
