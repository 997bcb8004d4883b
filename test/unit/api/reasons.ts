import { readdir, readFile } from "node:fs/promises";
import ts from "typescript";
import { breachReasons } from "../../../src/reach/index.ts";
import { root } from "./markdown.ts";

/** Every reason that the rooms with controllers put into a condition, a verdict or an Event, as their sources write it. */
export async function reasonsInSource(): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const room of ["trust", "serving", "importing", "isolation", "actions", "operator", "health", "notify"]) {
    const folder = new URL(`src/${room}/`, root);
    for (const file of await readdir(folder, { recursive: true })) {
      // The program of an import says its reasons to the operator.
      if (!file.endsWith(".ts") || file.startsWith("program/")) continue;
      for (const reason of reasonsOf(await readFile(new URL(file, folder), "utf8")))
        found.set(reason, `src/${room}/${file}`);
    }
  }
  for (const reason of breachReasons) found.set(reason, "src/reach/breach.ts");
  // Of the room of formats, only what a decision says.
  const decision = "src/formats/decide.ts";
  for (const reason of reasonsOf(await readFile(new URL(decision, root), "utf8"))) found.set(reason, decision);
  return found;
}

/**
 * The reasons in one source: strings that are given to something named reason, that such a thing is compared with or typed
 * as, members of types named …Reason or …Refusal, and first arguments of `rejected` and second ones of `#emit`.
 */
export function reasonsOf(text: string): readonly string[] {
  const source = ts.createSourceFile("source.ts", text, ts.ScriptTarget.Latest, true);
  const found = new Set<string>();
  const take = (node: ts.Node | undefined): void => {
    if (node === undefined) return;
    if (ts.isStringLiteral(node)) found.add(node.text);
    else if (ts.isLiteralTypeNode(node)) take(node.literal);
    else if (ts.isUnionTypeNode(node)) node.types.forEach(take);
    else if (ts.isConditionalExpression(node)) [node.whenTrue, node.whenFalse].forEach(take);
    else if (ts.isBinaryExpression(node) && node.operatorToken.kind === ts.SyntaxKind.QuestionQuestionToken)
      take(node.right);
    else if (ts.isParenthesizedExpression(node) || ts.isAsExpression(node)) take(node.expression);
  };
  const visit = (node: ts.Node): void => {
    if (
      (ts.isPropertyAssignment(node) || ts.isPropertySignature(node) || ts.isParameter(node)) &&
      node.name.getText() === "reason"
    ) {
      take(ts.isPropertyAssignment(node) ? node.initializer : node.type);
    } else if (ts.isTypeAliasDeclaration(node) && /(Reason|Refusal)$/.test(node.name.text)) take(node.type);
    else if (ts.isCallExpression(node)) {
      const callee = node.expression.getText();
      if (callee === "rejected") take(node.arguments[0]);
      if (callee.endsWith("#emit")) take(node.arguments[1]);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return [...found].sort();
}
