import { z } from "zod";
import { mapList, shown, withRules } from "./schema.ts";

/** What people do. What each may depends on the profile of the namespace: docs/reference/roles.md. */
export const personRoles = ["DataScientist", "MLEngineer", "Auditor", "Approver"] as const;
export type PersonRole = (typeof personRoles)[number];

const Subject = withRules(
  z.string().min(1).max(256),
  {
    rule: "!self.startsWith('system:')",
    message:
      "names that start with system: belong to Kubernetes: write a group of your identity provider, for example fraud-team",
    holds: (name) => !name.startsWith("system:"),
  },
  {
    rule: "self.trim() == self",
    message: "remove the spaces around the name",
    holds: (name) => name.trim() === name,
  },
);

const People = withRules(
  z.strictObject({
    role: z.enum(personRoles),
    groups: z.array(Subject).max(16).describe("Groups, as the API server knows them.").optional(),
    users: z.array(Subject).max(16).describe("Single users; groups are easier to keep.").optional(),
  }),
  {
    rule: "(has(self.groups) && self.groups.size() > 0) || (has(self.users) && self.users.size() > 0)",
    message: "name at least one group, for example groups: [fraud-team]",
    holds: ({ groups = [], users = [] }) => groups.length + users.length > 0,
  },
);

/** Who may enter, and as what. */
export const NamespacePeople = mapList(
  shown(z.array(People).max(4), "people: [{role: MLEngineer, groups: [fraud-team]}]"),
  "role",
);
export type NamespacePeople = z.output<typeof NamespacePeople>;
