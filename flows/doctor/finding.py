"""A finding of `bandcast doctor`, which it prints as one line."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """Result of one check.

    Attributes:
        check: Subject.
        verdict: ok; warn, for what will break one day; fail, for what is broken.
        found: Observation.
        advice: What to do about it, empty where nothing is wrong.
    """

    check: str
    verdict: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""

    def line(self) -> str:
        """Format the finding as one line, which ends without a full stop."""
        found = self.found.rstrip(".")
        return f"{self.verdict:4}  {self.check}: {found}" + (f"; {self.advice}" if self.advice else "")
