"""The screens: a Textual app over the engine process (``workbench.backend``).

The app never computes: it asks questions and draws answers. Everything else follows from that.

How to add a pane
    Write ``panes/NAME.py`` (or a package ``panes/NAME/``) with a class derived from
    ``workbench.tui.pane.Pane`` and a module constant ``PANE = PaneSpec(…)``: its id, title, area
    (``main``, ``side`` or ``low``) and order. That is all: panes are found by looking through the
    package. The pane's ``BINDINGS`` show in the footer while it is focused, and every binding with
    a description is in the command palette and on the help screen. Override the hooks of ``Pane``
    (``case_opened``, ``rules_loaded``, ``judged``, ``event_chosen``, ``view_changed``,
    ``fields_known``, ``engine_restarted``) to follow what happens elsewhere; read what is known
    from ``self.bench`` (``workbench.tui.bench``). ``remembered`` and ``remember`` keep a pane's
    state from one run to the next.

How to ask the engine something
    ``self.ask(Question(…), on_answer, on_trouble)`` on a pane. ``on_answer(answer, last)`` comes on
    the screen's loop, parts of an answer with ``last`` false. Asked again, the older question of
    the pane is ended and never answered. Without ``on_trouble`` a refusal is shown as a
    notification.

How to add a question
    A frozen dataclass derived from ``Question`` in ``workbench/backend/questions/FAMILY.py``
    (plain values only; ``lane`` says beside what it may run), and its handler, decorated with
    ``@answers``, in ``workbench/backend/answers/FAMILY.py``. Nothing else needs to know.

How to add an action
    A ``Binding`` in ``BINDINGS`` of the pane (or of the app), with a description and an
    ``action_…`` method. ``show=False`` keeps it out of the footer; a key of ``""`` is not needed:
    give rare ones a key all the same, or list them in ``Pane.COMMANDS``.

How to tell others
    ``bench.choose_event``: this event is looked at. ``bench.look(View(…))``: the events pane shows
    these (any list of event numbers, any rule, any condition). ``bench.load_rules(texts=…)``: judge
    by unsaved rules. ``bench.notify``. A pane never reaches into another pane.
"""
