"""The names of what a comment is scored for, in the order every door serves them."""

TOXICITY_LABELS: tuple[str, ...] = (
    "toxicity",
    "severe_toxicity",
    "obscene",
    "threat",
    "insult",
    "identity_attack",
)
"""Detoxify's six labels of the `original` model, in Detoxify's own spelling."""

SPAM = "spam"

LABELS: tuple[str, ...] = (*TOXICITY_LABELS, SPAM)
