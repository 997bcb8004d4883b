import { peopleRoleName } from "../admission/index.ts";
import { type PersonRole, Profile, personRoles } from "../api/index.ts";
import { READ, WRITE, peopleRules } from "./roles.ts";

const purposes: Readonly<Record<PersonRole, string>> = {
  DataScientist: "tries things out in experiment, and follows what is trained and served",
  MLEngineer: "trains by Jobs, and says in SecureModels what serves",
  Auditor: "sees what is declared, decided and in force, and nothing that people or models work on",
  Approver: "sees the same of models, approves revisions, and answers for every ModelAction under their own name",
};

/** What people may do, as one Markdown page. */
export function rolesPage(): string {
  return [
    "# Roles of people",
    "",
    "<!-- Generated from src/access by `make generate`; do not edit. -->",
    "",
    "`spec.people` of a SecureNamespace names who has which role. What a role may do depends on the profile of the namespace.",
    "Nobody of them reads Secrets, writes RoleBindings, NetworkPolicies or quotas, acts as somebody else, asks for tokens, or",
    "gets into a serving pod. How to use them is in [Secure namespaces](../guide/secure-namespaces.md#people).",
    "",
    "| role | what it is for |",
    "|---|---|",
    ...personRoles.map((role) => `| \`${role}\` | ${purposes[role]} |`),
    "",
    "read is get, list and watch; write is create, update, patch and delete.",
    "",
    ...Profile.options.flatMap(section),
  ].join("\n");
}

function section(profile: Profile): readonly string[] {
  const resources = new Set(personRoles.flatMap((role) => [...verbsByResource(profile, role).keys()]));
  return [
    `## ${profile}`,
    "",
    `| | ${personRoles.join(" | ")} |`,
    `|---|${personRoles.map(() => "---|").join("")}`,
    row("ClusterRole", (role) => `\`${peopleRoleName(profile, role)}\``),
    ...[...resources].map((resource) =>
      row(`\`${resource}\``, (role) => shorten(verbsByResource(profile, role).get(resource) ?? [])),
    ),
    "",
  ];
}

function row(head: string, cell: (role: PersonRole) => string): string {
  return `| ${head} | ${personRoles.map(cell).join(" | ")} |`;
}

/** "pods/log" or "jobs.batch" to what the role may do with it. */
function verbsByResource(profile: Profile, role: PersonRole): ReadonlyMap<string, readonly string[]> {
  const found = new Map<string, readonly string[]>();
  for (const { apiGroups = [], resources = [], verbs } of peopleRules(profile, role))
    for (const group of apiGroups)
      for (const resource of resources) {
        const [plural = "", part] = resource.split("/");
        const name = `${plural}${group === "" ? "" : `.${group}`}${part === undefined ? "" : `/${part}`}`;
        found.set(name, [...new Set([...(found.get(name) ?? []), ...verbs])]);
      }
  return found;
}

function shorten(verbs: readonly string[]): string {
  let left = verbs;
  const words = Object.entries({ read: READ, write: WRITE }).flatMap(([word, all]) => {
    if (!all.every((verb) => left.includes(verb))) return [];
    left = left.filter((verb) => !all.includes(verb));
    return [word];
  });
  return [...words, ...left].join(", ");
}
