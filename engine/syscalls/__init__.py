"""Columns of the fields of system call events, one module a family."""
