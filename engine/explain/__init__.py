"""Why a rule fires on an event or does not, and which events it narrowly misses."""
