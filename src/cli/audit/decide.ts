import type { ChainReport, Verification } from "../../governance/index.ts";

export interface ObjectName {
  readonly kind: string;
  readonly namespace?: string | undefined;
  readonly name: string;
}

export interface Verdict {
  readonly sound: boolean;
  readonly chains: readonly ChainReport[];
  readonly unknownHeads: readonly string[];
  /** An object that was asked for and of which there is no chain. */
  readonly missing?: string;
}

export function parseObjectName(text: string): ObjectName | undefined {
  const [kind = "", ...rest] = text.split("/");
  const [first = "", second] = rest;
  if (rest.length < 1 || rest.length > 2 || [kind, ...rest].includes("")) return undefined;
  return second === undefined ? { kind, name: first } : { kind, namespace: first, name: second };
}

/** What was found, as far as it was asked for. The keys count always: all others rest on them. Pure. */
export function decide({ chains, unknownHeads }: Verification, wanted?: ObjectName): Verdict {
  const asked = chains.filter((report) => report.object === undefined || wanted === undefined || isOf(report, wanted));
  // Of an object that was deleted and made again there are several.
  const missing = wanted !== undefined && !asked.some((report) => isOf(report, wanted));
  const sound = !missing && unknownHeads.length === 0 && asked.every(({ broken }) => broken === undefined);
  return {
    sound,
    chains: asked,
    unknownHeads,
    ...(missing ? { missing: nameOf(wanted) } : {}),
  };
}

export function exitStatus({ sound }: Verdict): 0 | 1 {
  return sound ? 0 : 1;
}

export function nameOf({ kind, namespace, name }: ObjectName): string {
  return [kind, ...(namespace === undefined ? [] : [namespace]), name].join("/");
}

function isOf({ object }: ChainReport, { kind, namespace, name }: ObjectName): boolean {
  return object?.kind.toLowerCase() === kind.toLowerCase() && object.namespace === namespace && object.name === name;
}
