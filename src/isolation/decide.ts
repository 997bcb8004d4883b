import type { AccessFindings } from "../access/index.ts";
import type { AllowedImage, AdmissionGrantSpec, SecureNamespaceStatus, VerdictStatus } from "../api/index.ts";
import {
  ENFORCEMENT_LABEL,
  ON_BREACH_LABEL,
  PROFILE_LABEL,
  type GrantOwner,
  type GrantedUse,
  heldUntil,
  renewalDue,
  renewedUntil,
} from "../admission/index.ts";
import { setCondition, truncateUtf8, type Condition } from "../kube/index.ts";
import type { Standing } from "../trust/index.ts";
import { accessCondition } from "./conditions/access.ts";
import { type NextCondition, type Why, conditionOf } from "./conditions/condition.ts";
import { type NamespaceReach, breachesStatus, isolationCondition, whyBreached } from "./conditions/isolation.ts";
import { walledCondition, whyUnwalled } from "./conditions/walled.ts";
import { type WallsState, wallsStatus } from "./walls/view.ts";

type Spec = {
  readonly enforcement: "Audit" | "Enforce";
  readonly profile: string;
  readonly onBreach: "Report" | "Block";
};

/** An allowed image and what was found out about it. */
export interface CheckedImage {
  readonly image: Pick<AllowedImage, "name" | "reference" | "uses">;
  readonly verdict: VerdictStatus;
  readonly standing: Standing;
  /** The digests of an index's platforms, where they are known. */
  readonly platformDigests: readonly string[];
}

export interface UngrantedPod {
  readonly name: string;
  readonly problem: string;
}

/** What a completed pass saw. */
export interface Observations {
  readonly spec: Spec;
  readonly generation: number;
  readonly images: readonly CheckedImage[];
  readonly guardProblems: readonly string[];
  /** The labels of the Namespace are as they are wanted. */
  readonly labelled: boolean;
  /** Undefined: nobody has looked at them yet. */
  readonly walls: WallsState | undefined;
  readonly ungranted: readonly UngrantedPod[];
  /** How many of them were evicted in this pass. */
  readonly evicted: number;
  /** Undefined where it cannot be known now. */
  readonly access: AccessFindings | undefined;
  readonly reach: NamespaceReach;
}

const maxExamples = 10;

/** Undefined: the label must not be there. Pure. */
export function wantedLabels({ enforcement, profile, onBreach }: Spec): Readonly<Record<string, string | undefined>> {
  return {
    [ENFORCEMENT_LABEL]: enforcement === "Enforce" ? "enforce" : "audit",
    [PROFILE_LABEL]: profile,
    [ON_BREACH_LABEL]: onBreach === "Block" ? "block" : undefined,
  };
}

/** None of the above: the namespace is opened. */
export const noLabels: Readonly<Record<string, undefined>> = {
  [ENFORCEMENT_LABEL]: undefined,
  [PROFILE_LABEL]: undefined,
  [ON_BREACH_LABEL]: undefined,
};

/**
 * What the allowed images have granted. Admit: until the verdict's notAfter, or so far as it stands while that is long enough.
 * KeepOnly: only what the grant holds from this owner already, and no longer than the verdict it was granted for.
 * Quarantine: nothing. Pure.
 */
export function imageUses(
  images: readonly CheckedImage[],
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
  now: Date,
): readonly GrantedUse[] {
  const latest = new Map<string, GrantedUse>();
  for (const { digest, use, notAfter } of wantedUses(images, grant, owner)) {
    const key = `${digest} ${use}`;
    if (notAfter.getTime() <= (latest.get(key)?.notAfter.getTime() ?? -Infinity)) continue;
    latest.set(key, { digest, use, notAfter });
  }
  return [...latest.values()].map((use) => ({
    ...use,
    notAfter: renewedUntil(heldUntil(grant, owner, use), use.notAfter, now),
  }));
}

/** When the first of what the allowed images have granted is due to be renewed. Pure. */
export function imagesRenewalDue(
  images: readonly CheckedImage[],
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
): Date | undefined {
  const due = wantedUses(images, grant, owner).flatMap(
    (use) => renewalDue(heldUntil(grant, owner, use), use.notAfter)?.getTime() ?? [],
  );
  return due.length === 0 ? undefined : new Date(Math.min(...due));
}

function wantedUses(
  images: readonly CheckedImage[],
  grant: AdmissionGrantSpec,
  owner: GrantOwner,
): readonly GrantedUse[] {
  return images.flatMap(({ image, verdict, standing, platformDigests }) => {
    if (standing === "Quarantine" || verdict.digest === undefined) return [];
    const ends = Date.parse(verdict.notAfter ?? "");
    return [...new Set([verdict.digest, ...platformDigests])].flatMap((digest) =>
      image.uses.flatMap((use): readonly GrantedUse[] => {
        const held = standing === "Admit" ? undefined : heldUntil(grant, owner, { digest, use });
        if (standing !== "Admit" && held === undefined) return [];
        if (!Number.isNaN(ends)) return [{ digest, use, notAfter: new Date(ends) }];
        return held === undefined ? [] : [{ digest, use, notAfter: held }];
      }),
    );
  });
}

/** The status after a completed pass. Pure. */
export function completedStatus(
  previous: SecureNamespaceStatus | undefined,
  seen: Observations & { readonly name: string; readonly grantedDigests: number },
  now: Date,
): SecureNamespaceStatus {
  const walls = wallsStatus(seen.walls, previous?.walls);
  return {
    observedGeneration: seen.generation,
    conditions: withConditions(previous, conditionsOf(seen), now),
    ...(walls === undefined ? {} : { walls }),
    images: seen.images.map(({ image, verdict }) => ({
      name: image.name,
      reference: image.reference,
      ...(verdict.digest === undefined ? {} : { digest: verdict.digest }),
      verdict,
    })),
    grantedDigests: seen.grantedDigests,
    ungrantedPods: {
      count: seen.ungranted.length,
      examples: seen.ungranted
        .slice(0, maxExamples)
        .map(({ name, problem }) => ({ name, problem: truncateUtf8(problem, 1024) })),
    },
    ...accessStatus(previous, seen),
    breaches: breachesStatus(seen.name, seen.reach.excess),
  };
}

/** The same status with what is known now of the namespace's isolation. Pure. */
export function withIsolation(
  previous: SecureNamespaceStatus,
  { name, generation, spec, reach }: Pick<Observations, "generation" | "spec" | "reach"> & { readonly name: string },
  now: Date,
): SecureNamespaceStatus {
  const condition = isolationCondition(reach, { enforcement: spec.enforcement, generation });
  return {
    ...previous,
    conditions: withConditions(previous, [condition], now),
    breaches: breachesStatus(name, reach.excess),
  };
}

/** What was known before stays where nothing is known now. */
function accessStatus(previous: SecureNamespaceStatus | undefined, { access }: Observations) {
  const known = access ?? previous?.access;
  return known === undefined ? {} : { access: known };
}

/** Why a pass ended early. */
export type Halt =
  | { readonly reason: "Suspended" }
  | {
      readonly reason: "NamespaceMissing" | "SystemNamespace" | "InvalidSpec" | "CleanupFailed";
      readonly message: string;
    };

/** The status of a pass that could not be completed: all that is not contradicted stays. Pure. */
export function haltedStatus(
  previous: SecureNamespaceStatus | undefined,
  halt: Halt,
  { generation, now }: { readonly generation: number; readonly now: Date },
): SecureNamespaceStatus {
  const condition = conditionOf(generation);
  const { reason } = halt;
  if (halt.reason === "Suspended") {
    const message = "spec.suspend is true; what is enforced stays enforced. Set it to false to go on.";
    return {
      ...previous,
      conditions: withConditions(previous, [condition("Ready", "False", { reason, message })], now),
    };
  }
  const { message } = halt;
  const stalled = halt.reason !== "NamespaceMissing" && halt.reason !== "CleanupFailed";
  const isShutUnknown = halt.reason === "InvalidSpec" || halt.reason === "CleanupFailed";
  const conditions = [
    condition("Ready", "False", { reason, message }),
    ...["Enforced", "Isolated"].map((type) =>
      condition(type, isShutUnknown ? "Unknown" : "False", { reason, message }),
    ),
    condition("Reconciling", stalled ? "False" : "True", { reason, message }),
    condition("Stalled", stalled ? "True" : "False", { reason, message }),
  ];
  // A pass that stalls has said all there is to say of this generation.
  const observed = stalled ? { observedGeneration: generation } : {};
  return { ...previous, ...observed, conditions: withConditions(previous, conditions, now) };
}

function withConditions(
  previous: SecureNamespaceStatus | undefined,
  next: readonly NextCondition[],
  now: Date,
): Condition[] {
  const present = (previous?.conditions ?? []).map(({ observedGeneration, ...rest }) => ({
    ...rest,
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
  }));
  return next.reduce<Condition[]>((conditions, condition) => setCondition(conditions, condition, now), present);
}

/** Enforced, Walled, Isolated, ImagesVerified, AccessTight, Ready, Reconciling and Stalled. Pure. */
export function conditionsOf(seen: Observations): readonly NextCondition[] {
  const condition = conditionOf(seen.generation);
  const open = whyOpen(seen);
  const unready = whyUnready(seen, open);
  const enforce = seen.spec.enforcement === "Enforce";
  const closed = { reason: "Enforced", message: "only granted digests run in the namespace" };
  const audit = { reason: "Audit", message: `what Enforce would refuse is reported only${podsNote(seen)}` };
  const { status: tight, ...whyTight } = accessCondition(seen.access);
  const progressing = !seen.labelled || seen.evicted > 0;
  return [
    condition("Enforced", open === undefined ? "True" : "False", open ?? closed),
    walledCondition(seen.walls, seen.spec.enforcement, condition),
    isolationCondition(seen.reach, { enforcement: seen.spec.enforcement, generation: seen.generation }),
    imagesCondition(seen),
    condition("AccessTight", tight, whyTight),
    condition("Ready", unready === undefined ? "True" : "False", unready ?? (enforce ? closed : audit)),
    condition(
      "Reconciling",
      progressing ? "True" : "False",
      !progressing
        ? { reason: "Completed", message: "the last pass was completed" }
        : seen.labelled
          ? { reason: "Evicting", message: `${seen.evicted} ungranted pods were asked to leave` }
          : { reason: "NotLabelled", message: "the labels of the namespace are being set" },
    ),
    condition("Stalled", "False", { reason: "Completed", message: "nothing prevents progress" }),
  ];
}

/** Why the namespace is not enforced; undefined when it is. */
function whyOpen(seen: Observations): Why | undefined {
  if (!seen.labelled) {
    return {
      reason: "NotLabelled",
      message: "the namespace does not carry the labels that the admission policies select",
    };
  }
  if (seen.guardProblems.length > 0) {
    const message = `the admission policies are not as installed: ${seen.guardProblems.join("; ")}. Install the chart again.`;
    return { reason: "PoliciesChanged", message };
  }
  if (seen.spec.enforcement === "Audit") {
    return { reason: "Audit", message: `nothing is refused: set spec.enforcement to Enforce${podsNote(seen)}` };
  }
  if (seen.ungranted.length > 0) {
    return { reason: "UngrantedPods", message: `running pods would not be admitted now${podsNote(seen)}` };
  }
  return undefined;
}

function whyUnready(seen: Observations, open: Why | undefined): Why | undefined {
  if (open !== undefined && open.reason !== "Audit") return open;
  const unwalled = whyUnwalled(seen.walls, seen.spec.enforcement);
  if (unwalled !== undefined) return unwalled;
  const refused = seen.images.filter(({ standing }) => standing === "Quarantine");
  if (refused.length > 0) return { reason: "ImagesNotVerified", message: describeImages(refused) };
  return seen.spec.enforcement === "Enforce" ? whyBreached(seen.reach) : undefined;
}

function imagesCondition({ images, generation }: Observations): NextCondition {
  const condition = conditionOf(generation);
  const rejected = images.filter(({ verdict }) => verdict.outcome === "Rejected");
  if (rejected.length > 0) {
    return condition("ImagesVerified", "False", { reason: "ImagesRejected", message: describeImages(rejected) });
  }
  const unknown = images.filter(({ verdict }) => verdict.outcome === "Indeterminate");
  if (unknown.length > 0) {
    return condition("ImagesVerified", "Unknown", { reason: "ImagesIndeterminate", message: describeImages(unknown) });
  }
  return condition(
    "ImagesVerified",
    "True",
    images.length === 0
      ? { reason: "NoImages", message: "spec.allowedImages is empty: only models run here" }
      : { reason: "ImagesVerified", message: `all ${images.length} allowed images are verified` },
  );
}

function describeImages(images: readonly CheckedImage[]): string {
  const [first] = images;
  if (first === undefined) return "";
  const more = images.length > 1 ? ` (and ${images.length - 1} more)` : "";
  return `${first.image.name}: ${first.verdict.reason}: ${first.verdict.message}${more}`;
}

function podsNote({ ungranted }: Observations): string {
  const [first] = ungranted;
  if (first === undefined) return "";
  return `; ${ungranted.length} of the running pods ${ungranted.length === 1 ? "is" : "are"} not granted, for example ${first.name}: ${first.problem}`;
}
