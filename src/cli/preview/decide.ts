/** What admission would refuse, by its own functions. Pure. */
import { digestOf, emptyGrant, imagesOf, isGranted, type PodShape, sweepProblems } from "../../admission/index.ts";
import type {
  AdmissionGrantSpec,
  ClusterTrustPolicy,
  Profile,
  SecureNamespace,
  VerdictStatus,
} from "../../api/index.ts";
import { covers, parseReference, resolvePolicy, type ResolvedPolicy } from "../../trust/index.ts";
import type { Answer } from "../ask.ts";
import { admittedAt, isFinished, shapeOf } from "../pod.ts";
import { consequencesOf, defaultSpec } from "./consequences.ts";
import type { Facts, Runnable } from "./gather.ts";
import type { PreviewImage, PreviewItem, PreviewReport } from "./schema.ts";

/** A verdict that was asked for now, by image. */
export type Verdicts = ReadonlyMap<string, Pick<VerdictStatus, "outcome" | "reason" | "message">>;

const notChecked = [
  "who creates, scales or edits workloads: in profile serving only the operator may",
  "exec, attach and port-forward: in profile serving nobody may, and who does is not visible",
  "workloads of other kinds, such as ReplicaSets of their own and custom ones: their pods are looked at",
] as const;

export interface Choice {
  /** For a namespace without SecureNamespace. */
  readonly profile: Profile | undefined;
  readonly now: Date;
}

export function decide(facts: Facts, verdicts: Verdicts, choice: Choice): PreviewReport {
  const { secured } = facts;
  const profile = choice.profile ?? (secured.state === "known" ? secured.value.spec.profile : "experiment");
  const rules: Rules = { ...rulesOf(facts), profile, verdicts, now: choice.now };
  const runnables = facts.runnables
    .flatMap(([, answer]) => (answer.state === "known" ? answer.value : []))
    .filter(({ pod }) => pod === undefined || !isFinished(pod));
  const items = runnables.map((runnable) => itemOf(runnable, rules));
  const declared = secured.state === "known" ? secured.value.spec : defaultSpec(profile);
  const asked = { namespace: facts.namespace, spec: { ...declared, profile }, runnables };
  const { ungrantedPods: seen, images = [] } = (secured.state === "known" ? secured.value.status : undefined) ?? {};
  return {
    format: "mlsecops.io/preview/v1",
    namespace: facts.namespace,
    profile,
    secured: secured.state === "known" ? secured.value.spec.enforcement : "No",
    refused: items.filter(({ refused }) => refused).length,
    ...(seen === undefined ? {} : { operatorSees: seen.count }),
    allowedImages: images.flatMap(({ name, verdict: { outcome, reason, message } }) =>
      outcome === "Verified" ? [] : [{ name, outcome, reason, message }],
    ),
    items,
    consequences: [...consequencesOf(asked, facts.around)],
    unknown: unknownOf(facts),
    notChecked: [...notChecked],
  };
}

/** 1: something would be refused, cut or open. 3: nothing is known to be, but something could not be read. */
export function exitStatus({ refused, consequences, unknown }: PreviewReport): 0 | 1 | 3 {
  if (refused > 0 || consequences.length > 0) return 1;
  return unknown.length > 0 ? 3 : 0;
}

/** Images that are pinned and not granted, for whoever wants to ask the registry about them. */
export function ungrantedImages({ items }: PreviewReport): readonly string[] {
  const images = items.flatMap((item) => item.images.filter(({ problem }) => problem === "NotGranted"));
  return [...new Set(images.map(({ image }) => image))];
}

interface Rules {
  readonly namespace: string;
  readonly grant: AdmissionGrantSpec;
  readonly policies: readonly ResolvedPolicy[] | undefined;
  readonly secured: SecureNamespace | undefined;
  readonly profile: Profile;
  readonly verdicts: Verdicts;
  readonly now: Date;
}

function rulesOf({
  namespace,
  grant,
  policies,
  secured,
}: Facts): Pick<Rules, "namespace" | "grant" | "policies" | "secured"> {
  return {
    namespace,
    // Without a grant nothing is granted: that is what admission does, too.
    grant: grant.state === "known" ? grant.value : emptyGrant,
    policies: policies.state === "known" ? policies.value.objects.map(scopeOnly) : undefined,
    secured: secured.state === "known" ? secured.value : undefined,
  };
}

function scopeOnly(policy: ClusterTrustPolicy): ResolvedPolicy {
  return resolvePolicy(policy, {
    secret: () => undefined,
    kmsKey: () => ({ state: "Unknown", problem: "not asked" }),
  });
}

function itemOf(runnable: Runnable, rules: Rules): PreviewItem {
  const { kind, metadata, labels, spec, pod } = runnable;
  const shape: PodShape = shapeOf({ metadata: { ...metadata, labels }, spec });
  const at = pod === undefined ? rules.now : admittedAt(pod, rules.now);
  const images = imagesOf(shape.spec).map(({ image, use }): PreviewImage => {
    const digest = digestOf(image);
    if (digest === undefined) return { image, use, problem: "NotPinned" };
    if (isGranted(rules.grant, digest, use, at)) return { image, use };
    return { image, use, problem: "NotGranted", ...reasonOf(image, digest, rules) };
  });
  // The sweep also repeats what it says of images.
  const said = images.filter(({ problem }) => problem !== undefined).length;
  const problems = sweepProblems(shape, rules.grant, rules.profile, at).slice(said);
  const owner = metadata.ownerReferences?.find(({ controller }) => controller === true);
  return {
    ...{ kind, name: metadata.name, images, problems: [...problems] },
    refused: said > 0 || problems.length > 0,
    ...(owner === undefined ? {} : { controlledBy: `${owner.kind}/${owner.name}` }),
  };
}

/** Why an image is not granted, as far as that is known without asking its registry. */
function reasonOf(image: string, digest: string, rules: Rules): Pick<PreviewImage, "why" | "message"> {
  const { namespace, policies, secured, verdicts } = rules;
  const parsed = parseReference(image);
  if (!parsed.ok) return { why: "InvalidReference", message: parsed.message };
  const fresh = verdicts.get(image);
  const known = fresh ?? secured?.status?.images?.find(({ verdict }) => verdict.digest === digest)?.verdict;
  if (known !== undefined) {
    const message =
      known.outcome === "Verified" ? `add it to spec.allowedImages of SecureNamespace ${namespace}` : known.message;
    return { why: known.outcome, message };
  }
  if (policies === undefined) return { why: "NotAsked" };
  const isCovered = policies.some(
    (policy) => policy.mode === "Enforce" && covers(policy, namespace, parsed.reference.name),
  );
  return { why: isCovered ? "NotAsked" : "NoPolicy" };
}

function unknownOf({ secured, grant, policies, runnables, unread }: Facts): PreviewReport["unknown"] {
  const asked: readonly (readonly [string, Answer<unknown>])[] = [
    ["SecureNamespace", secured],
    ["AdmissionGrant", grant],
    ["ClusterTrustPolicies", policies],
    ...runnables,
  ];
  return [
    ...asked.flatMap(([what, answer]) => (answer.state === "unknown" ? [{ what, why: answer.reason }] : [])),
    ...unread,
  ];
}
