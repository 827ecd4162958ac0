"""Eyes: reading footage, finding and following people, and describing them."""
