"""The version of this distribution, by itself so that everything may say it."""

__version__ = "0.1.0"
