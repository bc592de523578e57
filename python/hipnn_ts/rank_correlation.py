"""How well one quantity orders another."""

from typing import Any


def rank_correlation(one: Any, other: Any) -> float:
    """Spearman's rank correlation of two sequences; nan for less than two values."""
    from scipy.stats import spearmanr  # takes longer to import than many commands take

    return float(spearmanr(one, other).statistic) if len(one) > 1 else float("nan")
