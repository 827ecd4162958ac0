"""The rendered recordings that come with Retrace, and their truth."""
