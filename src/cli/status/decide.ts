/** What stands how, and what somebody should look at. Pure. */
import type {
  ClusterTrustPolicy,
  KindDefinition,
  SecureModel,
  SecureNamespace,
  TypedObject,
  VerdictStatus,
} from "../../api/index.ts";
import { clusterTrustPolicy, secureModel, secureNamespace } from "../../api/index.ts";
import type { Answer } from "../ask.ts";
import type { Listed } from "../cluster.ts";
import type { Facts } from "./gather.ts";
import type { StatusReport, StatusRow } from "./schema.ts";

/** So long after a check was due it has been forgotten, or nobody makes it. */
const overdueMs = 10 * 60_000;
/** A verdict that ends so soon is worth a look: it should have been renewed long before. */
const soonMs = 3_600_000;

export function decide(facts: Facts, now: Date): StatusReport {
  const kinds = [
    rowsOf(secureModel, facts.models, (model) => modelRow(model, now)),
    rowsOf(secureNamespace, facts.namespaces, (namespace) => namespaceRow(namespace, now)),
    rowsOf(clusterTrustPolicy, facts.policies, policyRow),
  ];
  const rows = kinds.flatMap((kind) => kind.rows);
  return {
    format: "mlsecops.io/status/v1",
    // A stable sort: within each group the kinds stay together.
    rows: rows.sort((a, b) => urgency(a) - urgency(b)),
    unknown: kinds.flatMap((kind) => kind.unknown),
  };
}

/** 1: something is not Ready. 3: nothing is known not to be, but something could not be read. */
export function exitStatus({ rows, unknown }: StatusReport): 0 | 1 | 3 {
  if (rows.some(({ ready }) => ready !== "True")) return 1;
  return unknown.length > 0 ? 3 : 0;
}

function urgency({ ready, attention }: StatusRow): number {
  if (ready === "False") return 0;
  if (ready === "Unknown") return 1;
  return attention.length > 0 ? 2 : 3;
}

interface Rows {
  readonly rows: readonly StatusRow[];
  readonly unknown: StatusReport["unknown"];
}

function rowsOf<T>({ resource }: KindDefinition, answer: Answer<Listed<T>>, rowOf: (object: T) => StatusRow): Rows {
  const { kind, plural } = resource;
  if (answer.state === "absent")
    return {
      rows: [],
      unknown: [{ what: plural, why: "the kind is not installed: kubectl apply --server-side -f crds/" }],
    };
  if (answer.state === "unknown") return { rows: [], unknown: [{ what: plural, why: answer.reason }] };
  const { objects, unreadable } = answer.value;
  const strange = unreadable.map(({ name, namespace, problem }): StatusRow => ({
    ...{ kind, name, ready: "Unknown", reason: "Unreadable", message: problem, attention: [problem] },
    ...(namespace === undefined ? {} : { namespace }),
  }));
  return { rows: [...strange, ...objects.map(rowOf)], unknown: [] };
}

type Status = { readonly conditions?: SecureStatus["conditions"]; readonly observedGeneration?: number | undefined };
type SecureStatus = NonNullable<SecureModel["status"]>;

/** What all kinds have in common: Ready, and whether the operator has seen the object as it is. */
function common(kind: string, { metadata, status }: TypedObject<unknown, Status>) {
  const ready = conditionOf(status, "Ready");
  const { name, namespace, generation = 0 } = metadata;
  const unseen =
    (status?.observedGeneration ?? 0) < generation && ready?.reason !== "Suspended"
      ? ["the operator has not looked at its newest generation yet"]
      : [];
  return {
    ...{ kind, name },
    ...(namespace === undefined ? {} : { namespace }),
    ready: ready?.status ?? ("Unknown" as const),
    reason: ready?.reason ?? "NoStatus",
    message: ready?.message ?? "the operator has not looked at it: does it run?",
    attention: [
      ...(ready?.status === "True" ? [] : [ready?.message ?? "the operator has not looked at it: does it run?"]),
      ...(status === undefined ? [] : unseen),
    ],
  };
}

function modelRow(model: SecureModel, now: Date): StatusRow {
  const base = common(secureModel.resource.kind, model);
  const { status } = model;
  const serving = conditionOf(status, "Serving")?.status;
  return {
    ...base,
    ...(serving === undefined ? {} : { serving }),
    ...(status?.verdict === undefined ? {} : { verdict: status.verdict.outcome }),
    ...times(status?.verdict === undefined ? [] : [status.verdict]),
    attention: [
      ...base.attention,
      ...(serving === "True" || serving === undefined || base.ready !== "True" ? [] : ["it does not serve"]),
      ...(status?.verdict === undefined ? [] : verdictAttention(status.verdict, now)),
    ],
  };
}

function namespaceRow(namespace: SecureNamespace, now: Date): StatusRow {
  const base = common(secureNamespace.resource.kind, namespace);
  const { images = [], ungrantedPods } = namespace.status ?? {};
  const verdicts = images.map(({ verdict }) => verdict);
  const verified = verdicts.filter(({ outcome }) => outcome === "Verified").length;
  const pods = ungrantedPods?.count ?? 0;
  return {
    ...base,
    ...(verdicts.length === 0 ? {} : { verdict: `${verified}/${verdicts.length}` }),
    ...times(verdicts),
    attention: [
      ...base.attention,
      ...(pods === 0 || base.ready !== "True" ? [] : [`${pods} running pods would not be admitted now`]),
      ...images.flatMap(({ name, verdict }) => verdictAttention(verdict, now).map((text) => `${name}: ${text}`)),
    ],
  };
}

function policyRow(policy: ClusterTrustPolicy): StatusRow {
  const base = common(clusterTrustPolicy.resource.kind, policy);
  const fresh = conditionOf(policy.status, "TrustFresh");
  const ends = (policy.status?.authorities ?? []).flatMap(({ expiresAt }) => expiresAt ?? []);
  return {
    ...base,
    ...(ends.length === 0 ? {} : { validUntil: earliest(ends) }),
    attention: [...base.attention, ...(fresh?.status === "False" ? [fresh.message] : [])],
  };
}

function verdictAttention(verdict: VerdictStatus, now: Date): readonly string[] {
  const { outcome, reason, message, recheckAfter, notAfter, exception, warnings = [] } = verdict;
  const since = now.getTime() - Date.parse(recheckAfter ?? "");
  const left = Date.parse(notAfter ?? "") - now.getTime();
  return [
    ...(outcome === "Verified" ? [] : [`${reason}: ${message}`]),
    ...(exception === undefined
      ? []
      : [`only ModelAction ${exception.action} lets it run, until ${exception.notAfter}`]),
    ...(since > overdueMs ? [`its check was due at ${recheckAfter ?? ""}: does the operator run?`] : []),
    ...(left <= 0 ? ["its verdict has ended"] : left < soonMs ? ["its verdict ends within an hour"] : []),
    ...warnings,
  ];
}

function times(verdicts: readonly VerdictStatus[]): Pick<StatusRow, "validUntil" | "recheckAfter"> {
  const ends = verdicts.flatMap(({ notAfter }) => notAfter ?? []);
  const checks = verdicts.flatMap(({ recheckAfter }) => recheckAfter ?? []);
  return {
    ...(ends.length === 0 ? {} : { validUntil: earliest(ends) }),
    ...(checks.length === 0 ? {} : { recheckAfter: earliest(checks) }),
  };
}

function earliest(times: readonly string[]): string {
  return times.toSorted((a, b) => Date.parse(a) - Date.parse(b))[0] ?? "";
}

function conditionOf(status: Status | undefined, type: string) {
  return status?.conditions?.find((condition) => condition.type === type);
}
