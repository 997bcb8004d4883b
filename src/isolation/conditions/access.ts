import type { AccessFindings } from "../../access/index.ts";
import { type Condition, truncateUtf8 } from "../../kube/index.ts";

/** AccessTight, but for the generation it is about. Undefined: what RBAC says cannot be known now. Pure. */
export function accessCondition(access: AccessFindings | undefined): Pick<Condition, "status" | "reason" | "message"> {
  if (access === undefined) {
    const message = "roles and bindings cannot be read now: see the operator's logs";
    return { status: "Unknown", reason: "AccessUnknown", message };
  }
  const first = firstOf(access);
  if (first === undefined) {
    const message = "no binding gives more here than spec.people says";
    return { status: "True", reason: "Tight", message };
  }
  const message =
    `${first}. Delete the binding or bind less; ` +
    "whoever is meant to have that everywhere is named by isolation.expected of the chart's values";
  return { status: "False", reason: "BindingsExceed", message };
}

/** What an Event says when the findings are others than before; undefined where there is nothing new to say. Pure. */
export function accessNews(before: AccessFindings | undefined, after: AccessFindings): string | undefined {
  return JSON.stringify(before) === JSON.stringify(after) ? undefined : firstOf(after);
}

function firstOf({ count, examples: [first] }: AccessFindings): string | undefined {
  if (first === undefined) return undefined;
  // The end of the message says what to do, and the whole has to fit.
  const cut = (text: string) => truncateUtf8(text, 250);
  const more = count > 1 ? ` (and ${count - 1} more)` : "";
  return `${cut(first.binding)} gives ${cut(first.subjects)} more than spec.people says: ${cut(first.allows)}${more}`;
}
