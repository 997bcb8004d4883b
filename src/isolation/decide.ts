import type { AccessFindings } from "../access/index.ts";
import { accessCondition } from "./conditions/access.ts";
import { type NextCondition, type Why, conditionOf } from "./conditions/condition.ts";
import { imagesCondition, whyUnverified } from "./conditions/images.ts";
import { type NamespaceReach, isolationCondition, whyBreached } from "./conditions/isolation.ts";
import { walledCondition, whyUnwalled } from "./conditions/walled.ts";
import type { CheckedImage } from "./granted-uses.ts";
import type { Closing } from "./labels.ts";
import type { WallsState } from "./walls/view.ts";

export interface UngrantedPod {
  readonly name: string;
  readonly problem: string;
}

/** What a completed pass saw. */
export interface Observations {
  readonly spec: Closing;
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
    imagesCondition(seen.images, seen.generation),
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
  const unverified = whyUnverified(seen.images);
  if (unverified !== undefined) return unverified;
  return seen.spec.enforcement === "Enforce" ? whyBreached(seen.reach) : undefined;
}

function podsNote({ ungranted }: Observations): string {
  const [first] = ungranted;
  if (first === undefined) return "";
  return `; ${ungranted.length} of the running pods ${ungranted.length === 1 ? "is" : "are"} not granted, for example ${first.name}: ${first.problem}`;
}
