"""Data sets read and checked; what turns them into the batches of a training."""
