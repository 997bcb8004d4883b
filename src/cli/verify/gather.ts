import { parseReference, type Credentials, type ResolvedPolicy, type Verdict } from "../../trust/index.ts";
import { accountsOf, type Evidence } from "../account/account.ts";
import type { PolicyAccount } from "../account/schema.ts";
import type { Verifying } from "../registry/open.ts";

export interface Subject {
  readonly reference: string;
  readonly digest?: string | undefined;
  readonly use: "Model" | "Image";
  readonly namespace: string;
  readonly required: readonly string[];
  readonly credentials?: Credentials | undefined;
}

/** The verdict at `now` on what the registry holds, and what each policy sees in it. */
export async function judge(
  { verifier, finder, notes }: Pick<Verifying, "verifier" | "finder" | "notes">,
  subject: Subject,
  policies: readonly ResolvedPolicy[],
  now: Date,
): Promise<{ readonly verdict: Verdict; readonly accounts: readonly PolicyAccount[] }> {
  const { verdict, artifact } = await verifier.verify({ ...subject, policies, now });
  const parsed = parseReference(subject.reference);
  if (!parsed.ok) return { verdict, accounts: [] };
  const { name } = parsed.reference;
  const { namespace, use } = subject;
  const question = { policies, namespace, name, use, now };
  const found = artifact === undefined ? undefined : notes.found(artifact.name, artifact.digest);
  if (found === undefined) return { verdict, accounts: accountsOf(question, undefined) };
  const covering = policies.filter(
    (policy) => verdict.policies.some((one) => one.name === policy.name) || policy.mode === "Warn",
  );
  // All of it is in hand: what was established for the verdict is only looked up.
  const evidence: Evidence = { artifact: found, facts: await finder.find(found, covering, undefined) };
  return { verdict, accounts: accountsOf(question, evidence) };
}
