import { isIPv4, isIPv6 } from "node:net";

export type Family = 4 | 6;

export interface Address {
  readonly family: Family;
  readonly value: bigint;
}

interface Range {
  readonly family: Family;
  readonly first: bigint;
  readonly last: bigint;
}

/** A set of addresses: sorted, and without overlap. */
export type Ranges = readonly Range[];

const bits = { 4: 32, 6: 128 } as const;
const mapped = 0xffffn << 32n;

/** An IPv4 address inside of an IPv6 one (::ffff:10.0.0.1) is the IPv4 address. Undefined: not an address. */
export function parseAddress(text: string): Address | undefined {
  if (isIPv4(text)) return { family: 4, value: ipv4(text) };
  if (!isIPv6(text) || text.includes("%")) return undefined;
  const value = ipv6(text);
  return value >> 32n === mapped >> 32n ? { family: 4, value: value & 0xffffffffn } : { family: 6, value };
}

/** As Kubernetes reads it: bits of the host are ignored. Undefined: no range, or IPv4 in the clothes of IPv6. */
export function parseCidr(text: string): Ranges | undefined {
  const [network = "", length = "", ...rest] = text.split("/");
  if (rest.length > 0 || !/^(0|[1-9]\d{0,2})$/.test(length)) return undefined;
  const address = parseAddress(network);
  if (address === undefined || (address.family === 4 && !isIPv4(network))) return undefined;
  if (Number(length) > bits[address.family]) return undefined;
  const hostBits = BigInt(bits[address.family] - Number(length));
  const first = (address.value >> hostBits) << hostBits;
  return [{ family: address.family, first, last: first + (1n << hostBits) - 1n }];
}

export function union(...sets: readonly Ranges[]): Ranges {
  const sorted = sets
    .flat()
    .sort((a, b) => a.family - b.family || (a.first < b.first ? -1 : a.first > b.first ? 1 : 0));
  const merged: Range[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last?.family !== range.family || range.first > last.last + 1n) merged.push(range);
    else if (range.last > last.last) merged[merged.length - 1] = { ...last, last: range.last };
  }
  return merged;
}

export function without(ranges: Ranges, removed: Ranges): Ranges {
  let left = ranges;
  for (const hole of removed) {
    left = left.flatMap((range) => {
      if (range.family !== hole.family || hole.last < range.first || hole.first > range.last) return [range];
      return [
        ...(hole.first > range.first ? [{ ...range, last: hole.first - 1n }] : []),
        ...(hole.last < range.last ? [{ ...range, first: hole.last + 1n }] : []),
      ];
    });
  }
  return left;
}

export function includes(ranges: Ranges, { family, value }: Address): boolean {
  return ranges.some((range) => range.family === family && range.first <= value && value <= range.last);
}

export function containsRanges(outer: Ranges, inner: Ranges): boolean {
  return without(inner, outer).length === 0;
}

export function areDisjointRanges(a: Ranges, b: Ranges): boolean {
  return !a.some((one) =>
    b.some((other) => one.family === other.family && one.first <= other.last && other.first <= one.last),
  );
}

/** Whether every address of both families is in it. */
export function isWholeSpace(ranges: Ranges): boolean {
  return containsRanges(ranges, wholeSpace);
}

const wholeSpace: Ranges = ([4, 6] as const).map((family) => ({
  family,
  first: 0n,
  last: (1n << BigInt(bits[family])) - 1n,
}));

function ipv4(text: string): bigint {
  return text.split(".").reduce((value, part) => (value << 8n) + BigInt(part), 0n);
}

function ipv6(text: string): bigint {
  const [head = "", tail] = text.split("::");
  const left = words(head);
  const right = tail === undefined ? [] : words(tail);
  const zeros = new Array<bigint>(8 - left.length - right.length).fill(0n);
  return [...left, ...zeros, ...right].reduce((value, word) => (value << 16n) + word, 0n);
}

function words(text: string): readonly bigint[] {
  if (text === "") return [];
  return text.split(":").flatMap((part) => {
    if (!part.includes(".")) return [BigInt(`0x${part}`)];
    const value = ipv4(part);
    return [value >> 16n, value & 0xffffn];
  });
}
