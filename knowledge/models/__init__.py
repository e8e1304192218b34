"""Implementations of the embedder port."""
