import type { TreeNode } from "../render/tree.ts";
import type { ExplainReport } from "./schema.ts";

/** The worst of all facts. Pure. */
export function outcomeOf(tree: TreeNode): ExplainReport["outcome"] {
  const states = statesOf(tree);
  if (states.includes("bad")) return "bad";
  return states.includes("unknown") ? "unknown" : "good";
}

function statesOf({ state, children }: TreeNode): readonly string[] {
  return [state, ...children.flatMap(statesOf)];
}

/** 0: nothing is wrong. 1: something is. 3: something is not known. */
export function exitStatus({ outcome }: Pick<ExplainReport, "outcome">): 0 | 1 | 3 {
  return ({ good: 0, bad: 1, unknown: 3 } as const)[outcome];
}

export type Target = { readonly kind: ExplainReport["kind"]; readonly name: string };

const kinds: Readonly<Record<string, ExplainReport["kind"]>> = {
  smodel: "SecureModel",
  securemodel: "SecureModel",
  securemodels: "SecureModel",
  sns: "SecureNamespace",
  securenamespace: "SecureNamespace",
  securenamespaces: "SecureNamespace",
};

/** `smodel/NAME` or `sns/NAME`, as kubectl takes them. */
export function parseTarget(text: string): Target | undefined {
  const [, short = "", name = ""] = /^([A-Za-z]+)\/([a-z0-9][-a-z0-9.]{0,252})$/.exec(text) ?? [];
  const kind = Object.hasOwn(kinds, short.toLowerCase()) ? kinds[short.toLowerCase()] : undefined;
  return kind === undefined ? undefined : { kind, name };
}
