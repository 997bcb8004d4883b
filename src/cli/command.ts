import { parseArgs } from "node:util";
import type { Io } from "./io.ts";
import { UsageError } from "./usage-error.ts";

/** What the shell offers for a value. */
export type Completion = "file" | "directory" | readonly string[];

export interface Option {
  readonly type: "string" | "boolean";
  readonly short?: string;
  readonly multiple?: true;
  /** What stands for the value in the help, such as FILE. */
  readonly value?: string;
  readonly default?: string;
  readonly required?: true;
  readonly choices?: readonly string[];
  readonly matches?: RegExp;
  readonly complete?: Completion;
  readonly help: string;
}

export type Options = Readonly<Record<string, Option>>;

type Value<T extends Option> = T["type"] extends "boolean"
  ? boolean
  : T extends { readonly multiple: true }
    ? readonly string[]
    : T extends { readonly default: string } | { readonly required: true }
      ? string
      : string | undefined;
export type Values<O extends Options> = { readonly [K in keyof O]: Value<O[K]> };

export interface Positional {
  readonly name: string;
  readonly help: string;
  readonly choices?: readonly string[];
  /** Only what comes last may be left out. */
  readonly optional?: true;
}

export interface Exit {
  readonly status: number;
  readonly meaning: string;
}

export interface Invocation<O extends Options> {
  readonly values: Values<O>;
  readonly positionals: readonly string[];
  /** An error of the command line, with this command's help. */
  readonly wrong: (message: string) => UsageError;
}

export interface CommandDefinition<O extends Options> {
  readonly name: string;
  readonly summary: string;
  readonly about: string;
  readonly positionals: readonly Positional[];
  readonly options: O;
  readonly exits: readonly Exit[];
  readonly run: (invocation: Invocation<O>, io: Io) => Promise<number>;
}

/** A command as the program, the completion scripts and the reference see it. */
export interface Command {
  readonly name: string;
  readonly summary: string;
  readonly about: string;
  readonly positionals: readonly Positional[];
  readonly options: Options;
  readonly exits: readonly Exit[];
  readonly usage: string;
  /** @throws UsageError when the command line is wrong. */
  readonly run: (args: readonly string[], io: Io) => Promise<number>;
}

const help: Option = { type: "boolean", short: "h", help: "print this" };
/** Of every command, besides its own. */
const commonExits: readonly Exit[] = [
  { status: 2, meaning: "the command line is wrong" },
  { status: 4, meaning: "this program failed" },
];

export function defineCommand<const O extends Options>(definition: CommandDefinition<O>): Command {
  const { name, summary, about, positionals, run } = definition;
  const options = { ...definition.options, help };
  const exits = [...definition.exits, ...commonExits].sort((a, b) => a.status - b.status);
  const usage = usageOf({ name, about, positionals, options, exits });
  return {
    ...{ name, summary, about, positionals, options, exits, usage },
    run: async (args, io) => {
      const parsed = parse(args, { positionals, options, usage });
      if (parsed === "help") {
        io.out(usage);
        return 0;
      }
      const wrong = (message: string) => new UsageError(message, usage);
      return run({ ...(parsed as Omit<Invocation<O>, "wrong">), wrong }, io);
    },
  };
}

interface Grammar {
  readonly positionals: readonly Positional[];
  readonly options: Options;
  readonly usage: string;
}

type Parsed = { readonly values: Record<string, unknown>; readonly positionals: readonly string[] } | "help";

function parse(args: readonly string[], { positionals: wanted, options, usage }: Grammar): Parsed {
  const wrong = (message: string) => new UsageError(message, usage);
  const { values, positionals } = read(args, options, usage);
  if (values["help"] === true) return "help";
  for (const [name, option] of Object.entries(options)) {
    const value = values[name];
    if (value === undefined) {
      if (option.required === true) throw wrong(`give --${name} ${option.value ?? ""}`.trimEnd());
      values[name] = option.type === "boolean" ? false : option.multiple === true ? [] : option.default;
    } else if (option.choices !== undefined && typeof value === "string" && !option.choices.includes(value)) {
      throw wrong(`--${name} ${value}: write ${option.choices.join(" or ")}`);
    }
    if (option.matches !== undefined && typeof value === "string" && !option.matches.test(value))
      throw wrong(`--${name} ${value}: this is no ${option.value ?? "value"}`);
  }
  const [missing] = wanted.slice(positionals.length);
  if (missing !== undefined && missing.optional !== true) throw wrong(`give ${missing.name}: ${missing.help}`);
  const [extra] = positionals.slice(wanted.length);
  if (extra !== undefined) throw wrong(`Unexpected argument '${extra}'`);
  for (const [index, { name, choices }] of wanted.entries()) {
    const given = positionals[index];
    if (given !== undefined && choices !== undefined && !choices.includes(given))
      throw wrong(`${name} ${given}: write ${choices.join(" or ")}`);
  }
  return { values, positionals };
}

function read(args: readonly string[], options: Options, usage: string) {
  try {
    const table = Object.fromEntries(
      Object.entries(options).map(([name, { type, short, multiple }]) => [
        name,
        { type, ...(short === undefined ? {} : { short }), ...(multiple === undefined ? {} : { multiple }) },
      ]),
    );
    const { values, positionals } = parseArgs({ args: [...args], options: table, allowPositionals: true });
    return { values: values as Record<string, unknown>, positionals };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), usage);
  }
}

function usageOf({
  name,
  about,
  positionals,
  options,
  exits,
}: Pick<Command, "name" | "about" | "positionals" | "options" | "exits">): string {
  const required = Object.entries(options).filter(([, option]) => option.required === true);
  const words = [
    ...positionals.map(wordOf),
    ...required.map(([option, { value = "" }]) => `--${option} ${value}`),
    "[OPTION...]",
  ];
  const rows = [
    ...positionals.map((positional) => [positional.name, positional.help]),
    ...Object.entries(options).map(([option, spec]) => [optionName(option, spec), optionHelp(spec)]),
  ];
  const width = Math.max(...rows.map(([left = ""]) => left.length));
  const lines = rows.map(([left = "", right = ""]) => `  ${left.padEnd(width)}  ${right}`);
  const statuses = exits.map(({ status, meaning }) => `  ${status}  ${meaning}`);
  return [
    `usage: mlsecops ${name} ${words.join(" ")}`,
    "",
    about,
    "",
    ...lines,
    "",
    "Exit status:",
    ...statuses,
    "",
  ].join("\n");
}

function wordOf({ name, choices, optional }: Positional): string {
  const word = choices?.join("|") ?? name;
  return optional === true ? `[${word}]` : word;
}

/** As it is typed: `-n, --namespace NAME`. */
export function optionName(name: string, { short, value }: Option): string {
  return `${short === undefined ? "" : `-${short}, `}--${name}${value === undefined ? "" : ` ${value}`}`;
}

export function optionHelp({ help: text, default: preset, multiple }: Option): string {
  return `${text}${multiple === true ? "; may be given more than once" : ""}${preset === undefined ? "" : ` (default: ${preset})`}`;
}
