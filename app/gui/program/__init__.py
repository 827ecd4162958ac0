"""The program itself: its look, its keys, its log, what it is."""
