"""Where a library keeps what it knows: SQLite, crops on disk. `library.Library` is the only API."""
