import { GROUP, MAX_BREAK_GLASS_HOURS, VERSION } from "../../api/index.ts";
import type { PolicyDefinition } from "./build.ts";

/** Whoever breaks the glass does so under their own name, and not for long. Who may at all is a matter of RBAC. */
export const breakGlass: PolicyDefinition = {
  name: "mlsecops-break-glass",
  rules: [{ apiGroups: [GROUP], apiVersions: [VERSION], operations: ["CREATE"], resources: ["modelactions"] }],
  validations: [
    {
      expression: "object.spec.approver == request.userInfo.username",
      messageExpression:
        "'spec.approver must be the one who creates this: write approver: ' + request.userInfo.username",
      message: "spec.approver must be the one who creates this",
    },
    {
      expression: "timestamp(object.spec.notAfter) > timestamp(object.metadata.creationTimestamp)",
      message: "spec.notAfter is over already: write a time to come, for example notAfter: 2030-01-01T12:00:00Z",
    },
    {
      expression:
        "timestamp(object.spec.notAfter) <= timestamp(object.metadata.creationTimestamp) + " +
        `duration('${MAX_BREAK_GLASS_HOURS}h')`,
      message: `spec.notAfter must be within ${MAX_BREAK_GLASS_HOURS} hours; for longer, change the trust policy`,
    },
  ],
};
