import { GROUP, MAX_BREAK_GLASS_HOURS, VERSION, isPersonCel } from "../../api/index.ts";
import type { PolicyDefinition } from "./build.ts";

/** Of BreakGlass only; the other types have no such field. */
const ofGlass = (expression: string) => `object.spec.type == 'BreakGlass' ? ${expression} : true`;
const ofOthers = (expression: string) => `object.spec.type == 'BreakGlass' ? true : ${expression}`;

/**
 * Whoever decides something does so under their own name. Breaking the glass is not for long, and takes a right of its own:
 * RBAC alone cannot tell the types of actions apart.
 */
export const breakGlass: PolicyDefinition = {
  name: "mlsecops-break-glass",
  rules: [{ apiGroups: [GROUP], apiVersions: [VERSION], operations: ["CREATE"], resources: ["modelactions"] }],
  validations: [
    {
      expression: ofGlass(
        `authorizer.group('${GROUP}').resource('modelactions').subresource('breakglass').namespace(object.metadata.namespace).check('create').allowed()`,
      ),
      message:
        "to break the glass takes the right to create modelactions/breakglass: bind ClusterRole mlsecops-break-glass",
    },
    {
      expression: ofGlass("object.spec.approver == request.userInfo.username"),
      messageExpression:
        "'spec.approver must be the one who creates this: write approver: ' + request.userInfo.username",
      message: "spec.approver must be the one who creates this",
    },
    {
      expression: ofOthers("object.spec.requestedBy == request.userInfo.username"),
      messageExpression:
        "'spec.requestedBy must be the one who creates this: write requestedBy: ' + request.userInfo.username",
      message: "spec.requestedBy must be the one who creates this",
    },
    {
      expression: `object.spec.type in ['Approve', 'Resume'] ? ${isPersonCel("request.userInfo.username")} : true`,
      message:
        "a ModelAction of type Approve or Resume says that a person has looked: no ServiceAccount may create it, have somebody do it",
    },
    {
      expression:
        "has(object.spec.notAfter) ? timestamp(object.spec.notAfter) > timestamp(object.metadata.creationTimestamp) : true",
      message: "spec.notAfter is over already: write a time to come, for example notAfter: 2030-01-01T12:00:00Z",
    },
    {
      expression: ofGlass(
        "timestamp(object.spec.notAfter) <= timestamp(object.metadata.creationTimestamp) + " +
          `duration('${MAX_BREAK_GLASS_HOURS}h')`,
      ),
      message: `spec.notAfter must be within ${MAX_BREAK_GLASS_HOURS} hours; for longer, change the trust policy`,
    },
  ],
};
