import { lookup as systemLookup, type LookupAddress } from "node:dns";
import type { LookupFunction } from "node:net";
import type { AddressCheck } from "./address.ts";
import { EgressError } from "./egress-error.ts";

/** Finds the addresses of a name. */
export type Resolver = (hostname: string) => Promise<readonly LookupAddress[]>;

/** A `lookup` for `net.connect`: what it hands over is what is connected to, so nothing can change after the check. */
export function checkedLookup(resolver: Resolver, check: AddressCheck): LookupFunction {
  return (hostname, options, callback) => {
    resolver(hostname)
      .then((addresses) => checked(hostname, addresses, check))
      .then(
        (addresses) => {
          if (options.all === true) callback(null, [...addresses]);
          else callback(null, addresses[0].address, addresses[0].family);
        },
        (error: unknown) => callback(error instanceof Error ? error : new Error(String(error)), ""),
      );
  };
}

/** One denied address spoils the name: a mixture is what rebinding looks like. */
function checked(
  hostname: string,
  [first, ...rest]: readonly LookupAddress[],
  check: AddressCheck,
): readonly [LookupAddress, ...LookupAddress[]] {
  if (first === undefined) throw new EgressError("NameNotResolved", `${hostname} has no address; check the name`);
  for (const { address } of [first, ...rest]) refuseDenied(check, address, hostname);
  return [first, ...rest];
}

export function refuseDenied(check: AddressCheck, address: string, hostname: string): void {
  const why = check(address);
  if (why === undefined) return;
  const where = hostname === address ? address : `${hostname} (${address})`;
  throw new EgressError("AddressDenied", `${where} must not be reached through the operator: the address is ${why}`);
}

export function resolveBySystem(hostname: string): Promise<readonly LookupAddress[]> {
  return new Promise((resolve, reject) => {
    systemLookup(hostname, { all: true }, (error, addresses) => {
      if (error === null) resolve(addresses);
      else reject(error);
    });
  });
}
