import { operatorRows } from "./operator-rows.ts";
import { type Row, conditionPanel, of, rateOf, seriesPanel, statPanel } from "./panel.ts";

const most = (metric: string, matchers = "") => `max(${of(metric, matchers)})`;
/** In seconds; nothing where nothing ends. */
const left = (metric: string) => `min(${of(metric)} > 0) - time()`;
const daySeconds = 86_400;

const glance: Row = {
  title: "At a glance",
  panels: [
    statPanel(
      "Leader",
      "Pods of the operator that lead: one, or nothing new is decided.",
      `sum(${of("mlsecops_leader")})`,
      {
        redBelow: 1,
        noValue: "none",
      },
    ),
    statPanel(
      "Door",
      "Admission policies and bindings that are missing or changed. Until they are back, the door may be open.",
      most("mlsecops_admission_policy_problems"),
      { redFrom: 1 },
    ),
    statPanel(
      "Quarantined",
      "Models that served and were taken down: the verdict on them became bad, or ended.",
      most("mlsecops_models_quarantined"),
      { redFrom: 1 },
    ),
    statPanel(
      "Rolled back",
      "Models that run another revision than their spec asks for, or none, because that one failed or is banned.",
      most("mlsecops_models_rolled_back"),
      { redFrom: 1 },
    ),
    statPanel(
      "Glass broken",
      "ModelActions that let run now what the policies refuse.",
      most("mlsecops_break_glass_active"),
      { redFrom: 1 },
    ),
    statPanel(
      "Breaches",
      "Objects that let in or out of SecureNamespaces more than is declared. In Audit nothing is cut, and they count too.",
      most("mlsecops_namespace_breaches"),
      { redFrom: 1 },
    ),
    statPanel(
      "Ungranted pods",
      "Pods that run in enforced namespaces and would not be admitted now.",
      most("mlsecops_ungranted_pods", 'enforcement="Enforce"'),
      { redFrom: 1 },
    ),
    statPanel(
      "Evidence waiting",
      "Decisions that wait to be recorded, of all pods. Some 20,000 are kept.",
      `sum(${of("mlsecops_evidence_pending")})`,
      { redFrom: 1000 },
    ),
  ],
};

const models: Row = {
  title: "Models",
  panels: [
    conditionPanel("SecureModel", "Ready", "True: the revision that the spec asks for serves.", 8),
    conditionPanel("SecureModel", "Serving", "True: at least one pod is ready, of whichever revision.", 8),
    conditionPanel("SecureModel", "Healthy", "True: the revision that runs is well. Unknown: it cannot be told.", 8),
    seriesPanel(
      "Verdicts",
      "Models and allowed images by the verdict on them. None: not looked at yet.",
      {
        unit: "short",
        width: 8,
        stacked: true,
        colours: { Verified: "green", Rejected: "red", Indeterminate: "orange", BreakGlass: "purple", None: "text" },
      },
      [
        `max by (kind, outcome) (sum by (instance, kind, outcome) (${of("mlsecops_verdicts")}))`,
        "{{kind}} {{outcome}}",
      ],
    ),
    seriesPanel(
      "Quarantines and rollbacks",
      "Models that were taken down, models that run another revision than their spec asks for, or none, and models that wait for a person after repeated rollbacks.",
      { unit: "short", width: 8 },
      [most("mlsecops_models_quarantined"), "quarantined"],
      [most("mlsecops_models_rolled_back"), "rolled back"],
      [most("mlsecops_models_latched"), "latched"],
    ),
    seriesPanel(
      "Looks at signals",
      "Looks at the signals of models by what they found. Only Value says anything about a model's health.",
      { unit: "ops", width: 8, stacked: true },
      [rateOf("mlsecops_health_looks_total", "source, found"), "{{source}} {{found}}"],
    ),
    seriesPanel(
      "Notifications",
      "Events for sinks by what became of them. All but Delivered are lost.",
      { unit: "ops", width: 12, stacked: true },
      [rateOf("mlsecops_notifications_total", "result"), "{{result}}"],
    ),
    seriesPanel(
      "Notifications that wait",
      "Events that a sink did not take yet. They are in memory, and tried for an hour.",
      { unit: "short", width: 12 },
      [`max by (instance) (${of("mlsecops_notifications_waiting")})`, "{{instance}}"],
    ),
  ],
};

const namespaces: Row = {
  title: "Namespaces",
  panels: [
    conditionPanel("SecureNamespace", "Enforced", "True: only granted digests run. False with Audit is meant so.", 6),
    conditionPanel("SecureNamespace", "Isolated", "True: nothing beyond spec.network comes in or out.", 6),
    conditionPanel("SecureNamespace", "AccessTight", "True: no binding gives more than spec.people says.", 6),
    conditionPanel("SecureNamespace", "Walled", "True: all that keeps the namespace apart is there.", 6),
    seriesPanel(
      "Walls put back",
      "Walls that had been deleted or changed, in the hour before: somebody, or another controller, takes them down.",
      { unit: "short", width: 8 },
      [`sum(increase(${of("mlsecops_walls_repaired_total")}[1h]))`, "put back"],
    ),
    seriesPanel(
      "Breaches and ungranted pods",
      "Objects that let in or out more than is declared, and pods that would not be admitted now.",
      { unit: "short", width: 8 },
      [most("mlsecops_namespace_breaches"), "breaches"],
      [`max by (enforcement) (${of("mlsecops_ungranted_pods")})`, "ungranted pods, {{enforcement}}"],
    ),
    {
      type: "table",
      title: "Why not",
      description:
        "How many objects have a condition that is not True, by its reason. The reference of conditions explains each.",
      unit: "short",
      width: 8,
      queries: [
        {
          expr: `max by (kind, type, status, reason) (${of("mlsecops_conditions", 'status!="True",type!~"Reconciling|Stalled"')})`,
          legend: "{{reason}}",
        },
      ],
    },
  ],
};

const trust: Row = {
  title: "Trust and evidence",
  panels: [
    statPanel(
      "First end of trust",
      "Until the first certificate, trusted root or revocation list of a policy ends.",
      left("mlsecops_trust_earliest_expiry_timestamp_seconds"),
      { unit: "s", width: 6, redBelow: 7 * daySeconds, noValue: "nothing ends" },
    ),
    statPanel(
      "First end of a verdict",
      "Until the first verdict ends that the next look will not renew.",
      left("mlsecops_verdict_earliest_expiry_timestamp_seconds"),
      { unit: "s", width: 6, redBelow: daySeconds, noValue: "all are renewed" },
    ),
    statPanel(
      "Trust that has ended",
      "Trust policies of which a certificate, a trusted root or a revocation list has ended.",
      most("mlsecops_trust_policies", 'freshness="Expired"'),
      { width: 6, redFrom: 1 },
    ),
    statPanel(
      "Evidence lost",
      "Decisions that were dropped before they were recorded, in the day before.",
      `sum(increase(${of("mlsecops_evidence_records_total", 'result="dropped"')}[1d]))`,
      { width: 6, redFrom: 1 },
    ),
    seriesPanel(
      "Trust policies",
      "Trust policies by how near the end of what they rest on is.",
      { unit: "short", width: 6, stacked: true, colours: { Fresh: "green", ExpiresSoon: "orange", Expired: "red" } },
      [`max by (freshness) (${of("mlsecops_trust_policies")})`, "{{freshness}}"],
    ),
    seriesPanel(
      "Rechecks",
      "Times that a registry was to be asked again about something verified. Postponed: the budget had none left.",
      { unit: "ops", width: 6, stacked: true },
      [rateOf("mlsecops_rechecks_total", "result"), "{{result}}"],
    ),
    seriesPanel(
      "Evidence backlog",
      "Decisions that wait to be recorded. They are in memory, so a restart loses those that are decided otherwise next.",
      { unit: "short", width: 6 },
      [`max by (instance) (${of("mlsecops_evidence_pending")})`, "{{instance}}"],
    ),
    seriesPanel(
      "Evidence",
      "Decisions that were to be recorded, by what became of them. Failed ones are tried again; dropped ones are lost.",
      { unit: "ops", width: 6, stacked: true },
      [rateOf("mlsecops_evidence_records_total", "result"), "{{result}}"],
    ),
  ],
};

/** All that the dashboard shows, from what matters most to what explains it. */
export const rows: readonly Row[] = [glance, models, namespaces, trust, ...operatorRows];
