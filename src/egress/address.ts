import { BlockList, isIP, isIPv4 } from "node:net";

/** Says why an address must not be connected to; undefined when it may. */
export type AddressCheck = (address: string) => string | undefined;

/**
 * Where no request on behalf of a tenant goes, whatever name led there. Private ranges are not among them: registries
 * in the cluster live there. Cloud metadata outside of link-local is listed by address.
 */
const deniedRanges: readonly (readonly [what: string, ...ranges: readonly string[]])[] = [
  ["unspecified", "0.0.0.0/8", "::/128"],
  ["loopback", "127.0.0.0/8", "::1/128"],
  ["link-local", "169.254.0.0/16", "fe80::/10", "fec0::/10"],
  ["multicast", "224.0.0.0/4", "ff00::/8"],
  ["reserved or broadcast", "240.0.0.0/4", "100::/64"],
  [
    "cloud metadata",
    "100.100.100.200/32",
    "168.63.129.16/32",
    "192.0.0.192/32",
    "fd00:ec2::254/128",
    "fd20:ce::254/128",
  ],
  // What these lead to is not in the address, so it cannot be checked.
  ["tunnel", "2001::/32", "64:ff9b:1::/48"],
];

/** The check that production uses. `denied` are the administrator's ranges, such as the addresses of the API server. */
export function createAddressCheck(denied: readonly string[]): AddressCheck {
  const lists = [...deniedRanges, ["denied by the administrator", ...denied] as const].map(
    ([what, ...ranges]) => [what, blockList(ranges)] as const,
  );
  return (address) => {
    const forms = addressForms(address);
    if (forms.length === 0) return "not an IP address";
    for (const form of forms) {
      const family = isIPv4(form) ? "ipv4" : "ipv6";
      const hit = lists.find(([, list]) => list.check(form, family));
      if (hit !== undefined) return hit[0];
    }
    return undefined;
  };
}

function blockList(ranges: readonly string[]): BlockList {
  const list = new BlockList();
  for (const range of ranges) {
    const { network, prefix } = parseRange(range);
    list.addSubnet(network, prefix, isIPv4(network) ? "ipv4" : "ipv6");
  }
  return list;
}

/** "10.0.0.0/8", or one address. */
export function parseRange(text: string): { network: string; prefix: number } {
  const [network = "", prefixText, ...rest] = text.split("/");
  const bits = { 0: 0, 4: 32, 6: 128 }[isIP(network)] ?? 0;
  const prefix = prefixText === undefined ? bits : /^\d{1,3}$/.test(prefixText) ? Number(prefixText) : NaN;
  if (bits === 0 || rest.length > 0 || !(prefix <= bits)) {
    throw new TypeError(`"${text}" is not an address range; write it like 10.96.0.1/32 or fd00::/8`);
  }
  return { network, prefix };
}

/** The address itself and, where an IPv6 address carries an IPv4 address inside, that too. Empty when it is no address. */
export function addressForms(address: string): readonly string[] {
  const bare = address.split("%", 1)[0] ?? "";
  if (isIPv4(bare)) return [bare];
  const words = parseIPv6(bare);
  if (words === undefined) return [];
  const embedded = embeddedIPv4(words);
  return embedded === undefined ? [bare] : [bare, embedded];
}

function embeddedIPv4(words: readonly number[]): string | undefined {
  const dotted = (high: number): string => {
    const [a = 0, b = 0] = words.slice(high);
    return [a >> 8, a & 255, b >> 8, b & 255].join(".");
  };
  const starts = (...prefix: readonly number[]): boolean => prefix.every((word, at) => words[at] === word);
  if (starts(0, 0, 0, 0, 0, 0xffff)) return dotted(6); // IPv4-mapped
  if (starts(0, 0, 0, 0, 0xffff, 0)) return dotted(6); // IPv4-translated (RFC 2765)
  if (starts(0x64, 0xff9b, 0, 0, 0, 0)) return dotted(6); // NAT64
  if (starts(0x2002)) return dotted(1); // 6to4
  // IPv4-compatible; :: and ::1 are addresses of their own.
  if (starts(0, 0, 0, 0, 0, 0) && ((words[6] ?? 0) !== 0 || (words[7] ?? 0) > 1)) return dotted(6);
  return undefined;
}

function parseIPv6(text: string): readonly number[] | undefined {
  if (isIP(text) !== 6) return undefined;
  const tail = /^(.*:)(\d+)\.(\d+)\.(\d+)\.(\d+)$/.exec(text);
  const hex =
    tail === null
      ? text
      : `${tail[1] ?? ""}${((Number(tail[2]) << 8) | Number(tail[3])).toString(16)}:${((Number(tail[4]) << 8) | Number(tail[5])).toString(16)}`;
  const [left = "", right] = hex.split("::");
  const words = (part: string): number[] =>
    part === "" ? [] : part.split(":").map((word) => Number.parseInt(word, 16));
  if (right === undefined) return words(left);
  const [head, end] = [words(left), words(right)];
  return [...head, ...new Array<number>(8 - head.length - end.length).fill(0), ...end];
}
