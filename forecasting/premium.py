"""How much of a past mean return to expect again.

The mean return of a share cannot be learnt from the years at hand (Merton 1980): after a crash it says that
prices fall, after a boom that they soar. So a mean counts as so many years against what a century of shares
has earned.
"""

# Mean log return of a large share a session, in scales of the residuals (a deviation is about 1.2 of them):
# about 6 % over 30 % a year. Chosen on 2009-2011 between .005 and .015.
LONG_RUN = 0.015
# A mean over so many years has the same word: that of 40 shares errs by .6 deviations / sqrt(years), after
# sixteen years by as much as eras differ (.15).
YEARS = 16


def expected_mean(mean: float, sessions: int) -> float:
    """The mean to expect of a session, in the units of `mean`.

    Args:
        mean: Mean standardised log return a session, pooled over tickers, in units of the fitted scale.
        sessions: Sessions of a share's calendar that it was measured over.
    """
    own = sessions / (sessions + 252 * YEARS)
    return own * mean + (1 - own) * LONG_RUN
