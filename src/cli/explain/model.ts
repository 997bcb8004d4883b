/** The chain of facts behind a SecureModel, from its reference to its pods. Pure. */
import { servedOci } from "../../api/index.ts";
import { MODEL_LABEL, REVISION_LABEL, digestOf, imagesOf, sweepProblems } from "../../admission/index.ts";
import { formatDuration } from "../../trust/index.ts";
import { accountsFromStatus } from "../account/from-status.ts";
import { policyNodes } from "../account/nodes.ts";
import { admittedAt, isFinished, type Pod, shapeOf } from "../pod.ts";
import { relative } from "../render/text.ts";
import { node, type TreeNode } from "../render/tree.ts";
import { conditionNodes, grantNode, unansweredNode, verdictNode } from "./common.ts";
import type { ModelFacts, Refreshed } from "./gather.ts";

export function modelTree(facts: ModelFacts, refreshed: Refreshed | undefined, now: Date): TreeNode {
  const { model } = facts;
  const { name, namespace = "" } = model.metadata;
  return node(`SecureModel ${namespace}/${name}`, "plain", [
    referenceNode(facts, refreshed, now),
    verdictNode(model.status?.verdict, refreshed?.verdict, now),
    ...(refreshed === undefined || refreshed.content
      ? []
      : [node("what is in the model was not read: --content reads it")]),
    policiesNode(facts, refreshed),
    grantsNode(facts, now),
    revisionsNode(facts),
    podsNode(facts, now),
    node("conditions", "plain", conditionNodes(model.status?.conditions)),
  ]);
}

function referenceNode({ model }: ModelFacts, refreshed: Refreshed | undefined, now: Date): TreeNode {
  const { update } = model.spec.source;
  const oci = servedOci(model.spec.source, model.status?.source);
  if (oci === undefined) return node("nothing has been imported from the source yet", "unknown");
  const known = model.status?.artifact;
  const current = known?.reference === oci.reference ? known : undefined;
  const digest = refreshed?.verdict.digest ?? current?.digest;
  const ago = current === undefined ? "" : `, resolved ${relative(new Date(current.resolvedAt), now, formatDuration)}`;
  const resolved =
    digest === undefined
      ? node("it has not been resolved to a digest", "unknown")
      : node(`digest ${digest}${digest === current?.digest ? ago : ", resolved now"}`, "good");
  const moved =
    digest !== undefined && current !== undefined && digest !== current.digest
      ? [node(`the operator has ${current.digest}${ago}`, "unknown")]
      : [];
  return node(`reference ${oci.reference} (${update})`, "plain", [resolved, ...moved]);
}

function policiesNode({ policies, model }: ModelFacts, refreshed: Refreshed | undefined): TreeNode {
  if (policies.state !== "known" && refreshed === undefined) return unansweredNode("policies", policies);
  const objects = policies.state === "known" ? policies.value.objects : [];
  const asked = {
    reference: servedOci(model.spec.source, model.status?.source)?.reference ?? "",
    namespace: model.metadata.namespace ?? "",
  };
  const accounts = refreshed?.accounts ?? accountsFromStatus(objects, asked, model.status?.verdict);
  const missing = model.spec.policies
    .filter(({ name }) => !accounts.some((account) => account.name === name && account.covers))
    .map(({ name }) => node(`policy ${name} is required by spec.policies and has no say here`, "bad"));
  const enforced = accounts.some(({ covers, mode }) => covers && mode === "Enforce");
  const none = enforced ? [] : [node("no policy in mode Enforce covers it: it is refused with NoPolicy", "bad")];
  return node("policies", "plain", [...none, ...missing, ...policyNodes(accounts)]);
}

function grantsNode({ model, grant, revisions }: ModelFacts, now: Date): TreeNode {
  if (grant.state === "unknown") return unansweredNode("grant", grant);
  if (grant.state === "absent") return node("grant: the namespace has no AdmissionGrant", "bad");
  const digest = model.status?.active?.digest ?? model.status?.artifact?.digest;
  const { template } = model.spec.workload.managed;
  const active =
    revisions.state === "known"
      ? revisions.value.objects.find(({ metadata }) => metadata.name === model.status?.active?.revision)
      : undefined;
  const spec = active?.spec.serving.template.spec ?? template.spec;
  const images = imagesOf(spec).map(({ image, use }) => ({ what: image, digest: digestOf(image), use }));
  const all = [
    ...(digest === undefined ? [] : [{ what: `the model ${digest}`, digest, use: "imageVolume" as const }]),
    ...images,
  ];
  return node(
    "grant",
    "plain",
    all.map((wanted) => grantNode(grant.value, wanted, now)),
  );
}

function revisionsNode({ model, revisions }: ModelFacts): TreeNode {
  if (revisions.state !== "known") return unansweredNode("revisions", revisions);
  const own = revisions.value.objects
    .filter(({ spec }) => spec.model === model.metadata.name)
    .sort((a, b) => b.spec.number - a.spec.number);
  const { active, candidate } = model.status ?? {};
  const role = (name: string) =>
    name === active?.revision ? ", active" : name === candidate?.revision ? ", candidate" : "";
  if (own.length === 0) return node("revisions: there is none", "bad");
  return node(
    "revisions",
    active === undefined ? "unknown" : "plain",
    own.map(({ metadata, spec, status }) => {
      const phase = status?.phase ?? "no phase yet";
      const mood = phase === "Quarantined" ? "bad" : phase === "Active" ? "good" : "plain";
      return node(`${metadata.name} (${phase}${role(metadata.name)}): ${spec.artifact.digest}`, mood);
    }),
  );
}

function podsNode({ model, pods, grant, secured }: ModelFacts, now: Date): TreeNode {
  if (pods.state !== "known") return unansweredNode("pods", pods);
  const own = pods.value.filter(
    (pod) => pod.metadata.labels?.[MODEL_LABEL] === model.metadata.name && !isFinished(pod),
  );
  if (own.length === 0) return node("pods: there is none", model.spec.replicas > 0 ? "bad" : "plain");
  const profile = secured.state === "known" ? secured.value.spec.profile : "serving";
  return node(
    "pods",
    "plain",
    own.map((pod) => {
      const problems =
        grant.state === "known" ? sweepProblems(shapeOf(pod), grant.value, profile, admittedAt(pod, now)) : [];
      return podNode(pod, problems);
    }),
  );
}

function podNode({ metadata, status }: Pod, problems: readonly string[]): TreeNode {
  const ready =
    status?.conditions?.some((condition) => condition.type === "Ready" && condition.status === "True") === true;
  const revision = metadata.labels?.[REVISION_LABEL] ?? "no revision";
  const mood = problems.length > 0 ? "bad" : ready ? "good" : "unknown";
  return node(
    `${metadata.name}: ${status?.phase ?? "no phase"}, ${ready ? "ready" : "not ready"}, ${revision}`,
    mood,
    problems.map((problem) => node(`it would not be admitted now: ${problem}`, "bad")),
  );
}
