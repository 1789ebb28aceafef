"""Simulated contact-centre traffic with the truth beside it, for trials and measurements."""

from .difficulty import Difficulty
from .people import MOST_PEOPLE
from .traffic import Interaction, simulate, traffic
from .writer import Summary, write_simulation

__all__ = [
    "MOST_PEOPLE",
    "Difficulty",
    "Interaction",
    "Summary",
    "simulate",
    "traffic",
    "write_simulation",
]
