"""Windows that interrupt: used where a line in a panel would not do."""
