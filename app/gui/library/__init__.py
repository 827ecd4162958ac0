"""Opening a library, the first page, and the demo."""
