"""The SQL console: a prompt over ``workbench.sql``.

``loop`` reads and asks, ``commands`` are what begins with a dot, ``completion`` and ``highlight``
help while typing, ``display`` prints.
"""
