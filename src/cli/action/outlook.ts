/** What a model would run after a ban, by what is known now; the operator decides, and verifies before. Pure. */
import { ordersFor } from "../../actions/index.ts";
import { type ModelRevision, type SecureModel, servedOci } from "../../api/index.ts";
import { type RollbackCandidate, objection, rollbackRules, targetOf } from "../../health/index.ts";
import { isRevisionOf, orderedBan } from "../../serving/index.ts";
import { parseReference } from "../../trust/index.ts";
import type { Facts } from "./gather.ts";

export interface Outlook {
  /** Unchanged: it does not run. Forward: what the spec asks for runs. Unsafe: there is nothing to go back to. */
  readonly kind: "Unchanged" | "Back" | "Forward" | "Unsafe";
  readonly says: string;
}

export function afterBan(facts: Facts, revision: ModelRevision): Outlook {
  const { model, revisions } = facts;
  const { name } = revision.metadata;
  const serving = model.status?.active?.revision;
  const asked = askedFor(facts);
  const isAsked = asked?.metadata.name === name;
  if (!isAsked && serving !== name && model.status?.candidate?.revision !== name)
    return { kind: "Unchanged", says: `revision ${name} does not run, and is not started any more` };
  if (asked !== undefined && !isAsked && banOf(facts, asked) === undefined) {
    const says = `the spec asks for revision ${asked.metadata.name}, which is not banned: that one runs, where it may`;
    return { kind: "Forward", says };
  }
  const state = {
    from: candidateOf(facts, asked ?? revision),
    active: serving === name ? undefined : serving,
    revisions: revisions.filter(({ metadata }) => metadata.name !== name).map((one) => candidateOf(facts, one)),
  };
  const target = targetOf(state);
  if (target?.name === serving && target !== undefined)
    return { kind: "Back", says: `revision ${target.name} goes on serving` };
  if (target !== undefined) {
    const says = `revision ${target.name} (number ${target.number}) is started, once it verifies today, and ${name} ends when it answers`;
    return { kind: "Back", says };
  }
  const skipped = state.revisions.map((one) => `${one.name} ${objection(one, state) ?? "is newer"}`);
  const none = skipped.length === 0 ? "there is no other one" : skipped.slice(-5).join(", ");
  return { kind: "Unsafe", says: `no revision is safe to go back to (${none}), so ${endOf(facts, revision)}` };
}

/** Why a revision must not run, also where a person has said so and the operator has not seen it yet. */
export function banOf({ model, actions }: Facts, revision: ModelRevision): string | undefined {
  const ordered = orderedBan(revision, ordersFor(actions, model.metadata.name));
  if (ordered === "Lift") return undefined;
  return (revision.status?.ban ?? ordered)?.message;
}

/** The revision that the spec asks for, where that is known. */
export function askedFor({ model, revisions }: Facts): ModelRevision | undefined {
  const { artifact, source } = model.status ?? {};
  const oci = servedOci(model.spec.source, source);
  if (oci === undefined || artifact?.reference !== oci.reference) return undefined;
  const parsed = parseReference(oci.reference);
  if (!parsed.ok) return undefined;
  const served: SecureModel = { ...model, spec: { ...model.spec, source: { ...model.spec.source, oci } } };
  const wanted = { repository: parsed.reference.name, digest: artifact.digest, platformDigests: [] };
  return revisions.find((revision) => isRevisionOf(revision, served, wanted));
}

function candidateOf(facts: Facts, revision: ModelRevision): RollbackCandidate {
  const { metadata, spec, status } = revision;
  const isKnownGood = facts.model.status?.lastKnownGood?.revision === metadata.name;
  return {
    ...{ name: metadata.name, number: spec.number },
    ban: banOf(facts, revision),
    wasHealthy: status?.healthyFrom !== undefined || isKnownGood,
    standing: standingOf(revision),
  };
}

/** A verdict that has ended is given again before anything is started: only what it said counts here. */
function standingOf({ status }: ModelRevision): RollbackCandidate["standing"] {
  const { outcome } = status?.verdict ?? {};
  if (outcome === undefined) return undefined;
  return ({ Verified: "Admit", Indeterminate: "KeepOnly", Rejected: "Quarantine" } as const)[outcome];
}

function endOf({ model }: Facts, revision: ModelRevision): string {
  const { onNoSafeRevision } = rollbackRules(model.spec.rollback);
  const isValid = ["Admit", "KeepOnly"].includes(standingOf(revision) ?? "");
  const says = `onNoSafeRevision is ${onNoSafeRevision}`;
  return onNoSafeRevision === "KeepServing" && isValid ? `what runs goes on: ${says}` : `nothing serves: ${says}`;
}
