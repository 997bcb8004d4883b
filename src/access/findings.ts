import type { OperatorIdentity } from "../admission/index.ts";
import type { SecureNamespaceSpec, SecureNamespaceStatus } from "../api/index.ts";
import { truncateUtf8 } from "../kube/index.ts";
import type { BindingObject, Subject } from "./bindings.ts";
import { type ExpectedSubjects, describeSubject, isExpected } from "./expected.ts";
import { type Rights, type Scope, beyond, describeRights, rightsOf } from "./rights.ts";
import { type PolicyRule, peopleRules } from "./roles.ts";

/** What RBAC says in one namespace now. */
export interface LivingAccess {
  /** Those of the namespace. */
  readonly roleBindings: readonly BindingObject[];
  readonly clusterRoleBindings: readonly BindingObject[];
  /** The rules of a Role of the namespace, or of a ClusterRole; undefined where there is none. */
  readonly rules: (kind: string, name: string) => readonly PolicyRule[] | undefined;
}

/** Who is meant to have which rights there. */
export interface AccessExpectation {
  readonly spec: Pick<SecureNamespaceSpec, "profile" | "people">;
  readonly identity: OperatorIdentity;
  readonly expected: ExpectedSubjects;
}

/** As they stand in the status. */
export type AccessFindings = NonNullable<SecureNamespaceStatus["access"]>;

const maxExamples = 16;
const maxSubjects = 5;
const maxText = 1024;
const nothing: Rights = new Map();

/**
 * The bindings that give somebody more in the namespace than spec.people says, and than the cluster's administrators expect.
 * Bindings of the namespace come first. Pure.
 */
export function accessFindings(living: LivingAccess, expectation: AccessExpectation): AccessFindings {
  const allowed = allowedRights(expectation.spec);
  const look = (kind: string, scope: Scope, bindings: readonly BindingObject[]) =>
    [...bindings]
      .sort((a, b) => (a.metadata.name < b.metadata.name ? -1 : 1))
      .flatMap((binding) => {
        const { roleRef, subjects = [] } = binding;
        const rights = memoised(living.rules(roleRef.kind, roleRef.name), scope);
        // A role that is missing gives nothing now; whoever makes it brings the next look.
        if (rights.size === 0) return [];
        const exceeding = subjects
          .filter((subject) => !isExpected(subject, expectation))
          .map((subject) => ({ subject, excess: beyond(rights, allowed.get(keyOf(subject)) ?? nothing) }))
          .filter(({ excess }) => excess.size > 0);
        if (exceeding.length === 0) return [];
        const excess = new Map(exceeding.flatMap((one) => [...one.excess]));
        return [
          {
            binding: truncateUtf8(`${kind}/${binding.metadata.name}`, 512),
            subjects: describeSubjects(exceeding.map(({ subject }) => subject)),
            allows: truncateUtf8(describeRights(excess), maxText),
          },
        ];
      });
  const found = [
    ...look("RoleBinding", "namespace", living.roleBindings),
    ...look("ClusterRoleBinding", "cluster", living.clusterRoleBindings),
  ];
  return { count: found.length, examples: found.slice(0, maxExamples) };
}

/** By subject, what the roles give that it is named for. */
function allowedRights({ profile, people }: AccessExpectation["spec"]): ReadonlyMap<string, Rights> {
  const allowed = new Map<string, Rights>();
  for (const { role, groups = [], users = [] } of people) {
    const rights = memoised(peopleRules(profile, role), "namespace");
    const keys = [
      ...groups.map((name) => keyOf({ kind: "Group", name })),
      ...users.map((name) => keyOf({ kind: "User", name })),
    ];
    for (const key of keys) allowed.set(key, new Map([...(allowed.get(key) ?? nothing), ...rights]));
  }
  return allowed;
}

function keyOf({ kind, name, namespace }: Subject): string {
  return JSON.stringify(kind === "ServiceAccount" ? [kind, name, namespace ?? ""] : [kind, name]);
}

function describeSubjects(subjects: readonly Subject[]): string {
  const texts = [...new Set(subjects.map(describeSubject))].sort();
  const more = texts.length > maxSubjects ? ` and ${texts.length - maxSubjects} more` : "";
  return `${truncateUtf8(texts.slice(0, maxSubjects).join(", "), maxText - more.length)}${more}`;
}

const known: Readonly<Record<Scope, WeakMap<readonly PolicyRule[], Rights>>> = {
  namespace: new WeakMap(),
  cluster: new WeakMap(),
};

/** One ClusterRole is bound in many namespaces, and what a store holds never changes. */
function memoised(rules: readonly PolicyRule[] | undefined, scope: Scope): Rights {
  if (rules === undefined) return nothing;
  const before = known[scope].get(rules);
  if (before !== undefined) return before;
  const rights = rightsOf(rules, scope);
  known[scope].set(rules, rights);
  return rights;
}
