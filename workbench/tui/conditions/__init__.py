"""Writing conditions: colours, completion, quoting. Used by the filter line and the editor."""
