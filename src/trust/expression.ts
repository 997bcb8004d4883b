import { Environment, type ASTNode } from "@marcbachmann/cel-js";
import { compilePattern, type Pattern } from "./regular-expression.ts";

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
/** Steps that one evaluation may take: one for each round of a macro, and more for what is searched or compared. */
const maxSteps = 50_000;
const textPerStep = 256;
const entriesPerStep = 16;
/** Of a text that becomes a number or a time: parsing takes time that may grow with the square of it. */
const maxConverted = 256;

const macros: ReadonlySet<string> = new Set(["all", "exists", "exists_one", "filter", "map"]);
const methods: ReadonlySet<string> = new Set([
  ...macros,
  ...["matches", "contains", "size", "startsWith", "endsWith", "lowerAscii", "trim"],
  ...["getFullYear", "getMonth", "getDayOfMonth", "getHours", "getMinutes", "getSeconds"],
]);
const functions: ReadonlySet<string> = new Set([
  ...["size", "has", "int", "uint", "double", "string", "bool", "timestamp", "duration", "type"],
]);

const conversions: ReadonlySet<string> = new Set(["int", "uint", "double", "bool", "timestamp", "duration"]);

/**
 * Compiles one expression. What it costs is bounded by counting, not by a clock: each round of a macro and all that is
 * searched, compared or put together is counted while it runs, so that the same input always gives the same answer.
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
            return { state: "Failed", problem: shown(firstLine(error)) };
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

  /** Takes what it costs to go through a value to its depth. */
  weigh(value: unknown): void {
    const open = [value];
    while (open.length > 0) {
      const next = open.pop();
      if (typeof next === "string") this.take(next.length / textPerStep);
      if (typeof next !== "object" || next === null || next instanceof Date) continue;
      const entries: readonly unknown[] = Array.isArray(next) ? next : Object.values(next);
      this.take(entries.length / entriesPerStep);
      for (const entry of entries) open.push(entry);
    }
  }
}

function declared(environment: Environment): Environment {
  return environment
    .registerVariable("predicate", "dyn")
    .registerVariable("artifact", "map<string, string>")
    .registerVariable("now", "google.protobuf.Timestamp");
}

function instrumented(budget: Budget): Environment {
  const patterns = new Map<string, Pattern>();
  return declared(new Environment({ limits: { maxAstNodes: maxNodes * 8, maxDepth: maxDepth * 8 } }))
    .registerFunction("countedRange(dyn): dyn", (range: unknown) => {
      budget.take(1 + sizeOf(range));
      return range;
    })
    .registerFunction("weighed(dyn): dyn", (value: unknown) => {
      budget.weigh(value);
      return value;
    })
    .registerFunction("brief(dyn): dyn", (value: unknown) => {
      if (typeof value === "string" && value.length > maxConverted)
        throw new Error(`a text of more than ${maxConverted} characters is neither a number nor a time`);
      return value;
    })
    .registerFunction("string.countedMatches(string): bool", (text: string, literal: string) => {
      let pattern = patterns.get(literal);
      if (pattern === undefined) {
        pattern = patternOf(literal);
        patterns.set(literal, pattern);
      }
      // RE2 takes time in proportion to the text and to the pattern.
      budget.take(1 + (text.length * pattern.size) / textPerStep);
      return pattern.find(text);
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
      return `${node.args[0]}(${node.args[1].map((argument) => emitArgument(node.args[0], argument)).join(", ")})`;
    case "rcall":
      return emitMethod(node.args);
    case "||":
    case "&&":
      return `(${node.args.map(emit).join(` ${node.op} `)})`;
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
      return `(${node.args.map(weighed).join(` ${node.op} `)})`;
    case ".?":
    case "[?]":
      throw new Error(`the operator ${node.op} is not available here; ask with has(…) first`);
  }
}

function emitMethod([name, receiver, args]: readonly [string, ASTNode, readonly ASTNode[]]): string {
  if (!methods.has(name)) throw new Error(notAvailable(name));
  if (name === "matches") {
    const [argument] = args;
    // One of an attestation's could be so made that it takes long to compile.
    if (argument?.op !== "value" || typeof argument.args !== "string")
      throw new Error("the regular expression of matches must be written in the expression itself, in quotes");
    patternOf(argument.args);
    return `${weighed(receiver)}.countedMatches(${emit(argument)})`;
  }
  // All rounds are counted before the first: an error within a round does not end `all` and `exists`.
  if (macros.has(name)) return `countedRange(${emit(receiver)}).${name}(${args.map(emit).join(", ")})`;
  return `${weighed(receiver)}.${name}(${args.map(weighed).join(", ")})`;
}

function emitArgument(name: string, argument: ASTNode): string {
  // It asks for the name of a field, not for its value.
  if (name === "has") return emit(argument);
  return conversions.has(name) ? `brief(${emit(argument)})` : weighed(argument);
}

/** What was written in the expression is as short as that. */
function weighed(node: ASTNode): string {
  return node.op === "value" ? emit(node) : `weighed(${emit(node)})`;
}

function patternOf(literal: string): Pattern {
  const compiled = compilePattern(literal);
  if (!compiled.ok) throw new Error(compiled.problem);
  return compiled.pattern;
}

/** Of what a macro goes through: the elements of a list, the keys of a map. */
function sizeOf(range: unknown): number {
  if (Array.isArray(range)) return range.length;
  return Object.keys(range ?? {}).length;
}

function notAvailable(name: string): string {
  return `the function ${name} is not available here; available are ${[...functions, ...methods].sort().join(", ")}`;
}

function bad(problem: string | undefined): CompiledExpression {
  return { ok: false, problem: (problem ?? "it is not CEL").split("\n", 1)[0]?.slice(0, 512) ?? "" };
}

/** Parts of it may come from the attestation. */
function shown(problem: string): string {
  return problem.replace(/[^\x20-\x7e]/g, "?");
}

function firstLine(error: unknown): string {
  return (error instanceof Error ? error.message : String(error)).split("\n", 1)[0]?.slice(0, 512) ?? "";
}
