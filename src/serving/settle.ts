import type { ModelRevision, SecureModelStatus, VerdictStatus } from "../api/index.ts";
import { createRevision, removeRevisions } from "./actions.ts";
import { emit } from "./announce.ts";
import type { Hold } from "./decide.ts";
import type { Desk } from "./desk.ts";
import type { DesiredJudgement } from "./gather.ts";
import type { Judgements } from "./outcome.ts";
import { isRevisionOf, newRevision, revisionName, surplusRevisions } from "./revision.ts";
import { isPromotedSince, orderedBan } from "./orders.ts";
import { type Outcome, revisionRole, revisionStatus, servesWell } from "./status.ts";

export interface Desired {
  readonly desired: ModelRevision | undefined;
  readonly conflict: Hold | undefined;
}

/** The revision for what the source resolved to: the one there is, or a new one once it is verified. */
export async function desiredRevision(desk: Desk, { artifact, standing, verdict }: DesiredJudgement): Promise<Desired> {
  if (artifact === undefined) return { desired: undefined, conflict: undefined };
  const { model } = desk;
  const name = revisionName(model, artifact);
  let desired = desk.revisionNamed(name);
  if (desired === undefined && standing === "Admit") {
    desired = await createJudged(desk, newRevision(model, artifact, desk.revisions), verdict);
    desk.revisions = [...desk.revisions, desired];
    // One Event says all that is new: the verdict, too, and that it is on its way.
    emit(desk, "Normal", {
      reason: "RevisionCreated",
      note: `revision ${name} of digest ${artifact.digest}: ${verdict.message}`,
    });
    desk.announced = verdict;
  }
  if (desired === undefined || isRevisionOf(desired, model, artifact)) return { desired, conflict: undefined };
  // A verdict on one artifact must never let run another.
  const message = `revision ${name} is another one of the same name: change anything in the pod template, for example an annotation, and another name follows`;
  return { desired: undefined, conflict: { reason: "RevisionConflict", message } };
}

/** With its verdict at once: nothing runs before it is written down what it may run on. */
async function createJudged(desk: Desk, wanted: ModelRevision, verdict: VerdictStatus): Promise<ModelRevision> {
  const revision = await createRevision(desk.client, wanted);
  // Nobody is led to it yet: said at once, that needs no other write when it is started.
  const role = { phase: "Candidate", verdict, traffic: 0 } as const;
  return desk.writeRevision(revision, revisionStatus(revision, role, desk.now));
}

/** What a rollback was made from does not run again, nor what a person has banned, until a person lets it. */
export async function settleBans(desk: Desk): Promise<void> {
  const { rollback } = desk.model.status ?? {};
  for (const revision of desk.revisions) {
    const { ban: before, ...rest } = revision.status ?? {};
    const ordered = orderedBan(revision, desk.orders);
    const failed =
      rollback?.from === revision.metadata.name && !isPromotedSince(revision.metadata.name, rollback.since, desk.orders)
        ? { since: rollback.since, reason: rollback.reason, message: rollback.message }
        : undefined;
    const ban = ordered === "Lift" ? undefined : (before ?? failed ?? ordered);
    if (ban === before) continue;
    const written = await desk.writeRevision(revision, { ...rest, ...(ban === undefined ? {} : { ban }) });
    desk.revisions = desk.revisions.map((one) => (one === revision ? written : one));
  }
}

export interface Settling {
  readonly status: SecureModelStatus;
  readonly outcome: Outcome;
  readonly judgements: Judgements;
  readonly desired: ModelRevision | undefined;
  /** What the spec asks for, where something else is to run. */
  readonly asked?: ModelRevision | undefined;
}

/** Each revision says what it is now, and those beyond the history limit go. */
export async function settleRevisions(
  desk: Desk,
  { status, outcome, judgements, desired, asked }: Settling,
): Promise<void> {
  const { model, now } = desk;
  const { plan } = outcome;
  const { revisions } = desk;
  const inUse = new Set(
    [
      ...plan.grant,
      desired?.metadata.name,
      asked?.metadata.name,
      status.active?.revision,
      status.lastKnownGood?.revision,
      status.rollback?.to,
    ].filter((name) => name !== undefined),
  );
  // Of a model whose spec cannot be read no revision is one too many.
  const limit = (model.spec as { readonly historyLimit?: unknown } | null | undefined)?.historyLimit;
  const surplus = surplusRevisions(revisions, inUse, typeof limit === "number" ? limit : Infinity);
  await removeRevisions(desk.client, surplus);
  for (const revision of revisions) {
    if (surplus.includes(revision)) continue;
    const { name } = revision.metadata;
    const judgement = judgements.get(name);
    const role = revisionRole(revision, status, {
      plan,
      running: outcome.running,
      desired: desired?.metadata.name,
      judgement,
    });
    const isWell = servesWell(model, outcome, revision);
    const traffic = outcome.traffic?.get(name);
    const health = desk.healthOf(name);
    await desk.writeRevision(revision, revisionStatus(revision, { ...role, health, isWell, traffic }, now));
  }
}
