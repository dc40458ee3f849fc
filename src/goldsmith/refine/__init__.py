"""The refine room."""
