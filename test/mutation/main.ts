import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { mutantsOf, type Mutant } from "./mutants.ts";

/** The files of src/trust that decide, and the unit tests that should notice when one of them decides otherwise. */
const testsOf: Readonly<Record<string, readonly string[]>> = {
  decide: ["opinion", "decide", "exception"],
  opinion: ["opinion", "formats", "decide"],
  vouching: ["opinion", "decide"],
  threshold: ["threshold", "opinion"],
  "carry-over": ["opinion", "decide"],
  standing: ["decide"],
  term: ["opinion", "decide"],
  identity: ["identity", "policies"],
  policies: ["policies", "opinion"],
  "certificate-check": ["certificate-check", "fact-finder"],
  "certificate-identity": ["certificate-identity", "certificate-check"],
  "revocation-list": ["certificate-check", "opinion"],
  bundle: ["bundle", "certificate-check"],
  dsse: ["bundle", "certificate-check"],
  "fact-finder": ["fact-finder"],
  expression: ["expression"],
  freshness: ["freshness"],
  "gather-attached": ["gather-attached"],
};

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    every: { type: "string", default: "1" },
    minutes: { type: "string", default: "20" },
    skip: { type: "string", default: "0" },
  },
});
const root = resolve(import.meta.dirname, "../..");
const names = positionals.length > 0 ? positionals : Object.keys(testsOf);
const every = Number(values.every);
const end = Date.now() + Number(values.minutes) * 60_000;
const processes = 2;
const timeoutMs = 120_000;

interface Job extends Mutant {
  readonly file: string;
}

type Outcome = "killed" | "survived" | "timeout";

/** A copy of the sources in which one mutant at a time takes the place of a file. */
function sandbox(): string {
  const directory = mkdtempSync(join(tmpdir(), "mutation-"));
  for (const part of ["src", "test/unit/trust", "test/vectors", "test/support", "package.json", ".mocharc.yaml"]) {
    cpSync(join(root, part), join(directory, part), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(directory, "node_modules"));
  return directory;
}

function run(directory: string, mutated: string): Promise<Outcome> {
  const child = spawn(
    process.execPath,
    [
      "node_modules/mocha/bin/mocha.js",
      "--bail",
      "--no-parallel",
      ...(testsOf[mutated] ?? [mutated]).map((test) => `test/unit/trust/${test}.test.ts`),
    ],
    { cwd: directory, stdio: "ignore" },
  );
  return new Promise((done) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), timeoutMs);
    child.on("exit", (code, signal) => {
      clearTimeout(timer);
      done(signal === null ? (code === 0 ? "survived" : "killed") : "timeout");
    });
  });
}

async function work(jobs: Job[], counts: Record<Outcome, number>): Promise<void> {
  const directory = sandbox();
  try {
    for (let job = jobs.shift(); job !== undefined && Date.now() < end; job = jobs.shift()) {
      const path = join("src/trust", `${job.file}.ts`);
      const original = readFileSync(join(root, path), "utf8");
      writeFileSync(join(directory, path), job.text);
      const outcome = await run(directory, job.file);
      writeFileSync(join(directory, path), original);
      counts[outcome]++;
      if (outcome !== "killed") console.log(`${outcome}  ${path}:${job.line}  ${job.what}`);
    }
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const all = names.flatMap((name) => {
  const file = basename(name, ".ts");
  return mutantsOf(readFileSync(join(root, "src/trust", `${file}.ts`), "utf8")).map((mutant): Job => ({
    ...mutant,
    file,
  }));
});
// In an order of no meaning, the same each time: where the time ends first, it is a sample of all files, and --skip goes on.
const place = ({ file, line, what }: Job): string =>
  createHash("sha256").update(`${file} ${line} ${what}`).digest("hex");
const jobs = all
  .filter((_, at) => at % every === 0)
  .sort((a, b) => (place(a) < place(b) ? -1 : 1))
  .slice(Number(values.skip));
const counts: Record<Outcome, number> = { killed: 0, survived: 0, timeout: 0 };
await Promise.all(Array.from({ length: processes }, () => work(jobs, counts)));
const tried = counts.killed + counts.survived + counts.timeout;
console.log(
  `${tried} of ${all.length} mutants tried: ${counts.killed} killed, ${counts.timeout} by running too long, ${counts.survived} survived`,
);
process.exitCode = counts.survived > 0 ? 1 : 0;
