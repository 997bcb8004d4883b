import { z } from "zod";

/** Which values of one label satisfy: those listed, or all but those, and whether the label may be missing. */
interface Values {
  readonly mayBeAbsent: boolean;
  readonly mode: "Only" | "AllBut";
  readonly listed: ReadonlySet<string>;
}

/**
 * A label selector as what each label may be. A selector is a conjunction and labels are independent of each other, so
 * containment and disjointness label by label are exact, not approximate.
 */
export type Selector = ReadonlyMap<string, Values>;

export type Labels = Readonly<Record<string, string>>;

/** Every namespace has it, with its own name as the value. */
export const NAMESPACE_NAME_LABEL = "kubernetes.io/metadata.name";

const anything: Values = { mayBeAbsent: true, mode: "AllBut", listed: new Set() };

export const everything: Selector = new Map();

const Requirement = z.discriminatedUnion("operator", [
  z.strictObject({ key: z.string().min(1), operator: z.enum(["In", "NotIn"]), values: z.array(z.string()).min(1) }),
  z.strictObject({
    key: z.string().min(1),
    operator: z.enum(["Exists", "DoesNotExist"]),
    values: z.array(z.string()).max(0).nullish(),
  }),
]);

/** Strict: a field that is not known here could change what is selected. */
export const LabelSelector = z
  .strictObject({
    matchLabels: z.record(z.string(), z.string()).nullish(),
    matchExpressions: z.array(Requirement).nullish(),
  })
  .transform(({ matchLabels, matchExpressions }): Selector => {
    const wanted = [
      ...Object.entries(matchLabels ?? {}).map(([key, value]) => [key, only([value])] as const),
      ...(matchExpressions ?? []).map((one) => [one.key, valuesOf(one)] as const),
    ];
    const selector = new Map<string, Values>();
    for (const [key, values] of wanted) selector.set(key, intersect(selector.get(key) ?? anything, values));
    return selector;
  });

/** Selects what has this one value. */
export function labelled(key: string, value: string): Selector {
  return new Map([[key, only([value])]]);
}

export function matches(selector: Selector, labels: Labels): boolean {
  for (const [key, values] of selector) {
    const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
    if (value === undefined ? !values.mayBeAbsent : !has(values, value)) return false;
  }
  return true;
}

/** Whether everything that `inner` selects is selected by `outer`, whatever labels there are. */
export function contains(outer: Selector, inner: Selector): boolean {
  if (isContradiction(inner)) return true;
  for (const [key, values] of outer) if (!isWithin(inner.get(key) ?? anything, values)) return false;
  return true;
}

/** Whether no labels at all are selected by both. */
export function areDisjoint(a: Selector, b: Selector): boolean {
  if (isContradiction(a) || isContradiction(b)) return true;
  for (const [key, values] of a) {
    const other = b.get(key);
    if (other !== undefined && isNothing(intersect(values, other))) return true;
  }
  return false;
}

/** Whether it can select nothing, such as `app In (a), app NotIn (a)`. */
export function isContradiction(selector: Selector): boolean {
  for (const values of selector.values()) if (isNothing(values)) return true;
  return false;
}

/** As kubectl writes selectors: `app=web,tier in (a,b),!debug`. */
export function selectorText(selector: Selector): string {
  return [...selector].map(([key, values]) => requirementText(key, values)).join(",");
}

function requirementText(key: string, { mayBeAbsent, mode, listed }: Values): string {
  const list = [...listed].sort().join(",");
  if (mode === "Only") {
    if (listed.size === 0) return `!${key}`;
    return listed.size === 1 ? `${key}=${list}` : `${key} in (${list})`;
  }
  if (listed.size === 0) return key;
  return mayBeAbsent ? `${key} notin (${list})` : `${key},${key} notin (${list})`;
}

function valuesOf({ operator, values }: z.output<typeof Requirement>): Values {
  switch (operator) {
    case "In":
      return only(values);
    case "NotIn":
      return { mayBeAbsent: true, mode: "AllBut", listed: new Set(values) };
    case "Exists":
      return { mayBeAbsent: false, mode: "AllBut", listed: new Set() };
    case "DoesNotExist":
      return { mayBeAbsent: true, mode: "Only", listed: new Set() };
  }
}

function only(values: readonly string[]): Values {
  return { mayBeAbsent: false, mode: "Only", listed: new Set(values) };
}

function has({ mode, listed }: Values, value: string): boolean {
  return listed.has(value) === (mode === "Only");
}

function intersect(a: Values, b: Values): Values {
  const mayBeAbsent = a.mayBeAbsent && b.mayBeAbsent;
  if (a.mode === "Only") return { mayBeAbsent, mode: "Only", listed: filtered(a.listed, (value) => has(b, value)) };
  if (b.mode === "Only") return { mayBeAbsent, mode: "Only", listed: filtered(b.listed, (value) => has(a, value)) };
  return { mayBeAbsent, mode: "AllBut", listed: new Set([...a.listed, ...b.listed]) };
}

function isNothing({ mayBeAbsent, mode, listed }: Values): boolean {
  return !mayBeAbsent && mode === "Only" && listed.size === 0;
}

function isWithin(inner: Values, outer: Values): boolean {
  if (inner.mayBeAbsent && !outer.mayBeAbsent) return false;
  if (inner.mode === "Only") return [...inner.listed].every((value) => has(outer, value));
  return outer.mode === "AllBut" && [...outer.listed].every((value) => inner.listed.has(value));
}

function filtered(values: ReadonlySet<string>, keep: (value: string) => boolean): ReadonlySet<string> {
  return new Set([...values].filter(keep));
}
