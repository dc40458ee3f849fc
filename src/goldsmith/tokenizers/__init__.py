"""The tokenizers room."""
