"""Many panels at once: asked together, compared side by side, and ordered from one at a time."""
