"""Writing rules against a capture: why an event fires, what an edit changes, drafts, tests.

No screen, no command line: commands and the engine process call what is here.
"""
