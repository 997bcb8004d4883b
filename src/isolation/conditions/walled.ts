import type { NextCondition, Why } from "./condition.ts";
import { type WallProblem, wallProblemReasons } from "../walls/problems.ts";
import type { WallsState } from "../walls/view.ts";

type Enforcement = "Audit" | "Enforce";

/** Whether all that is to keep the namespace apart is there. Pure. */
export function walledCondition(
  walls: WallsState | undefined,
  enforcement: Enforcement,
  condition: (type: string, status: NextCondition["status"], why: Why) => NextCondition,
): NextCondition {
  const problem = worst(walls);
  if (enforcement === "Audit") {
    const message = `there are no walls: set spec.enforcement to Enforce${problem === undefined ? "" : `; ${described(problem)}`}`;
    return condition("Walled", "False", {
      reason: problem?.first.reason === "WallsIncomplete" ? "WallsIncomplete" : "Audit",
      message,
    });
  }
  if (walls === undefined) return condition("Walled", "False", pending);
  if (problem === undefined) {
    const message = `${walls.objects} objects keep the namespace apart`;
    return condition("Walled", "True", { reason: "Walled", message });
  }
  return condition("Walled", "False", { reason: problem.first.reason, message: described(problem) });
}

const pending: Why = { reason: "WallsIncomplete", message: "the walls are being made" };

/** Why the namespace is not ready for the lack of walls; undefined where it is, or where there are to be none. Pure. */
export function whyUnwalled(walls: WallsState | undefined, enforcement: Enforcement): Why | undefined {
  if (enforcement === "Audit") return undefined;
  if (walls === undefined) return pending;
  const problem = worst(walls);
  return problem?.first.reason === "WallsIncomplete"
    ? { reason: "WallsIncomplete", message: described(problem) }
    : undefined;
}

interface Worst {
  readonly first: WallProblem;
  readonly more: number;
}

/** What is missing of the walls comes before what the spec asks for and cannot have. */
function worst(walls: WallsState | undefined): Worst | undefined {
  const problems = walls?.problems ?? [];
  for (const reason of wallProblemReasons) {
    const first = problems.find((problem) => problem.reason === reason);
    if (first !== undefined) return { first, more: problems.length - 1 };
  }
  return undefined;
}

function described({ first, more }: Worst): string {
  return `${first.message}${more === 0 ? "" : ` (and ${more} more)`}`;
}
