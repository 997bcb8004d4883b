import { type ModelRevision, type SecureModel, parseObject, secureModel } from "../api/index.ts";
import {
  type Clock,
  type ObjectClient,
  type ReconcileContext,
  type ReconcileResult,
  type Store,
  isKubeError,
} from "../kube/index.ts";
import { type Applicable, applicable } from "./applicable.ts";
import { type HealthVerdict, decideHealth } from "./decide-health.ts";
import { type WatchPlan, watchPlan } from "./from-spec.ts";
import type { Look } from "./look.ts";
import { type LookDependencies, type Sight, lookAtAll, readLogin } from "./looking.ts";
import { type PodFinding, type WatchedPod, hasEnded, podFinding } from "./pods.ts";
import { type HealthRecord, emptyRecord, keepSignals, noteLook, notePods, recordOf } from "./record.ts";
import { readRecord, writeRecord } from "./record-store.ts";
import type { Login, Subject } from "./querying.ts";
import { subjectsOf, wantedPods } from "./subjects.ts";

export interface GuardianDependencies extends Omit<LookDependencies, "monotonic"> {
  readonly models: Store<SecureModel>;
  readonly revisions: Store<ModelRevision>;
  /** The pods of a model, of whatever revision. */
  readonly podsOf: (namespace: string, model: string) => readonly WatchedPod[];
  /** Something else is thought of a revision of this model now. */
  readonly onVerdict: (key: string) => void;
  /** Counts looks by what they found. */
  readonly onLook?: (source: string, kind: Look["kind"]) => void;
  readonly clock: Clock;
}

/** While pods are not as they should be, without their saying anything. */
const startingMs = 30_000;
const loginMs = 5 * 60_000;
/** After queries could not share a request. */
const apartMs = 10 * 60_000;
const saveMs = 5 * 60_000;
/** A verdict that rests on looks, and is as old as that, holds no longer. */
const staleLooks = 4;

interface Watched {
  /** Of the model: there may be another one of that name. */
  readonly uid: string | undefined;
  record: HealthRecord;
  /** Undefined until there was a signal to keep anything of; false while somebody else has the ConfigMap. */
  isKept: boolean | undefined;
  askedAt: number;
  lookedAt: number;
  savedAt: number;
  saved: string;
  /** On the monotonic clock: before, each query is asked by itself. */
  togetherFrom: number;
  login: { readonly of: string; readonly until: number; readonly is: Login } | undefined;
  readonly verdicts: Map<string, { readonly verdict: HealthVerdict; readonly until: number }>;
}

/**
 * Looks at what serves for as long as it serves: at the pods when they change, at the signals of the spec in its interval. What
 * it thinks of each revision is asked by `verdictOf`.
 */
export class Guardian {
  readonly #deps: GuardianDependencies;
  readonly #watched = new Map<string, Watched>();

  constructor(deps: GuardianDependencies) {
    this.#deps = deps;
  }

  /** What is thought of a revision now; undefined while it was not looked at. */
  verdictOf(key: string, revision: string): HealthVerdict | undefined {
    const known = this.#watched.get(key)?.verdicts.get(revision);
    if (known === undefined || known.verdict.state !== "Healthy") return known?.verdict;
    if (this.#deps.clock.monotonic() <= known.until) return known.verdict;
    return { state: "Unknown", reason: "NotLookedAt", message: "it was not looked at for too long" };
  }

  readonly reconcile = async (key: string, context: ReconcileContext): Promise<ReconcileResult> => {
    const raw = this.#deps.models.get(key);
    if (raw === undefined || raw.metadata.deletionTimestamp !== undefined) {
      this.#watched.delete(key);
      return {};
    }
    const parsed = parseObject(secureModel, raw);
    if (!parsed.ok || parsed.value.spec.suspend) return {};
    const model = parsed.value;
    const plan = watchPlan(model.spec.health);
    const subjects = subjectsOf(model, this.#deps);
    // Where nothing runs there may be nothing that the operator is let to read, either.
    if (subjects.length === 0) {
      this.#watched.get(key)?.verdicts.clear();
      return {};
    }
    const client = this.#deps.client.withSignal(context.signal);
    const watched = await this.#watchedOf(key, model, plan, client);
    const now = this.#deps.clock.now();
    const findings = new Map(
      subjects.map(({ revision, pods }) => [
        revision.metadata.name,
        podFinding(pods, { wanted: wantedPods(model, revision.metadata.name), ...plan.policy }, now),
      ]),
    );
    for (const [revision, finding] of findings) watched.record = notePods(watched.record, revision, finding, now);
    const before = signatureOf(watched);
    const verdictOf = (revision: string) => watched.verdicts.get(revision)?.verdict;
    const planOf = (subject: Subject) => applicable(plan, model, subject, { subjects, verdictOf });
    await this.#look(model, { plan, planOf, watched, subjects, client, context });
    const policies = new Map(subjects.map((one) => [one.revision.metadata.name, planOf(one).plan]));
    this.#judge(watched, policies, findings);
    const after = signatureOf(watched);
    if (before !== after) this.#deps.onVerdict(key);
    if (plan.signals.length > 0) await this.#save(model, watched, { client, after, context });
    return nextLook({ watched, subjects, findings }, plan, this.#deps.clock.monotonic());
  };

  async #watchedOf(key: string, model: SecureModel, plan: WatchPlan, client: ObjectClient): Promise<Watched> {
    const { uid } = model.metadata;
    const known = this.#watched.get(key);
    const watched = known === undefined || known.uid !== uid ? newWatched(uid) : known;
    const at = this.#deps.clock.monotonic();
    // The garbage collector may take some time for that of a model which was there before.
    if (plan.signals.length > 0 && watched.isKept !== true && at - watched.askedAt >= saveMs) {
      const { record, isTaken } = await readRecord(client, model);
      if (watched.isKept === undefined && !isTaken) watched.record = record;
      watched.isKept = !isTaken;
      watched.askedAt = at;
    }
    this.#watched.set(key, watched);
    return watched;
  }

  /** Looks at all signals, where it is time to, and keeps what was seen. */
  async #look(
    model: SecureModel,
    {
      plan,
      planOf,
      watched,
      subjects,
      client,
      context: { signal },
    }: {
      readonly plan: WatchPlan;
      readonly planOf: (subject: Subject) => Applicable;
      readonly watched: Watched;
      readonly subjects: readonly Subject[];
      readonly client: ObjectClient;
      readonly context: ReconcileContext;
    },
  ): Promise<void> {
    const { clock, onLook } = this.#deps;
    const { intervalMs, warmUpMs } = plan.policy;
    if (plan.signals.length === 0 || clock.monotonic() - watched.lookedAt < intervalMs) return;
    const now = clock.now();
    const warm = subjects.filter(({ revision }) => {
      const { completeAt = Infinity } = recordOf(watched.record, revision.metadata.name) ?? {};
      return now.getTime() - completeAt >= warmUpMs;
    });
    watched.lookedAt = clock.monotonic();
    if (warm.length === 0) return;
    const login = await this.#login(model, plan, { watched, client });
    const deps = { ...this.#deps, monotonic: () => clock.monotonic() };
    const sights = warm.flatMap((subject): readonly Sight[] => {
      const { plan: own, serving } = planOf(subject);
      return own.signals.map((one) => ({ subject, serving, signal: one }));
    });
    const together = clock.monotonic() >= watched.togetherFrom;
    const { looks, apart } = await lookAtAll(deps, sights, { plan, login, now, signal, together });
    if (apart) watched.togetherFrom = clock.monotonic() + apartMs;
    const looked = sights.flatMap(({ subject, signal: { policy, source } }, index) => {
      const look = looks[index];
      if (look === undefined) return [];
      onLook?.(source.kind, look.kind);
      return [{ revision: subject.revision.metadata.name, policy, look }];
    });
    signal.throwIfAborted();
    if (looked.some(({ look }) => look.kind === "Error" && look.reason === "NotAuthorized")) watched.login = undefined;
    watched.record = keepSignals(watched.record, new Set(plan.signals.map(({ policy }) => policy.name)));
    for (const { revision, ...seen } of looked) {
      const baseline = this.#baselineOf(model, watched.record, revision);
      watched.record = noteLook(watched.record, revision, { ...seen, intervalMs }, { now, baseline });
    }
  }

  async #login(
    { metadata: { namespace = "" } }: SecureModel,
    { server }: WatchPlan,
    { watched, client }: { readonly watched: Watched; readonly client: ObjectClient },
  ): Promise<Login> {
    const of = server?.secret ?? "";
    const at = this.#deps.clock.monotonic();
    if (watched.login?.of === of && at < watched.login.until) return watched.login.is;
    const is = await readLogin(client, namespace, server);
    // One that is not right yet is looked at again the next time.
    watched.login = "look" in is ? undefined : { of, until: at + loginMs, is };
    return is;
  }

  /** The revision to compare with: the one that serves, else the newest other one that was healthy. */
  #baselineOf({ metadata: { namespace = "" }, status }: SecureModel, record: HealthRecord, revision: string) {
    const active = status?.active?.revision;
    if (active !== undefined && active !== revision) return active;
    const others = record.revisions.filter((one) => one.revision !== revision);
    return others.find((one) => {
      const found = this.#deps.revisions.get(`${namespace}/${one.revision}`)?.status;
      return found?.healthyFrom !== undefined && found.ban === undefined;
    })?.revision;
  }

  #judge(watched: Watched, plans: ReadonlyMap<string, WatchPlan>, findings: ReadonlyMap<string, PodFinding>): void {
    const { clock } = this.#deps;
    watched.verdicts.clear();
    for (const [revision, { policy, signals }] of plans) {
      const finding = findings.get(revision);
      if (finding === undefined) continue;
      const until = signals.length === 0 ? Infinity : clock.monotonic() + staleLooks * policy.intervalMs;
      const verdict = decideHealth(recordOf(watched.record, revision), finding, policy, clock.now());
      watched.verdicts.set(revision, { verdict, until });
    }
  }

  /** When something else is thought of it, and now and then: what is lost with the process is seen anew in a few looks. */
  async #save(
    model: SecureModel,
    watched: Watched,
    {
      client,
      after,
      context,
    }: { readonly client: ObjectClient; readonly after: string; readonly context: ReconcileContext },
  ): Promise<void> {
    const at = this.#deps.clock.monotonic();
    if (watched.isKept !== true || (watched.saved === after && at - watched.savedAt < saveMs)) return;
    try {
      await writeRecord(client, model, watched.record);
      watched.saved = after;
      watched.savedAt = at;
    } catch (error) {
      if (!isKubeError(error) || isKubeError(error, "Fenced", "Aborted")) throw error;
      context.log.warn({ err: error }, "what was seen of a model's health cannot be kept");
    }
  }
}

function newWatched(uid: string | undefined): Watched {
  return {
    uid,
    record: emptyRecord,
    isKept: undefined,
    askedAt: -Infinity,
    lookedAt: -Infinity,
    savedAt: -Infinity,
    togetherFrom: -Infinity,
    saved: "",
    login: undefined,
    verdicts: new Map(),
  };
}

/** What is thought, without the numbers, which change at each look. */
function signatureOf({ verdicts }: Watched): string {
  return [...verdicts].map(([revision, { verdict }]) => `${revision} ${verdict.state} ${verdict.reason}`).join(",");
}

function nextLook(
  {
    watched: { lookedAt, verdicts },
    subjects,
    findings,
  }: {
    readonly watched: Watched;
    readonly subjects: readonly Subject[];
    readonly findings: ReadonlyMap<string, PodFinding>;
  },
  { policy, signals }: WatchPlan,
  at: number,
): ReconcileResult {
  if (signals.length > 0) return { requeueAfterMs: Math.max(100, lookedAt + policy.intervalMs - at) };
  // What is not ready gets beyond its deadline, and restarts become old, without anything telling of it.
  const isSettled = subjects.every(({ revision: { metadata }, pods }) => {
    const finding = findings.get(metadata.name);
    const alive = pods.filter((pod) => !hasEnded(pod)).length;
    const isReady = finding?.state === "Ready" && finding.ready >= alive;
    return isReady && verdicts.get(metadata.name)?.verdict.state === "Healthy";
  });
  return isSettled ? {} : { requeueAfterMs: startingMs };
}
