"""Any event of a capture by its row, without reading those before it.

A capture's events are batches on disk. What a system call's fields hang on (threads, files) follows
from all calls before; the index walks them once and keeps, batch by batch, what the walk gave
(``states``), in a cache folder. Afterwards any batch can be read alone (``batches``).
"""
