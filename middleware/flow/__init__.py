"""State machines, pure: step(state, event, at) -> (state, commands)."""
