"""Measures the knowledge base: what is found, what is answered, how sure to be of the figures."""
