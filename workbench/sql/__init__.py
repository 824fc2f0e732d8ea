"""SQL over captures, without a screen: ``session.SqlSession`` is where to begin.

- ``session``: a DuckDB of its own that may do nothing but answer; views are made for each query.
- ``tables`` and what it imports: which tables there are, and what fills them.
- ``store``: columns that a query named stay in a cache folder, as DuckDB's own files.
- ``safety``, ``errors``: what is not allowed, and what is said about it.
- ``process``: the same session in a process of its own, for the console.

DuckDB is imported here and nowhere else, and only by the commands that need it.
"""
