/** Who may reach whom, by all that lives in a cluster, and where that is more than somebody has declared. */
export { containsRanges, parseCidr } from "./addresses.ts";
export { type Answer, type Backend, type From, type Reply, type To, answer, parseFrom, parseTo } from "./answer.ts";
export { type Breach, type BreachReason, type Excess, breachReasons } from "./breach.ts";
export { type Declaration, type Exposed, declarationFrom } from "./declaration.ts";
export { type Connection, type Deciding, type Endpoint, type Evaluation, type Outcome, evaluate } from "./evaluate.ts";
export { excess } from "./excess.ts";
export { type Labels, type Selector, LabelSelector, matches } from "./labels.ts";
export { type Direction, type NetworkPolicySpec, NetworkPolicySpecSchema } from "./network-policy.ts";
export type { NetworkPolicy, ObjectRef, Pod, ReachObject, Service, Unreadable } from "./objects.ts";
export { Protocol } from "./ports.ts";
export { ReachIndex } from "./reach-index.ts";
export { type ReachType, reachTypes, readObject } from "./read.ts";
export type { NamespaceView, World } from "./world.ts";
