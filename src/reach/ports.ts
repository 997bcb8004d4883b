import { z } from "zod";

export const Protocol = z.enum(["TCP", "UDP", "SCTP"]);
export type Protocol = z.output<typeof Protocol>;

export const PortNumber = z.int().min(1).max(65_535);

/** Ports by number; from first to last, both included. */
export interface NumberedPorts {
  readonly protocol: Protocol;
  readonly first: number;
  readonly last: number;
}

/** A port that each destination pod gives its own number. Without a protocol: whatever protocol has that name. */
export interface NamedPort {
  readonly name: string;
  readonly protocol?: Protocol | undefined;
}

export type PortMatch = NumberedPorts | NamedPort;

/** Undefined: every port of every protocol, and protocols without ports. */
export type Ports = readonly PortMatch[] | undefined;

/** What a pod calls its ports. */
export interface ContainerPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: Protocol;
}

export function everyPort(protocol: Protocol): NumberedPorts {
  return { protocol, first: 1, last: 65_535 };
}

export function isNamed(port: PortMatch): port is NamedPort {
  return "name" in port;
}

export interface Wanted {
  readonly protocol: Protocol;
  readonly port: number;
  /** Of the destination; none if that is no pod: then no name leads anywhere. */
  readonly names: readonly ContainerPort[];
}

export function matchesPort(ports: Ports, { protocol, port, names }: Wanted): boolean {
  if (ports === undefined) return true;
  return ports.some((match) => {
    if (!isNamed(match)) return match.protocol === protocol && match.first <= port && port <= match.last;
    if (match.protocol !== undefined && match.protocol !== protocol) return false;
    return names.some((own) => own.name === match.name && own.port === port && own.protocol === protocol);
  });
}

/** Whether all that `inner` matches is matched by `outer`, whatever numbers pods give to names. `undefined` is every port. */
export function containsPort(outer: Ports, inner: PortMatch | undefined): boolean {
  if (outer === undefined) return true;
  if (inner === undefined) return false;
  if (isNamed(inner)) {
    const protocols = inner.protocol === undefined ? Protocol.options : [inner.protocol];
    return (
      outer.some(
        (match) =>
          isNamed(match) &&
          match.name === inner.name &&
          (match.protocol === undefined || match.protocol === inner.protocol),
      ) || protocols.every((protocol) => isCovered(outer, everyPort(protocol)))
    );
  }
  return isCovered(outer, inner);
}

/** Whether no port is matched by both, whatever numbers pods give to names. */
export function areDisjointPorts(a: Ports, b: PortMatch | undefined): boolean {
  if (a === undefined || b === undefined) return a?.length === 0;
  return a.every((match) => {
    if (match.protocol !== undefined && b.protocol !== undefined && match.protocol !== b.protocol) return true;
    return !isNamed(match) && !isNamed(b) && (match.last < b.first || b.last < match.first);
  });
}

/** Several ranges side by side cover what none of them covers alone. */
function isCovered(ports: readonly PortMatch[], { protocol, first, last }: NumberedPorts): boolean {
  const ranges = ports
    .filter((match): match is NumberedPorts => !isNamed(match) && match.protocol === protocol)
    .sort((a, b) => a.first - b.first);
  let next = first;
  for (const range of ranges) {
    if (range.first > next) return false;
    if (range.last >= last) return true;
    next = Math.max(next, range.last + 1);
  }
  return false;
}

export function portText(port: PortMatch | undefined): string {
  if (port === undefined) return "every port";
  if (isNamed(port)) return `${port.protocol ?? "any protocol"} ${port.name}`;
  const { protocol, first, last } = port;
  if (first === 1 && last === 65_535) return `every ${protocol} port`;
  return first === last ? `${protocol} ${first}` : `${protocol} ${first}-${last}`;
}
