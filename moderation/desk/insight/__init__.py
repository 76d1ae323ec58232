"""The page of insight: how the work goes, in numbers, plots and spreadsheets."""

from moderation.desk.insight import pages

__all__ = ["pages"]
