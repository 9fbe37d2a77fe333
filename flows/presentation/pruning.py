"""Sentences on what was pruned from a store."""

from db import Pruned


def describe_pruned(pruned: Pruned, days: int, *, dry_run: bool) -> str:
    """Describe in a sentence what was pruned, or would be."""
    verb = "Would delete" if dry_run else "Deleted"
    return (
        f"{verb} the quantiles of {pruned.quantiles} scored comparison bands, {pruned.revisions} revisions "
        f"of prices and the weights of {pruned.models} models, all older than {days} days."
    )
