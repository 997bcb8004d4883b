import type { WallSource } from "../isolation/index.ts";
import type { Informers } from "./informers.ts";

/** Where the walls of all namespaces live. The ServiceAccounts named default are there whether they carry the label or not. */
export function wallSources(
  informers: Pick<
    Informers,
    "networkPolicies" | "quotas" | "limitRanges" | "defaultAccounts" | "accounts" | "bindings"
  >,
): readonly WallSource[] {
  const { networkPolicies, quotas, limitRanges, defaultAccounts, accounts, bindings } = informers;
  return [networkPolicies, quotas, limitRanges, defaultAccounts, accounts, bindings].map(({ type, store }) => ({
    type,
    store,
  }));
}
