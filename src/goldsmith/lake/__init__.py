"""The lake room."""
