"""Events folded to what rules see of them: rules are asked once of events that are alike."""
