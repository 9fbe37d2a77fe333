"""Health check of a container: every URL must answer with 200; a script.

python check_health.py URL [URL ...]

A Prefect server that cannot unpack its pages still answers on its API, so its page is asked for, too.
"""

import sys
from urllib.error import URLError
from urllib.request import urlopen

SECONDS = 3


def describe_failure(url: str) -> str | None:
    """Ask for a URL; return what is wrong with the answer, or None."""
    try:
        with urlopen(url, timeout=SECONDS):  # noqa: S310  # our own, on the loopback
            return None
    except (URLError, OSError) as error:
        return f"{url}: {error}"


if __name__ == "__main__":
    sys.exit("\n".join(filter(None, map(describe_failure, sys.argv[1:]))) or None)
