/** What happened to a model, from what its objects say of themselves. Pure. */
import { describeOrder, ordersFor } from "../../actions/index.ts";
import type { ModelAction, ModelRevision, PastRollback, SecureModel } from "../../api/index.ts";
import type { KeptRecord } from "../../health/index.ts";
import type { Answer } from "../ask.ts";
import type { Listed } from "../cluster.ts";
import type { Facts, SeenEvent } from "./gather.ts";
import type { HistoryEntry, HistoryReport, HistoryRevision, HistorySignal } from "./schema.ts";

export function decide({ model, revisions, actions, events, record }: Facts): HistoryReport {
  const { name, namespace = "" } = model.metadata;
  const own = objectsOf(revisions)
    .filter(({ spec }) => spec.model === name)
    .toSorted((a, b) => a.spec.number - b.spec.number);
  const timeline = [
    ...own.flatMap(revisionEntries),
    ...rollbackEntries(model),
    ...actionEntries(objectsOf(actions), name, own),
    ...(events.state === "known" ? events.value : []).flatMap((event) => eventEntry(event, model)),
  ];
  const signals = record.state === "known" ? signalsOf(record.value) : [];
  const noSignals = signals.length > 0 ? undefined : whyNone(record, model);
  const ready = model.status?.conditions?.find(({ type }) => type === "Ready");
  return {
    format: "mlsecops.io/history/v1",
    ...{ namespace, name },
    ...(ready === undefined ? {} : { ready: `${ready.status} ${ready.reason}: ${ready.message}` }),
    revisions: own.map(revisionOf),
    timeline: timeline.toSorted((a, b) => Date.parse(a.at) - Date.parse(b.at)),
    signals: [...signals],
    ...(noSignals === undefined ? {} : { noSignals }),
    unknown: [
      ...unreadOf("ModelRevisions", revisions),
      ...unreadOf("ModelActions", actions),
      ...(events.state === "unknown" ? [{ what: "Events", why: events.reason }] : []),
      ...(record.state === "unknown" ? [{ what: "signals", why: record.reason }] : []),
    ],
  };
}

/** 0: all of it is shown. 3: something could not be read. */
export function exitStatus({ unknown }: HistoryReport): 0 | 3 {
  return unknown.length === 0 ? 0 : 3;
}

function objectsOf<T>(answer: Answer<Listed<T>>): readonly T[] {
  return answer.state === "known" ? answer.value.objects : [];
}

function unreadOf(what: string, answer: Answer<Listed<unknown>>): HistoryReport["unknown"] {
  if (answer.state === "unknown") return [{ what, why: answer.reason }];
  if (answer.state === "absent") return [{ what, why: "the kind is not installed" }];
  return answer.value.unreadable.map(({ name, problem }) => ({ what: `${what} ${name}`, why: problem }));
}

function revisionOf({ metadata, spec, status }: ModelRevision): HistoryRevision {
  const { phase, verdict, health, servedFrom, healthyFrom, ban } = status ?? {};
  const { creationTimestamp: createdAt } = metadata;
  return {
    ...{ number: spec.number, name: metadata.name, digest: spec.artifact.digest },
    ...(phase === undefined ? {} : { phase }),
    ...(verdict === undefined ? {} : { verdict: verdict.outcome }),
    ...(health === undefined ? {} : { health: health.state }),
    ...(createdAt === undefined ? {} : { createdAt }),
    ...(servedFrom === undefined ? {} : { servedFrom }),
    ...(healthyFrom === undefined ? {} : { healthyFrom }),
    ...(ban === undefined ? {} : { ban: ban.message }),
  };
}

const phases = {
  Candidate: "it comes",
  Active: "it serves",
  Superseded: "another one took its place",
  RolledBack: "it was left for an older one",
  Quarantined: "it must not run",
} as const;

function revisionEntries({ metadata, spec, status }: ModelRevision): readonly HistoryEntry[] {
  const { phase, phaseSince, servedFrom, healthyFrom, health, ban } = status ?? {};
  const entry = (at: string | undefined, what: string, message: string, warning = false): readonly HistoryEntry[] =>
    at === undefined ? [] : [{ at, source: "ModelRevision", name: metadata.name, what, message, warning }];
  const isNews = phase !== "Candidate" && !(phase === "Active" && phaseSince === servedFrom);
  return [
    ...entry(metadata.creationTimestamp, "Created", `revision ${spec.number} of digest ${spec.artifact.digest}`),
    ...entry(servedFrom, "Served", "for the first time"),
    ...entry(healthyFrom, "Healthy", "found healthy for the first time"),
    ...(health === undefined || health.since === healthyFrom
      ? []
      : entry(health.since, health.state, health.message, health.state === "Unhealthy")),
    ...entry(ban?.since, "Banned", ban?.message ?? "", true),
    ...(phase === undefined || !isNews
      ? []
      : entry(phaseSince, phase, phases[phase], phase === "RolledBack" || phase === "Quarantined")),
  ];
}

function rollbackEntries({ metadata, status }: SecureModel): readonly HistoryEntry[] {
  const now = status?.rollback;
  const latch = status?.latch;
  const entry = (at: string, what: string, message: string): HistoryEntry => ({
    ...{ at, source: "SecureModel", name: metadata.name, what, message, warning: true },
  });
  const saysOf = ({ at, from, to }: PastRollback) =>
    now?.since === at ? now.message : to === undefined ? `from ${from} to nothing` : `from ${from} to ${to}`;
  return [
    ...(status?.rollbacks ?? []).map((past) => entry(past.at, "RolledBack", saysOf(past))),
    ...(latch === undefined ? [] : [entry(latch.since, "Latched", latch.message)]),
  ];
}

/** What people ordered about the model, and what they let in for it. */
function actionEntries(
  actions: readonly ModelAction[],
  model: string,
  revisions: readonly ModelRevision[],
): readonly HistoryEntry[] {
  const orders = ordersFor(actions, model).map((order): HistoryEntry => ({
    ...{ at: order.at.toISOString(), source: "ModelAction", name: order.name, what: order.type },
    message: describeOrder(order),
    warning: false,
  }));
  const digests = new Set(revisions.map(({ spec }) => spec.artifact.digest));
  const glasses = actions.flatMap(({ metadata, spec }): readonly HistoryEntry[] => {
    const { type, digest = "", approver = "", notAfter = "", reason } = spec;
    const at = metadata.creationTimestamp;
    if (type !== "BreakGlass" || at === undefined || !digests.has(digest)) return [];
    const message = `${approver} allows ${digest} until ${notAfter}, whatever the policies say: ${reason}`;
    return [{ at, source: "ModelAction", name: metadata.name, what: type, message, warning: true }];
  });
  return [...orders, ...glasses];
}

function eventEntry(event: SeenEvent, { metadata }: SecureModel): readonly HistoryEntry[] {
  const { series, lastTimestamp, eventTime, firstTimestamp, involvedObject } = event;
  const at =
    series?.lastObservedTime ?? lastTimestamp ?? eventTime ?? firstTimestamp ?? event.metadata.creationTimestamp;
  // There may have been another model of this name.
  const isOther = typeof involvedObject.uid === "string" && involvedObject.uid !== metadata.uid;
  if (typeof at !== "string" || isOther) return [];
  const count = series?.count ?? event.count ?? 1;
  const message = `${event.message ?? ""}${count > 1 ? ` (${count} times)` : ""}`;
  const what = event.reason ?? "Event";
  return [{ at, source: "Event", name: metadata.name, what, message, warning: event.type === "Warning" }];
}

function signalsOf({ record }: KeptRecord): readonly HistorySignal[] {
  return record.revisions.toReversed().flatMap(({ revision, signals }) =>
    Object.entries(signals).map(([signal, { samples, tripped, blank }]): HistorySignal => ({
      ...{ revision, signal },
      ...(tripped === undefined ? {} : { tripped: { since: timeOf(tripped.at), why: tripped.why } }),
      ...(blank === undefined ? {} : { blank }),
      samples: samples.map(({ at, mark, value }) => ({
        ...{ at: timeOf(at), mark },
        ...(value === undefined ? {} : { value }),
      })),
    })),
  );
}

function whyNone(record: Answer<KeptRecord>, { spec }: SecureModel): string | undefined {
  if (record.state === "unknown") return undefined;
  if (record.state === "known" && record.value.isTaken)
    return "a ConfigMap of the name for them belongs to something else";
  const declared = spec.health?.signals.length ?? 0;
  if (declared === 0) return "spec.health.signals has none: only the pods are looked at";
  return record.state === "absent" ? "nothing has been recorded yet" : "no look has been recorded yet";
}

/** What is no time in the record is shown as the first of all times. */
function timeOf(ms: number): string {
  const time = new Date(ms);
  return Number.isNaN(time.getTime()) ? new Date(0).toISOString() : time.toISOString();
}
