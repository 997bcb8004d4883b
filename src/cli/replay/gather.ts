import { isDeepStrictEqual } from "node:util";
import type { ClusterTrustPolicy, SecureModel, SecureNamespace } from "../../api/index.ts";
import { coveringPolicies, parseReference, type ResolvedPolicy } from "../../trust/index.ts";
import type { Answer } from "../ask.ts";
import { type Listed, readModels, readNamespaces, readPolicies } from "../cluster.ts";
import { mapBounded } from "../pool.ts";
import type { Verifying } from "../registry/open.ts";
import type { TenantLogins } from "../registry/tenant-credentials.ts";
import type { Compared } from "./decide.ts";
import type { Side } from "./schema.ts";
import { offlineSide, sideOf, statusSide } from "./offline.ts";
import { type Subject, subjectsOfModel, subjectsOfNamespace } from "./subjects.ts";

export interface Fleet {
  readonly policies: Listed<ClusterTrustPolicy>;
  readonly subjects: readonly Subject[];
  readonly unknown: readonly { readonly what: string; readonly why: string }[];
}

/** The policies, and every reference that they decide about. Without the policies there is nothing to compare with. */
export async function gatherFleet(): Promise<Answer<Fleet>> {
  const [policies, models, namespaces] = await Promise.all([readPolicies(), readModels(undefined), readNamespaces()]);
  if (policies.state !== "known") return policies;
  const subjects = [
    ...objectsOf<SecureModel>(models).flatMap(subjectsOfModel),
    ...objectsOf<SecureNamespace>(namespaces).flatMap(subjectsOfNamespace),
  ];
  const unknown = [...problemsOf("SecureModels", models), ...problemsOf("SecureNamespaces", namespaces)];
  return { state: "known", value: { policies: policies.value, subjects, unknown } };
}

export interface Sides {
  readonly before: readonly ResolvedPolicy[];
  readonly after: readonly ResolvedPolicy[];
}

const concurrency = 8;

/** Both verdicts of each reference, from one look at its registry. */
export async function compareOnline(
  subjects: readonly Subject[],
  policies: Sides,
  { registries, logins }: { readonly registries: Verifying; readonly logins: TenantLogins },
  { now, step }: { readonly now: Date; readonly step: () => void },
): Promise<readonly Compared[]> {
  return mapBounded(subjects, concurrency, async (subject): Promise<Compared> => {
    const { reference, digest, namespace, required, pulling, verdict: previous } = subject;
    const { verifier, useOfModels } = registries;
    const use = subject.use === "Model" ? useOfModels : subject.use;
    const credentials = await (subject.use === "Model" ? logins.of : logins.ofImage)(namespace, pulling);
    const request = { reference, digest, namespace, use, required, credentials, previous, now };
    // What these ask for beyond the others is read with them, so that the registry is asked once.
    const after = await verifier.verify({ ...request, policies: policies.after });
    const before = await verifier.verify({ ...request, policies: policies.before });
    step();
    return {
      subject,
      digest: after.verdict.digest ?? before.verdict.digest ?? digest,
      before: sideOf(before.verdict, now),
      after:
        use !== subject.use && demandsOtherContent(subject, policies)
          ? unlessRefused(sideOf(after.verdict, now))
          : sideOf(after.verdict, now),
    };
  });
}

/** What nobody read cannot be judged by new rules about it. */
function unlessRefused(side: Side): Side {
  if (side.outcome !== "Verified") return side;
  const message = "the policies change what may be in a model, and it was not read: --content reads it";
  return { outcome: "Unknown", reason: "ContentNotRead", message, standing: "Unknown" };
}

function demandsOtherContent({ namespace, reference }: Subject, { before, after }: Sides): boolean {
  const parsed = parseReference(reference);
  if (!parsed.ok) return false;
  const rules = (policies: readonly ResolvedPolicy[]) =>
    coveringPolicies(policies, namespace, parsed.reference.name).flatMap(({ mode, formats }) =>
      mode === "Enforce" ? [formats] : [],
    );
  // A second policy with the same rules demands nothing else.
  const distinct = (list: readonly unknown[]) => [...new Set(list.map((one) => JSON.stringify(one)))].sort();
  return !isDeepStrictEqual(distinct(rules(before)), distinct(rules(after)));
}

export function compareOffline(subjects: readonly Subject[], policies: Sides, now: Date): readonly Compared[] {
  return subjects.map((subject) => ({
    subject,
    digest: subject.digest,
    before: statusSide(subject, now),
    after: offlineSide(subject, policies, now),
  }));
}

function objectsOf<T>(answer: Answer<Listed<T>>): readonly T[] {
  return answer.state === "known" ? answer.value.objects : [];
}

function problemsOf(what: string, answer: Answer<Listed<unknown>>): Fleet["unknown"] {
  if (answer.state === "unknown") return [{ what, why: answer.reason }];
  if (answer.state === "absent") return [{ what, why: "the kind is not installed" }];
  return answer.value.unreadable.map(({ namespace, name, problem }) => ({
    what: `${what} ${namespace === undefined ? name : `${namespace}/${name}`}`,
    why: problem,
  }));
}
