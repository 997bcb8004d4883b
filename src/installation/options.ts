import { parseArgs } from "node:util";
import { z } from "zod";
import type { Asked } from "./gather.ts";

const Options = z.object({
  operatorNamespace: z.string().min(1),
  serviceAccount: z.string().min(1),
  kserveAccount: z.string().optional(),
  podSelector: z.string().min(1),
  leaderElect: z.enum(["true", "false"]),
});

/** @throws Error that names the flag. */
export function readOptions(args: readonly string[], lease: string): Asked {
  const text = { type: "string" } as const;
  const { values } = parseArgs({
    args: [...args],
    options: {
      "operator-namespace": text,
      "service-account": { ...text, default: "mlsecops-operator" },
      "kserve-account": text,
      "pod-selector": text,
      "leader-elect": { ...text, default: "true" },
    },
  });
  const parsed = Options.safeParse({
    operatorNamespace: values["operator-namespace"],
    serviceAccount: values["service-account"],
    kserveAccount: values["kserve-account"],
    podSelector: values["pod-selector"],
    leaderElect: values["leader-elect"],
  });
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    const name = String(issue?.path[0] ?? "").replaceAll(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`);
    throw new Error(`--${name}: ${issue?.message ?? "is wrong"}`);
  }
  const { operatorNamespace: namespace, serviceAccount, kserveAccount: kserve, podSelector, leaderElect } = parsed.data;
  return {
    identity: { namespace, serviceAccount, kserve },
    lease,
    podSelector,
    leaderElect: leaderElect === "true",
  };
}
