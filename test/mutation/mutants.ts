import ts from "typescript";

/** One change of a source text that a test should notice. */
export interface Mutant {
  readonly line: number;
  readonly what: string;
  readonly text: string;
}

const swapped: ReadonlyMap<ts.SyntaxKind, string> = new Map([
  [ts.SyntaxKind.AmpersandAmpersandToken, "||"],
  [ts.SyntaxKind.BarBarToken, "&&"],
  [ts.SyntaxKind.EqualsEqualsEqualsToken, "!=="],
  [ts.SyntaxKind.ExclamationEqualsEqualsToken, "==="],
  [ts.SyntaxKind.LessThanToken, "<="],
  [ts.SyntaxKind.LessThanEqualsToken, "<"],
  [ts.SyntaxKind.GreaterThanToken, ">="],
  [ts.SyntaxKind.GreaterThanEqualsToken, ">"],
]);
const methods: ReadonlyMap<string, string> = new Map([
  ["some", "every"],
  ["every", "some"],
  ["min", "max"],
  ["max", "min"],
]);

/**
 * What goes wrong when a guard is missing: an `if` without `else` taken away, a comparison or a connective turned, a filter
 * that lets all through, `some` for `every`. Types are not looked at: they are stripped before a test runs.
 */
export function mutantsOf(text: string): readonly Mutant[] {
  const source = ts.createSourceFile("mutated.ts", text, ts.ScriptTarget.ESNext, true);
  const mutants: Mutant[] = [];
  const replace = (node: ts.Node, by: string, what: string): void => {
    const line = source.getLineAndCharacterOfPosition(node.getStart()).line + 1;
    mutants.push({ line, what, text: text.slice(0, node.getStart()) + by + text.slice(node.getEnd()) });
  };
  const visit = (node: ts.Node): void => {
    // Names of types are no code.
    if (ts.isTypeNode(node) || ts.isInterfaceDeclaration(node) || ts.isImportDeclaration(node)) return;
    if (ts.isIfStatement(node) && node.elseStatement === undefined) replace(node, ";", `no ${shown(node)}`);
    if (ts.isConditionalExpression(node)) {
      replace(node.condition, `!(${node.condition.getText()})`, `not ${shown(node.condition)}`);
    }
    if (ts.isBinaryExpression(node)) {
      const by = swapped.get(node.operatorToken.kind);
      if (by !== undefined) replace(node.operatorToken, by, `${by} in ${shown(node)}`);
    }
    if (ts.isCallExpression(node) && ts.isPropertyAccessExpression(node.expression)) {
      const { name, expression } = node.expression;
      const by = methods.get(name.text);
      if (by !== undefined) replace(name, by, `${by} in ${shown(node)}`);
      if (name.text === "filter") replace(node, `[...${expression.getText()}]`, `all of ${shown(node)}`);
    }
    ts.forEachChild(node, visit);
  };
  visit(source);
  return mutants;
}

function shown(node: ts.Node): string {
  return node.getText().replace(/\s+/g, " ").slice(0, 90);
}
