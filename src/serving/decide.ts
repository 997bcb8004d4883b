import type { Standing } from "../trust/index.ts";

/** One revision as it stands at the moment of decision. */
export interface RevisionView {
  readonly name: string;
  readonly standing: Standing;
}

export interface Observed {
  /** What the spec asks for; absent while the source cannot be resolved or was refused before there was a revision. */
  readonly desired?: RevisionView;
  /** What serves; the same as desired once it is rolled out. */
  readonly active?: RevisionView;
  /** Why the desired revision's standing is what it is, for the condition. */
  readonly verdict: { readonly reason: string; readonly message: string };
  /** Container and init images of the desired revision that the namespace does not grant. */
  readonly ungrantedImages: readonly string[];
  /** There is a Deployment, of whatever revision. */
  readonly living: boolean;
  /** It has the desired revision's template already. */
  readonly started: boolean;
  /** The whole of it runs the desired revision and is available. */
  readonly rolledOut: boolean;
  readonly replicas: number;
  /** How far it is, for people. */
  readonly progress?: string;
  /** Something of the namespace that forbids any promotion, such as a missing admission policy. */
  readonly hold?: Hold;
  /** The desired revision cannot be made. */
  readonly conflict?: Hold;
  /** Why it is not as the spec asks, or not well, although something runs. */
  readonly unwell?: Hold;
  /** What is rolled back from: it serves until the other one does. */
  readonly leaving?: RevisionView;
  /** What was on its way when the spec asked for something else: it answers until what serves has its pods back. */
  readonly dropped?: RevisionView;
}

export interface Hold {
  readonly reason: string;
  readonly message: string;
}

export interface ReadyState {
  readonly status: "True" | "False";
  readonly reason: string;
  readonly message: string;
}

export interface Plan {
  /** Revisions to grant; every other one of this model is withdrawn. */
  readonly grant: readonly string[];
  /** The revision that the Deployment runs; absent means quarantine: no grant, no endpoint, no pod. */
  readonly run?: string;
  readonly ready: ReadyState;
  /** All of it runs the revision that is to run, and nothing else. */
  readonly complete: boolean;
}

/**
 * What to do for a model. Pure. A revision starts only on Admit; one that runs stays on KeepOnly; nothing runs on
 * Quarantine, and a refused new version never takes the old one down with it.
 */
export function decideServing(observed: Observed): Plan {
  const { desired, active, verdict, rolledOut, unwell } = observed;
  const activeMayRun = active !== undefined && mayGoOn(active, observed);
  const blocked = blockedBy(observed);
  if (desired !== undefined && blocked === undefined) {
    const kept = rolledOut
      ? []
      : [...(activeMayRun ? [active.name] : []), ...leavingNames(observed), ...droppedNames(observed)];
    const ready = readiness(desired.name, observed);
    return {
      grant: [...new Set([desired.name, ...kept])],
      run: desired.name,
      ready: unwell === undefined || observed.hold !== undefined ? ready : { status: "False", ...unwell },
      complete: ready.status === "True",
    };
  }
  const { reason, message } = blocked ?? unwell ?? verdict;
  const ready: ReadyState = { status: "False", reason, message };
  if (activeMayRun)
    return { grant: [active.name, ...droppedNames(observed)], run: active.name, ready, complete: false };
  return { grant: [], ready, complete: false };
}

/** It has pods already, so going on is no start. */
function leavingNames({ leaving, living }: Observed): readonly string[] {
  return leaving === undefined || leaving.standing === "Quarantine" || !living ? [] : [leaving.name];
}

function droppedNames({ dropped }: Observed): readonly string[] {
  return dropped === undefined || dropped.standing === "Quarantine" ? [] : [dropped.name];
}

/** Where nothing runs, going on is a start, and needs what a start needs. */
function mayGoOn(active: RevisionView, { living, hold }: Observed): boolean {
  if (active.standing === "Quarantine") return false;
  return living || (active.standing === "Admit" && hold === undefined);
}

/** What keeps the desired revision from running; a hold does not end what was started before it. */
function blockedBy(observed: Observed): Omit<ReadyState, "status"> | undefined {
  const { desired, verdict, ungrantedImages, started, hold, conflict } = observed;
  if (conflict !== undefined) return conflict;
  if (desired === undefined || desired.standing === "Quarantine") return verdict;
  if (started) return undefined;
  if (desired.standing === "KeepOnly") return verdict;
  if (hold !== undefined) return hold;
  const image = ungrantedImages[0];
  if (image === undefined) return undefined;
  return {
    reason: "RuntimeNotGranted",
    message: `image ${image} is not granted in this namespace: add it to spec.allowedImages of the SecureNamespace, signed by an authority that a ClusterTrustPolicy names`,
  };
}

function readiness(name: string, { rolledOut, replicas, progress = "", hold }: Observed): ReadyState {
  if (hold !== undefined) return { status: "False", ...hold };
  if (!rolledOut) {
    const message = `revision ${name} is being rolled out${progress === "" ? "" : `: ${progress}`}`;
    return { status: "False", reason: "RollingOut", message };
  }
  if (replicas === 0) {
    return { status: "True", reason: "ScaledToZero", message: `spec.replicas is 0: revision ${name} would serve` };
  }
  return { status: "True", reason: "Serving", message: `revision ${name} serves` };
}
