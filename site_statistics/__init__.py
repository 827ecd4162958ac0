"""What a place's own footage says about it, without labels and without networks; NumPy only."""
