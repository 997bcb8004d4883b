/** Amounts as Kubernetes writes them, compared without loss: in billionths, as whole numbers. */

const billion = 1_000_000_000n;
const units: Readonly<Record<string, bigint>> = {
  n: 1n,
  u: 1_000n,
  m: 1_000_000n,
  "": billion,
  k: billion * 10n ** 3n,
  M: billion * 10n ** 6n,
  G: billion * 10n ** 9n,
  T: billion * 10n ** 12n,
  P: billion * 10n ** 15n,
  E: billion * 10n ** 18n,
  Ki: billion * 2n ** 10n,
  Mi: billion * 2n ** 20n,
  Gi: billion * 2n ** 30n,
  Ti: billion * 2n ** 40n,
  Pi: billion * 2n ** 50n,
  Ei: billion * 2n ** 60n,
};

/** In billionths of one, rounded up as Kubernetes does. Undefined: no quantity. */
export function parseQuantity(text: string): bigint | undefined {
  const [, whole, fraction = "", suffix = ""] =
    /^\+?(\d{1,40})(?:\.(\d{0,20}))?([numkMGTPE]|[KMGTPE]i|[eE][+]?\d{1,2})?$/.exec(text) ?? [];
  if (whole === undefined) return undefined;
  const exponent = /^[eE]\+?(\d+)$/.exec(suffix)?.[1];
  const unit = exponent === undefined ? units[suffix] : billion * 10n ** BigInt(exponent);
  if (unit === undefined) return undefined;
  const scale = 10n ** BigInt(fraction.length);
  return (BigInt(whole + fraction) * unit + scale - 1n) / scale;
}

/** Whether both are the same amount; what is no quantity is compared as text. */
export function sameQuantity(a: string, b: string): boolean {
  const amount = parseQuantity(a);
  return amount === undefined ? a === b : amount === parseQuantity(b);
}

/** For people: whole, in thousandths, or in billionths. */
export function quantityText(amount: bigint): string {
  if (amount % billion === 0n) return String(amount / billion);
  return amount % 1_000_000n === 0n ? `${amount / 1_000_000n}m` : `${amount}n`;
}
