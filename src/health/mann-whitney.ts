/** Whether one sample tends to be larger than another, and by what evidence. */
export interface MannWhitney {
  /** Of how many pairs the first one's value is the larger; a tie counts half. */
  readonly u: number;
  /** The chance of such a U, or a larger one, if both samples came from one distribution. */
  readonly pGreater: number;
  readonly method: "Exact" | "Normal";
}

/** Up to here the distribution of U is counted out; beyond, and with ties, the normal approximation is near enough. */
const maxExact = 20;

/**
 * The one-sided Mann-Whitney U test: do the first sample's values tend to be larger? It asks for no distribution and is not
 * moved by one outlier. Exact where neither sample is longer than 20 and no two values are equal; else the normal
 * approximation with correction for ties and continuity, as in scipy.stats.mannwhitneyu.
 * @throws RangeError for an empty sample, or a value that is no finite number.
 */
export function mannWhitney(first: readonly number[], second: readonly number[]): MannWhitney {
  if (first.length === 0 || second.length === 0) throw new RangeError("both samples need a value");
  const { rankSum, ties } = ranked(first, second);
  const [n, m] = [first.length, second.length];
  const u = rankSum - (n * (n + 1)) / 2;
  if (ties === 0 && n <= maxExact && m <= maxExact) return { u, pGreater: exactTail(n, m, u), method: "Exact" };
  const total = n + m;
  const variance = ((n * m) / 12) * (total + 1 - ties / (total * (total - 1)));
  // All values are the same: nothing tells them apart.
  if (variance <= 0) return { u, pGreater: 1, method: "Normal" };
  return { u, pGreater: normalTail((u - (n * m) / 2 - 0.5) / Math.sqrt(variance)), method: "Normal" };
}

/** The first sample's sum of mid-ranks, and the sum of t³ − t over groups of t equal values. */
function ranked(first: readonly number[], second: readonly number[]): { rankSum: number; ties: number } {
  const all = [...first.map((value) => ({ value, mine: 1 })), ...second.map((value) => ({ value, mine: 0 }))];
  if (!all.every(({ value }) => Number.isFinite(value))) throw new RangeError("every value must be a finite number");
  all.sort((a, b) => a.value - b.value);
  let rankSum = 0;
  let ties = 0;
  for (let start = 0; start < all.length;) {
    let end = start;
    let mine = 0;
    for (; end < all.length && all[end]?.value === all[start]?.value; end++) mine += all[end]?.mine ?? 0;
    const size = end - start;
    rankSum += (mine * (start + 1 + end)) / 2;
    ties += size ** 3 - size;
    start = end;
  }
  return { rankSum, ties };
}

/** P(U ≥ u): of all ways to order n and m values, how many have such a U. */
function exactTail(n: number, m: number, u: number): number {
  const counts = waysByU(n, m);
  const total = counts.reduce((sum, ways) => sum + ways, 0);
  return counts.slice(u).reduce((sum, ways) => sum + ways, 0) / total;
}

/** The coefficients of the Gaussian binomial (n + m over n): the number of orders with U = index. Below 2^53 for n, m ≤ 20. */
function waysByU(n: number, m: number): readonly number[] {
  let counts = [1];
  for (let k = 1; k <= n; k++) {
    // Times (1 − q^(m+k)), divided by (1 − q^k).
    const next = new Array<number>(counts.length + m).fill(0);
    for (let index = 0; index < next.length; index++) {
      const above = (counts[index] ?? 0) - (counts[index - m - k] ?? 0);
      next[index] = above + (next[index - k] ?? 0);
    }
    counts = next;
  }
  return counts;
}

/** P(Z ≥ z) of the standard normal distribution; relative error below 1e-7 (Numerical Recipes' erfc). */
function normalTail(z: number): number {
  const x = Math.abs(z) / Math.SQRT2;
  const t = 1 / (1 + x / 2);
  const coefficients = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ];
  const polynomial = coefficients.reduceRight((sum, coefficient) => coefficient + t * sum, 0);
  const tail = (t * Math.exp(-x * x + polynomial)) / 2;
  return z >= 0 ? tail : 1 - tail;
}

/** The middle of the values; of an even number, the mean of the two in the middle. NaN where there is none. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const [low = NaN, high = NaN] = [sorted[Math.ceil(middle) - 1], sorted[Math.floor(middle)]];
  return (low + high) / 2;
}
