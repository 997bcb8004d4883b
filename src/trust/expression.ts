import { Environment, type ASTNode } from "@marcbachmann/cel-js";
import { compilePattern } from "./regular-expression.ts";

/** What an expression sees. */
export interface ExpressionInput {
  /** Plain JSON: what `readPredicate` let through. */
  readonly predicate: unknown;
  readonly artifact: { readonly name: string; readonly digest: string };
  readonly now: Date;
}

export type ExpressionResult =
  | { readonly state: "True" }
  | { readonly state: "False" }
  /** It has no value on this input; that is not true. */
  | { readonly state: "Failed"; readonly problem: string };

/** A condition over an attestation: CEL without what could run for long. */
export interface Expression {
  readonly text: string;
  readonly evaluate: (input: ExpressionInput) => ExpressionResult;
}

export type CompiledExpression =
  { readonly ok: true; readonly expression: Expression } | { readonly ok: false; readonly problem: string };

const maxNodes = 256;
const maxDepth = 24;
/** Steps that one evaluation may take: one for each round of a macro, and more for each search through a text. */
const maxSteps = 50_000;
const textPerStep = 256;

const macros: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter", "map"]);
/** Searching takes time that grows with the text, so it is counted; `matches` is RE2, not a backtracking engine. */
const counted: ReadonlyMap<string, string> = new Map([
  ["matches", "countedMatches"],
  ["contains", "countedContains"],
]);
const methods: ReadonlySet<string> = new Set([
  ...macros,
  ...counted.keys(),
  ...["size", "startsWith", "endsWith", "lowerAscii", "trim"],
  ...["getFullYear", "getMonth", "getDayOfMonth", "getHours", "getMinutes", "getSeconds"],
]);
const functions: ReadonlySet<string> = new Set([
  ...["size", "has", "int", "uint", "double", "string", "bool", "timestamp", "duration", "type"],
]);

/**
 * Compiles one expression. What it costs is bounded by counting, not by a clock: each round of a macro and each search is
 * counted while it runs, so that the same input always gives the same answer.
 */
export function compileExpression(text: string): CompiledExpression {
  try {
    const plain = declared(new Environment({ limits: { maxAstNodes: maxNodes, maxDepth } }));
    const parsed = plain.parse(text);
    const checked = parsed.check();
    if (!checked.valid) return bad(checked.error?.message);
    if (checked.type !== "bool" && checked.type !== "dyn") {
      return { ok: false, problem: `the expression gives ${String(checked.type)}; write one that is true or false` };
    }
    const budget = new Budget();
    const counting = instrumented(budget).parse(emit(parsed.ast));
    return {
      ok: true,
      expression: {
        text,
        evaluate(input) {
          budget.refill();
          try {
            const value: unknown = counting({ ...input });
            if (typeof value === "boolean") return { state: value ? "True" : "False" };
            return { state: "Failed", problem: "it is neither true nor false for this attestation" };
          } catch (error) {
            return { state: "Failed", problem: firstLine(error) };
          }
        },
      },
    };
  } catch (error) {
    return bad(firstLine(error));
  }
}

class Budget {
  #left = 0;

  refill(): void {
    this.#left = maxSteps;
  }

  take(steps: number): void {
    this.#left -= steps;
    if (this.#left < 0) throw new Error(`it takes more than ${maxSteps} steps on this attestation`);
  }
}

function declared(environment: Environment): Environment {
  return environment
    .registerVariable("predicate", "dyn")
    .registerVariable("artifact", "map<string, string>")
    .registerVariable("now", "google.protobuf.Timestamp");
}

function instrumented(budget: Budget): Environment {
  const patterns = new Map<string, (text: string) => boolean>();
  return declared(new Environment({ limits: { maxAstNodes: maxNodes * 8, maxDepth: maxDepth * 8 } }))
    .registerFunction("countedRange(dyn): dyn", (range: unknown) => {
      budget.take(1 + sizeOf(range));
      return range;
    })
    .registerFunction("string.countedContains(string): bool", (text: string, part: string) => {
      budget.take(1 + text.length / textPerStep);
      return text.includes(part);
    })
    .registerFunction("string.countedMatches(string): bool", (text: string, pattern: string) => {
      // RE2 takes time in proportion to the text and to the pattern.
      budget.take(1 + (text.length * (1 + pattern.length)) / textPerStep);
      let find = patterns.get(pattern);
      if (find === undefined) {
        const compiled = compilePattern(pattern);
        if (!compiled.ok) throw new Error(compiled.problem);
        find = compiled.pattern.find;
        // A pattern may come from the attestation.
        if (patterns.size < 64) patterns.set(pattern, find);
      }
      return find(text);
    });
}

/** The expression once more as text: only what is known here, in brackets throughout, with the counting put in. */
function emit(node: ASTNode): string {
  switch (node.op) {
    case "value":
      // As it was written: no number is rounded on the way.
      return `(${node.input.slice(node.start, node.end)})`;
    case "id":
      return node.args;
    case ".":
      return `${emit(node.args[0])}.${node.args[1]}`;
    case "[]":
      return `${emit(node.args[0])}[${emit(node.args[1])}]`;
    case "list":
      return `[${node.args.map(emit).join(", ")}]`;
    case "map":
      return `{${node.args.map(([key, value]) => `${emit(key)}: ${emit(value)}`).join(", ")}}`;
    case "?:":
      return `(${emit(node.args[0])} ? ${emit(node.args[1])} : ${emit(node.args[2])})`;
    case "!_":
      return `!(${emit(node.args)})`;
    case "-_":
      return `-(${emit(node.args)})`;
    case "call":
      if (!functions.has(node.args[0])) throw new Error(notAvailable(node.args[0]));
      return `${node.args[0]}(${node.args[1].map(emit).join(", ")})`;
    case "rcall":
      return emitMethod(node.args);
    case "!=":
    case "==":
    case "in":
    case "+":
    case "-":
    case "*":
    case "/":
    case "%":
    case "<":
    case "<=":
    case ">":
    case ">=":
    case "||":
    case "&&":
      return `(${node.args.map(emit).join(` ${node.op} `)})`;
    case ".?":
    case "[?]":
      throw new Error(`the operator ${node.op} is not available here; ask with has(…) first`);
  }
}

function emitMethod([name, receiver, args]: readonly [string, ASTNode, readonly ASTNode[]]): string {
  if (!methods.has(name)) throw new Error(notAvailable(name));
  const [argument] = args;
  if (name === "matches" && argument?.op === "value" && typeof argument.args === "string") {
    const pattern = compilePattern(argument.args);
    if (!pattern.ok) throw new Error(pattern.problem);
  }
  // All rounds are counted before the first: an error within a round does not end `all` and `exists`.
  const on = macros.has(name) ? `countedRange(${emit(receiver)})` : emit(receiver);
  return `${on}.${counted.get(name) ?? name}(${args.map(emit).join(", ")})`;
}

/** Of what a macro goes through: the elements of a list, the keys of a map. */
function sizeOf(range: unknown): number {
  if (Array.isArray(range)) return range.length;
  return typeof range === "object" && range !== null ? Object.keys(range).length : 0;
}

function notAvailable(name: string): string {
  return `the function ${name} is not available here; available are ${[...functions, ...methods].sort().join(", ")}`;
}

function bad(problem: string | undefined): CompiledExpression {
  return { ok: false, problem: (problem ?? "it is not CEL").split("\n", 1)[0]?.slice(0, 512) ?? "" };
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]?.slice(0, 512) ?? "";
}
