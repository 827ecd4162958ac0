"""The domain: what the rest of the application talks about. Standard library and NumPy only."""
