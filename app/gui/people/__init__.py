"""The people of the library: their list at the left of the window, and what is done with them."""
