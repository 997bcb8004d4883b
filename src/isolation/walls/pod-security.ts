import { z } from "zod";
import { POD_SECURITY_BEFORE, POD_SECURITY_PREFIX } from "../../admission/index.ts";
import type { SecureNamespaceSpec } from "../../api/index.ts";
import type { KubeObject } from "../../kube/index.ts";

/** Labels and annotations of a Namespace; undefined: there is to be none of that name. */
export interface NamespaceMarks {
  readonly labels: Readonly<Record<string, string | undefined>>;
  readonly annotations: Readonly<Record<string, string | undefined>>;
}

const modes = ["enforce", "warn", "audit"] as const;
const keys = modes.flatMap((mode) => [mode, `${mode}-version`]);

const Before = z.record(z.string(), z.string());

/**
 * How Pod Security judges the namespace: Enforce has the API server refuse, Audit only warn and note. What was there before is
 * kept in an annotation, and of that Audit leaves alone what refuses. Pure.
 */
export function podSecurityMarks(
  namespace: KubeObject,
  { enforcement, podSecurity }: Pick<SecureNamespaceSpec, "enforcement" | "podSecurity">,
): NamespaceMarks {
  const before = keptBefore(namespace) ?? ownLabels(namespace);
  const wanted = keys.map((key) => {
    const isKept = enforcement === "Audit" && key.startsWith("enforce");
    const value = key.endsWith("-version") ? "latest" : podSecurity;
    return [`${POD_SECURITY_PREFIX}${key}`, isKept ? before[key] : value] as const;
  });
  return { labels: Object.fromEntries(wanted), annotations: { [POD_SECURITY_BEFORE]: JSON.stringify(before) } };
}

/** As it was before the namespace was secured. Undefined where nothing was changed. Pure. */
export function podSecurityReturned(namespace: KubeObject): NamespaceMarks | undefined {
  const before = keptBefore(namespace);
  if (before === undefined) return undefined;
  return {
    labels: Object.fromEntries(keys.map((key) => [`${POD_SECURITY_PREFIX}${key}`, before[key]])),
    annotations: { [POD_SECURITY_BEFORE]: undefined },
  };
}

/** An annotation that cannot be read is none: then what is there stays, rather than to open. */
function keptBefore({ metadata }: KubeObject): Readonly<Record<string, string>> | undefined {
  const text = metadata.annotations?.[POD_SECURITY_BEFORE];
  if (text === undefined) return undefined;
  try {
    return Before.safeParse(JSON.parse(text)).data;
  } catch {
    return undefined;
  }
}

function ownLabels({ metadata }: KubeObject): Readonly<Record<string, string>> {
  const labels = Object.entries(metadata.labels ?? {});
  const ours = labels.map(([label, value]) => [label.slice(POD_SECURITY_PREFIX.length), value, label] as const);
  return Object.fromEntries(
    ours.flatMap(([key, value, label]) =>
      label.startsWith(POD_SECURITY_PREFIX) && keys.includes(key) ? [[key, value]] : [],
    ),
  );
}
