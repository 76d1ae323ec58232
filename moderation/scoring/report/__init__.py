"""One HTML file to look at: how a judge did on a labelled file, or how two of them differ.

The file asks for nothing from elsewhere and runs no script, so it can be mailed, archived and
printed. Templates are Jinja's, which comes with Flask and escapes every text that is quoted.
"""

from moderation.scoring.report.comparison import comparison_page
from moderation.scoring.report.evaluation import evaluation_page

__all__ = ["comparison_page", "evaluation_page"]
