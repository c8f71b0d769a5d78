"""The widget that all views share: frames, parts, the panel, and what links its tabs."""
