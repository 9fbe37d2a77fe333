"""One line of the doctor's report."""

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True)
class Finding:
    """What one check found.

    Attributes:
        check: What was looked at.
        verdict: ok; warn, for what will go wrong one day; fail, for what does now.
        found: What was found.
        advice: What to do about it, empty where all is well.
    """

    check: str
    verdict: Literal["ok", "warn", "fail"]
    found: str
    advice: str = ""

    def line(self) -> str:
        """The finding as one line."""
        return f"{self.verdict:4}  {self.check}: {self.found}" + (f"; {self.advice}" if self.advice else "")
