"""Write a Falco plugin in Python; :mod:`plugins.sdk.build` makes the ``.so`` of it.

Fields that are values in a JSON payload are declared and extracted natively; sources are Python.
"""
