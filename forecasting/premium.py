"""How much of a past mean return to expect again.

The mean return of a share cannot be learnt from the years at hand (Merton 1980): after a crash it says that
prices fall, after a boom that they soar. So a mean counts as so many years against what a century of shares
has earned.
"""

LONG_RUN = 0.015  # mean log price return of a large share in deviations a session: 7 % over 30 % a year
YEARS = 16  # of one market that the long run is worth: its error in ten years is as large as eras differ


def expected_mean(mean: float, sessions: int) -> float:
    """The mean to expect, in deviations of a session.

    Args:
        mean: Mean standardised return a session, pooled over tickers.
        sessions: Sessions that it was measured over.
    """
    own = sessions / (sessions + 252 * YEARS)
    return own * mean + (1 - own) * LONG_RUN
