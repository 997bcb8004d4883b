import { z } from "zod";
import type { HttpRouteTraffic } from "../api/index.ts";
import { type KubeObject, truncateUtf8 } from "../kube/index.ts";
import type { TrafficProgress } from "./driver.ts";

type Parent = HttpRouteTraffic["parentRefs"][number];

export interface WantedRoute {
  readonly name: string;
  readonly parents: readonly Parent[];
  /** Percent of the requests, by the name of the Service. */
  readonly weights: Readonly<Record<string, number>>;
  /** The Service that gets a copy of each request. */
  readonly mirrorTo: string | undefined;
}

const maxMessageBytes = 512;

const Backend = z.object({ name: z.string() });
const ParentRef = z.object({
  name: z.string(),
  namespace: z.string().optional(),
  sectionName: z.string().optional(),
  port: z.number().optional(),
});
const Condition = z.object({
  type: z.string(),
  status: z.string(),
  reason: z.string().optional(),
  message: z.string().optional(),
  observedGeneration: z.number().optional(),
});

/** Of an HTTPRoute, what this room reads. */
const Route = z.object({
  metadata: z.object({ namespace: z.string().optional(), generation: z.number().default(0) }),
  spec: z.object({
    parentRefs: z.array(ParentRef).default([]),
    rules: z
      .array(
        z.object({
          backendRefs: z.array(Backend.extend({ weight: z.number().default(1) })).default([]),
          filters: z.array(z.object({ requestMirror: z.object({ backendRef: Backend }).optional() })).default([]),
        }),
      )
      .default([]),
  }),
  status: z
    .object({
      parents: z.array(z.object({ parentRef: ParentRef, conditions: z.array(Condition).default([]) })).default([]),
    })
    .optional(),
});
type Route = z.output<typeof Route>;

/** Whether every Gateway has taken over what is wanted. That its proxies have it as well, no Gateway says. */
export function routeProgress(living: KubeObject | undefined, wanted: WantedRoute): TrafficProgress {
  const { name, parents } = wanted;
  if (living === undefined) return missing(`HTTPRoute ${name} is not there yet`);
  const route = Route.safeParse(living);
  if (!route.success) return missing(`HTTPRoute ${name} cannot be read: ${route.error.issues[0]?.message ?? ""}`);
  if (!sharesAsWanted(route.data, wanted)) return missing(`HTTPRoute ${name} does not share requests as wanted yet`);
  const problems = parents.flatMap((parent) => problemOf(parent, route.data, name) ?? []);
  if (problems.length > 0) return missing(problems.join("; "));
  return { done: true, message: `Gateways have accepted HTTPRoute ${name}: ${shared(wanted)}` };
}

function missing(message: string): TrafficProgress {
  return { done: false, message: truncateUtf8(message, maxMessageBytes) };
}

function shared({ weights, mirrorTo }: WantedRoute): string {
  const shares = Object.entries(weights).map(([service, weight]) => `${weight}% to ${service}`);
  return [...shares, ...(mirrorTo === undefined ? [] : [`a copy of each request to ${mirrorTo}`])].join(", ");
}

function sharesAsWanted({ spec }: Route, { weights, mirrorTo, parents }: WantedRoute): boolean {
  const [rule, ...others] = spec.rules;
  if (rule === undefined || others.length > 0 || spec.parentRefs.length !== parents.length) return false;
  const found = Object.fromEntries(rule.backendRefs.map(({ name, weight }) => [name, weight]));
  const mirrors = rule.filters.flatMap(({ requestMirror }) => requestMirror?.backendRef.name ?? []);
  return (
    Object.keys(found).length === Object.keys(weights).length &&
    Object.entries(weights).every(([service, weight]) => found[service] === weight) &&
    mirrors.join() === (mirrorTo ?? "")
  );
}

/** What one Gateway has not done. More than one controller may answer for it: one that has accepted is enough. */
function problemOf(parent: Parent, { metadata, status }: Route, name: string): string | undefined {
  const gateway = textOf(parent, metadata.namespace);
  const answers = (status?.parents ?? []).filter(({ parentRef }) => isSame(parentRef, parent, metadata.namespace));
  if (answers.length === 0) return `${gateway} has not answered for HTTPRoute ${name} yet: is there one of that name?`;
  const problems = answers.map(({ conditions }) => {
    const accepted = unmet(conditions, "Accepted", metadata.generation);
    if (accepted !== undefined) return `${gateway} does not accept HTTPRoute ${name}: ${accepted}`;
    const resolved = unmet(conditions, "ResolvedRefs", metadata.generation);
    return resolved === undefined ? undefined : `${gateway} does not find what HTTPRoute ${name} leads to: ${resolved}`;
  });
  return problems.includes(undefined) ? undefined : problems[0];
}

function unmet(
  conditions: readonly z.output<typeof Condition>[],
  type: string,
  generation: number,
): string | undefined {
  const found = conditions.find((one) => one.type === type);
  if (found === undefined) return `it does not say ${type} yet`;
  if ((found.observedGeneration ?? 0) < generation) return `it has not looked at generation ${generation} yet`;
  return found.status === "True" ? undefined : `${found.reason ?? found.status}: ${found.message ?? ""}`;
}

function isSame(a: z.output<typeof ParentRef>, b: Parent, own: string | undefined): boolean {
  return (
    a.name === b.name &&
    (a.namespace ?? own) === (b.namespace ?? own) &&
    a.sectionName === b.sectionName &&
    a.port === b.port
  );
}

function textOf({ name, namespace, sectionName, port }: Parent, own = ""): string {
  const listener = [
    ...(sectionName === undefined ? [] : [sectionName]),
    ...(port === undefined ? [] : [`port ${port}`]),
  ];
  return `Gateway ${namespace ?? own}/${name}${listener.length === 0 ? "" : ` (${listener.join(", ")})`}`;
}
