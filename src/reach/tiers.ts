/** What the policies say of one side of a connection: of its source for egress, of its destination for ingress. */
import { type AdminRule, type Tier } from "./admin-policy.ts";
import { grouped } from "./grouped.ts";
import { type End, type Match, anyMatch, matchAdminPeer, matchPeer, matchSubject } from "./match.ts";
import type { Direction } from "./network-policy.ts";
import { matches } from "./labels.ts";
import type { AdminPolicy, NetworkPolicy, ObjectRef, Pod, Unreadable } from "./objects.ts";
import { type Wanted, matchesPort } from "./ports.ts";
import { refText } from "./text.ts";
import type { World } from "./world.ts";

/** An object that decides, and which of its rules. */
export interface Deciding extends ObjectRef {
  readonly side: Direction;
  /** Counted from 0; absent where it is the lack of a rule that decides. */
  readonly rule?: number | undefined;
}

/** One way it may be decided. Several where the specification, or what is known, leaves it open. */
export interface Candidate {
  readonly effect: "Allow" | "Deny" | "Unknown";
  readonly by: readonly Deciding[];
  readonly why: string;
}

export interface Question {
  readonly side: Direction;
  readonly pod: Pod;
  readonly other: End;
  readonly wanted: Wanted;
  readonly world: World;
}

const maxNamed = 8;

/** Tier Admin by priority, then NetworkPolicies, and where none selects the pod the tier Baseline; else it is open. */
export function candidates(question: Question): readonly Candidate[] {
  const { pod, world } = question;
  const { unreadable } = world.view(pod.ref.namespace);
  const admin = tier("Admin", question);
  const unclear = unreadable.flatMap((one) => (isAnywhere(one, question) ? [unknownBecause(one, question)] : []));
  return [...unclear, ...admin.decided.flatMap(final), ...(goesOn(admin) ? networkPolicies(question) : [])];
}

interface Step {
  readonly effect: "Allow" | "Deny" | "Pass";
  readonly by: Deciding;
  readonly why: string;
}

interface TierResult {
  readonly decided: readonly Step[];
  /** Whether it may be that nothing in it matches. */
  readonly isOpen: boolean;
}

function final({ effect, by, why }: Step): readonly Candidate[] {
  return effect === "Pass" ? [] : [{ effect, by: [by], why }];
}

/** What comes next decides about what nothing matches, and about what a rule passes on. */
function goesOn({ decided, isOpen }: TierResult): boolean {
  return isOpen || decided.some(({ effect }) => effect === "Pass");
}

function tier(which: Tier, question: Question): TierResult {
  const policies = question.world.view(question.pod.ref.namespace).adminPolicies.filter(({ tier }) => tier === which);
  // Between the old kinds and the new one no order is defined: each is taken for itself.
  const families = [...grouped(policies, ({ ref }) => ref.kind).values()].map((family) => byPriority(family, question));
  return { decided: families.flatMap(({ decided }) => decided), isOpen: families.every(({ isOpen }) => isOpen) };
}

function byPriority(policies: readonly AdminPolicy[], question: Question): TierResult {
  const decided: Step[] = [];
  const groups = [...grouped(policies, ({ priority }) => priority)].sort(([a], [b]) => a - b);
  for (const [, group] of groups) {
    // Which of equals comes first is not defined: each may.
    const results = group.map((policy) => firstMatch(policy, question));
    decided.push(...results.flatMap((result) => result.decided));
    if (results.some(({ isOpen }) => !isOpen)) return { decided, isOpen: false };
  }
  return { decided, isOpen: true };
}

function firstMatch({ ref, subject, rules }: AdminPolicy, question: Question): TierResult {
  const { side, pod, world } = question;
  const isSubject = matchSubject(subject, pod, world);
  if (isSubject === "No") return { decided: [], isOpen: true };
  const decided: Step[] = [];
  for (const [index, rule] of rules[side].entries()) {
    const match = matchAdminRule(rule, question);
    if (match === "No") continue;
    const verb = { Allow: "allows it", Deny: "denies it", Pass: "passes it on" }[rule.action];
    const why = `${refText(ref)} ${verb} (${side.toLowerCase()} rule ${index})`;
    decided.push({ effect: rule.action, by: { ...ref, side, rule: index }, why });
    if (match === "Yes") return { decided, isOpen: isSubject === "Maybe" };
  }
  return { decided, isOpen: true };
}

function matchAdminRule({ peers, ports }: AdminRule, { other, wanted, world }: Question): Match {
  return matchesPort(ports, wanted) ? anyMatch(peers, (peer) => matchAdminPeer(peer, other, world)) : "No";
}

function networkPolicies(question: Question): readonly Candidate[] {
  const { side, pod, other, wanted, world } = question;
  const view = world.view(pod.ref.namespace);
  const selecting = view.policies.filter(
    ({ selector, rules }) => rules[side] !== undefined && matches(selector, pod.labels),
  );
  const maybe: Candidate[] = [];
  for (const policy of selecting) {
    for (const [index, { peers, ports }] of (policy.rules[side] ?? []).entries()) {
      if (!matchesPort(ports, wanted)) continue;
      const match =
        peers === undefined ? "Yes" : anyMatch(peers, (peer) => matchPeer(peer, policy.ref.namespace, other, world));
      if (match === "No") continue;
      const by = [{ ...policy.ref, side, rule: index }];
      const where = `${side.toLowerCase()} rule ${index}`;
      if (match === "Yes") return [{ effect: "Allow", by, why: `${refText(policy.ref)} allows it (${where})` }];
      maybe.push({
        effect: "Unknown",
        by,
        why: `${refText(policy.ref)} may allow it (${where}): an address is not known yet`,
      });
    }
  }
  const unreadable = view.unreadable.filter((one) => isNetworkPolicy(one) && mayConcern(one, question));
  const unclear = [...maybe, ...unreadable.map((one) => unknownBecause(one, question))];
  if (unclear.length > 0) return unclear;
  return selecting.length > 0 ? [isolated(selecting, question)] : baseline(question);
}

function isolated(selecting: readonly NetworkPolicy[], { side, pod }: Question): Candidate {
  const named = selecting.slice(0, maxNamed);
  const names = named.slice(0, 2).map(({ ref }) => refText(ref));
  const more = selecting.length - names.length;
  const subject = `${names.join(" and ")}${more > 0 ? ` and ${more} more` : ""}`;
  return {
    effect: "Deny",
    by: named.map(({ ref }) => ({ ...ref, side })),
    why: `${subject} ${selecting.length === 1 ? "selects" : "select"} ${refText(pod.ref)} for ${side.toLowerCase()}, and no rule allows it`,
  };
}

function baseline(question: Question): readonly Candidate[] {
  const result = tier("Baseline", question);
  const { side, pod } = question;
  const open: Candidate = {
    effect: "Allow",
    by: [],
    why: `no policy selects ${refText(pod.ref)} for ${side.toLowerCase()}`,
  };
  return [...result.decided.flatMap(final), ...(goesOn(result) ? [open] : [])];
}

function isNetworkPolicy({ ref }: Unreadable): boolean {
  return ref.kind === "NetworkPolicy" && ref.apiVersion === "networking.k8s.io/v1";
}

/** Whether it may decide before, or instead of, NetworkPolicies. */
function isAnywhere(one: Unreadable, question: Question): boolean {
  return one.what === "Policy" && !isNetworkPolicy(one) && mayConcern(one, question);
}

function mayConcern({ what, subject, ref }: Unreadable, { pod, world }: Question): boolean {
  if (what !== "Policy" || (ref.namespace !== undefined && ref.namespace !== pod.ref.namespace)) return false;
  const { namespaces = new Map(), pods = new Map() } = subject ?? {};
  return matchSubject({ namespaces, pods }, pod, world) !== "No";
}

function unknownBecause({ ref, problem }: Unreadable, { side }: Question): Candidate {
  return { effect: "Unknown", by: [{ ...ref, side }], why: `${refText(ref)} is not understood: ${problem}` };
}
