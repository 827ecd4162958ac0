"""Adding recordings, following their analysis, and correcting cameras and clocks."""
