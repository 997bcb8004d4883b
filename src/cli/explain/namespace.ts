/** The chain of facts behind a SecureNamespace, from its allowed images to its pods. Pure. */
import { digestOf } from "../../admission/index.ts";
import type { AllowedImage } from "../../api/index.ts";
import { accountsFromStatus } from "../account/from-status.ts";
import { policyNodes } from "../account/nodes.ts";
import { node, type TreeNode } from "../render/tree.ts";
import { effectiveNode } from "./effective.ts";
import { conditionNodes, grantNode, unansweredNode, verdictNode } from "./common.ts";
import type { NamespaceFacts, Refreshed } from "./gather.ts";

/** `refreshed`: by the name of the allowed image. */
export function namespaceTree(facts: NamespaceFacts, refreshed: ReadonlyMap<string, Refreshed>, now: Date): TreeNode {
  const { spec, status, metadata } = facts.namespace;
  const images = spec.allowedImages.map((image) => imageNode(image, facts, refreshed.get(image.name), now));
  return node(`SecureNamespace ${metadata.name} (${spec.profile}, ${spec.enforcement})`, "plain", [
    ...(images.length === 0 ? [node("allowed images: none, only models run here")] : images),
    podsNode(facts),
    breachesNode(facts),
    ...accessNodes(facts),
    effectiveNode(facts.namespace),
    node("conditions", "plain", conditionNodes(status?.conditions)),
  ]);
}

function imageNode(
  image: AllowedImage,
  { namespace, policies, grant }: NamespaceFacts,
  refreshed: Refreshed | undefined,
  now: Date,
): TreeNode {
  const entry = namespace.status?.images?.find(({ name }) => name === image.name);
  const verdict = entry?.reference === image.reference ? entry.verdict : undefined;
  const digest = refreshed?.verdict.digest ?? verdict?.digest ?? digestOf(image.reference);
  const asked = { reference: image.reference, namespace: namespace.metadata.name };
  const accounts =
    refreshed?.accounts ??
    (policies.state === "known" ? accountsFromStatus(policies.value.objects, asked, verdict) : undefined);
  return node(`allowed image ${image.name}: reference ${image.reference}`, "plain", [
    digest === undefined ? node("it has not been resolved to a digest", "unknown") : node(`digest ${digest}`, "good"),
    verdictNode(verdict, refreshed?.verdict, now),
    accounts === undefined ? unansweredNode("policies", policies) : node("policies", "plain", policyNodes(accounts)),
    ...(grant.state === "known"
      ? image.uses.map((use) => grantNode(grant.value, { what: "grant", digest, use }, now))
      : [unansweredNode("grant", grant)]),
  ]);
}

function podsNode({ namespace }: NamespaceFacts): TreeNode {
  const seen = namespace.status?.ungrantedPods;
  if (seen === undefined) return node("pods: the operator has not looked at them yet", "unknown");
  if (seen.count === 0) return node("pods: all that run would be admitted now", "good");
  const enforced = namespace.spec.enforcement === "Enforce";
  return node(
    `pods: ${seen.count} that run would not be admitted now`,
    enforced ? "bad" : "unknown",
    seen.examples.map(({ name, problem }) => node(`${name}: ${problem}`)),
  );
}

function breachesNode({ namespace }: NamespaceFacts): TreeNode {
  const seen = namespace.status?.breaches;
  if (seen === undefined) return node("breaches: the operator has not looked for them yet", "unknown");
  if (seen.count === 0) return node("breaches: nothing lets in or out more than is declared", "good");
  const rows = seen.examples.map(({ kind, name, reason, allows, pods }) =>
    node(`${reason}: ${kind} ${name}: ${allows}`, "plain", [
      node(pods.count === 0 ? "no pod now" : `${pods.count} pods: ${listed(pods.examples, pods.count)}`),
    ]),
  );
  const more = seen.count - seen.examples.length;
  return node(`breaches: ${seen.count} objects let in or out more than is declared`, moodOf(namespace), [
    ...rows,
    ...(more > 0 ? [node(`and ${more} more`)] : []),
  ]);
}

function accessNodes({ namespace }: NamespaceFacts): readonly TreeNode[] {
  const seen = namespace.status?.access;
  if (seen === undefined) return [];
  if (seen.count === 0) return [node("access: no binding gives more than spec.people says", "good")];
  const rows = seen.examples.map(({ binding, subjects, allows }) => node(`${binding}: ${subjects}: ${allows}`));
  const more = seen.count - seen.examples.length;
  return [
    node(`access: ${seen.count} bindings give more than spec.people says`, moodOf(namespace), [
      ...rows,
      ...(more > 0 ? [node(`and ${more} more`)] : []),
    ]),
  ];
}

/** In Audit nothing is claimed, so nothing is wrong. */
function moodOf({ spec }: NamespaceFacts["namespace"]): "bad" | "unknown" {
  return spec.enforcement === "Enforce" ? "bad" : "unknown";
}

function listed(names: readonly string[], count: number): string {
  return `${names.join(", ")}${count > names.length ? " and more" : ""}`;
}
