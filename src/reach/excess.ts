import { type Breach, type Excess, breach, excessOf } from "./breach.ts";
import type { Declaration } from "./declaration.ts";
import { exposureOf, isExposed } from "./exposure.ts";
import { everything, matches } from "./labels.ts";
import type { Unreadable } from "./objects.ts";
import { wideningOf } from "./widening.ts";
import type { NamespaceView } from "./world.ts";

/**
 * Where a namespace's pods reach, or are reached by, more than is declared. Without a finding it is proven that policies
 * allow no connection that the declaration does not; a finding may be one that only could not be proven to be harmless.
 * What pods there are elsewhere, and what labels other namespaces have, does not matter.
 */
export function excess(view: NamespaceView, declaration: Declaration): Excess {
  return excessOf([
    ...wideningOf(view, declaration),
    ...exposureOf(view, declaration),
    ...view.unreadable.flatMap((one) => unreadable(one, view, declaration)),
  ]);
}

function unreadable(
  { ref, what, problem, subject }: Unreadable,
  view: NamespaceView,
  declaration: Declaration,
): readonly Breach[] {
  const labels = view.namespace?.labels;
  if (subject?.namespaces !== undefined && labels !== undefined && !matches(subject.namespaces, labels)) return [];
  if (what === "Exposure" && isExposed(declaration, view.name, ref)) return [];
  const selector = subject?.pods ?? everything;
  const pods = what === "Policy" ? view.pods.filter((pod) => !pod.finished && matches(selector, pod.labels)) : [];
  const reason = what === "Policy" ? "PolicyUnreadable" : "ObjectUnreadable";
  const directions = what === "Exposure" ? (["Ingress"] as const) : (["Ingress", "Egress"] as const);
  return directions.map((direction) =>
    breach(reason, direction, { object: ref, allows: `what it allows is not known: ${problem}`, pods }),
  );
}
