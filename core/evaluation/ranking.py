"""Ranking with ties: who is really better than whom, as ranks.

Separate because it needs nothing but the pairs that are really different. It leaves out how that was found.
"""

from collections.abc import Iterable, Sequence

import pandas as pd


def ranking(variants: Sequence[str], better: Iterable[tuple[str, str]]) -> pd.DataFrame:
    """Rank variants by how many are really better than they are.

    The rank is 1 + the number of variants that are really better, so variants that nothing tells apart share rank 1.
    Being told apart is not transitive: a may be really better than c while b cannot be told apart from either; then a
    and b have rank 1 and c has rank 2, and `rank_to` (number of variants - those really worse) says how far down each
    may stand: a from 1 to 2, b from 1 to 3, c from 2 to 3.

    Args:
        variants: V names.
        better: pairs (better, worse) of what is real.

    Returns:
        V rows in the order given: variant, rank (1-based, best first), rank_to (in [rank, V]).

    Source: Al Mohamad, Goeman and van Zwet 2022, "Simultaneous confidence intervals for ranks with application to
    ranking institutions", from all pairs corrected together.
    """
    pairs = list(better)
    num_better = [sum(worse == variant for _, worse in pairs) for variant in variants]
    num_worse = [sum(one == variant for one, _ in pairs) for variant in variants]
    return pd.DataFrame(
        {
            "variant": list(variants),
            "rank": [1 + number for number in num_better],
            "rank_to": [len(variants) - number for number in num_worse],
        }
    )
