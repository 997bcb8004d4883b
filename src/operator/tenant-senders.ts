import { Egress, type EgressOptions } from "../egress/index.ts";

/** Certificates that differ; more than that are not kept open at once. */
const maxKept = 64;

/** Ways to servers that tenants name, one for each set of certificates that they trust there. */
export function tenantSenders(options: EgressOptions): (caBundle: string | undefined) => Egress {
  const kept = new Map<string, Egress>();
  return (caBundle = "") => {
    const known = kept.get(caBundle);
    if (known !== undefined) return known;
    const all = [options.caBundle, caBundle].filter((one) => one !== undefined && one !== "").join("\n");
    const egress = new Egress({ ...options, caBundle: all === "" ? undefined : all });
    kept.set(caBundle, egress);
    const [oldest] = kept.keys();
    // What it still has on the way ends by itself.
    if (kept.size > maxKept && oldest !== undefined) kept.delete(oldest);
    return egress;
  };
}
