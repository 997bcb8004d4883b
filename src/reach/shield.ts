/** Whether administrators' policies deny a piece of traffic, whatever NetworkPolicies allow. */
import type { AdminRule, Tier } from "./admin-policy.ts";
import { grouped } from "./grouped.ts";
import { type Labels, matches } from "./labels.ts";
import type { Direction } from "./network-policy.ts";
import type { AdminPolicy } from "./objects.ts";
import { type Atom, type Subjects, areApart, areWithin, coversAtom, missesAtom } from "./region.ts";

/** Shut: all of it is denied. Open: some of it may come through. Undecided: nothing in here lets it through or denies all. */
type Fate = "Shut" | "Open" | "Undecided";

export interface Shielding {
  readonly policies: readonly AdminPolicy[];
  /** Of the Namespace; undefined if they are not known. */
  readonly labels: Labels | undefined;
  readonly namespace: string;
  readonly direction: Direction;
  /** Whether what a rule lets through is declared anyway. */
  readonly isDeclared: (subjects: Subjects, atom: Atom) => boolean;
}

/** `baseline`: whether the tier Baseline also has a say, as for pods that no NetworkPolicy selects. */
export function isShut(
  shielding: Shielding,
  {
    subjects,
    atom,
    baseline = false,
  }: { readonly subjects: Subjects; readonly atom: Atom; readonly baseline?: boolean },
): boolean {
  const admin = fateIn("Admin", shielding, subjects, atom);
  if (admin !== "Undecided" || !baseline) return admin === "Shut";
  return fateIn("Baseline", shielding, subjects, atom) === "Shut";
}

/** Whether all that comes before one rule denies what the rule would allow. */
export function isShutBefore(
  shielding: Shielding,
  { policy, rule }: { readonly policy: AdminPolicy; readonly rule: number },
  { subjects, atom }: { readonly subjects: Subjects; readonly atom: Atom },
): boolean {
  const { direction, policies } = shielding;
  const earlier = policies.filter(({ ref, priority }) => ref.kind === policy.ref.kind && priority < policy.priority);
  const own = { ...policy, rules: { ...policy.rules, [direction]: policy.rules[direction].slice(0, rule) } };
  // A peer of the same priority may be asked later: it shuts nothing.
  return fateIn(policy.tier, { ...shielding, policies: [...earlier, own] }, subjects, atom) === "Shut";
}

function fateIn(tier: Tier, shielding: Shielding, subjects: Subjects, atom: Atom): Fate {
  const inTier = shielding.policies.filter((policy) => policy.tier === tier);
  // Between the old kinds and the new one no order is defined.
  const families = [...grouped(inTier, ({ ref }) => ref.kind).values()];
  return worst(families.map((family) => byPriority(family, shielding, subjects, atom)));
}

function byPriority(policies: readonly AdminPolicy[], shielding: Shielding, subjects: Subjects, atom: Atom): Fate {
  for (const [, group] of [...grouped(policies, ({ priority }) => priority)].sort(([a], [b]) => a - b)) {
    const fate = worst(group.map((policy) => fateBy(policy, shielding, subjects, atom)));
    if (fate !== "Undecided") return fate;
  }
  return "Undecided";
}

/** Of equals any may decide: one that opens is enough to open, and one that shuts all leaves nothing to the others. */
function worst(fates: readonly Fate[]): Fate {
  if (fates.includes("Open")) return "Open";
  return fates.includes("Shut") ? "Shut" : "Undecided";
}

function fateBy(policy: AdminPolicy, shielding: Shielding, subjects: Subjects, atom: Atom): Fate {
  const { labels, direction, namespace, isDeclared } = shielding;
  const { subject } = policy;
  if ((labels !== undefined && !matches(subject.namespaces, labels)) || areApart(subjects, subject.pods))
    return "Undecided";
  const isForAll = labels !== undefined && areWithin(subjects, subject.pods);
  for (const rule of policy.rules[direction]) {
    if (missesAtom(rule, atom, namespace)) continue;
    if (rule.action === "Deny") {
      if (isForAll && coversAtom(rule, atom, namespace)) return "Shut";
    } else if (!isHarmless(rule, subjects, isDeclared)) {
      return "Open";
    }
  }
  return "Undecided";
}

function isHarmless({ peers, ports }: AdminRule, subjects: Subjects, isDeclared: Shielding["isDeclared"]): boolean {
  return peers.every((peer) => (ports ?? [undefined]).every((port) => isDeclared(subjects, { peer, port })));
}
