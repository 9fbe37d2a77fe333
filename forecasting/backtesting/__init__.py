"""Walking forward over history as if each past session were today."""
