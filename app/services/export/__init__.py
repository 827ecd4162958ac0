"""What leaves the library: sheets and tables."""
