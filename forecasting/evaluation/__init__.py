"""From the rows of a walk to its scorecard: scores, coverage, comparisons, tests."""
