"""State of processes and files as events tell of it, as Falco keeps it: tables, batch by batch."""
