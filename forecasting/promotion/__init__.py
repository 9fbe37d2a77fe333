"""Promotion: whether a challenger may serve in place of the champion, and when one is due."""
