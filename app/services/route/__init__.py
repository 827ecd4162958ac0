"""Where people went: routes over cameras, and how long the ways between them take."""
