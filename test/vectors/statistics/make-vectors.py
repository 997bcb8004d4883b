"""Writes mann-whitney.json: what scipy says of fixed samples.

pip install scipy==1.17.1
python3 make-vectors.py > mann-whitney.json
"""

import json
import random

import scipy
from scipy.stats import mannwhitneyu


def cases():
    rng = random.Random(20261130)
    for n, m in [(1, 1), (2, 3), (3, 3), (5, 5), (5, 12), (12, 12), (20, 20), (7, 20), (21, 5), (30, 40), (60, 60)]:
        for shift in (0.0, 0.5, 2.0, -1.0):
            yield [round(rng.gauss(shift, 1), 6) for _ in range(n)], [round(rng.gauss(0, 1), 6) for _ in range(m)]
            # Rounded to tenths: many ties.
            yield [round(rng.gauss(shift, 0.3), 1) for _ in range(n)], [round(rng.gauss(0, 0.3), 1) for _ in range(m)]


def main():
    out = []
    for first, second in cases():
        tied = len(set(first + second)) < len(first) + len(second)
        exact = not tied and len(first) <= 20 and len(second) <= 20
        if len(set(first + second)) == 1:
            continue
        result = mannwhitneyu(first, second, alternative="greater", method="exact" if exact else "asymptotic")
        out.append({"first": first, "second": second, "u": float(result.statistic), "pGreater": float(result.pvalue)})
    print(json.dumps({"scipy": scipy.__version__, "cases": out}))


main()
