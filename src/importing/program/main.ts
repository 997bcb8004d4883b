// The program of an import Job: main.ts PLAN [CA]. It says how it went in its termination message, which is all that anybody
// reads of it, and in its exit code.
import { writeFileSync } from "node:fs";
import { systemClock } from "../../kube/index.ts";
import { ImportPlan, type ImportResult, exitCodes, paths } from "../plan.ts";
import { runImport } from "./run.ts";

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());

let result: ImportResult;
try {
  const plan = ImportPlan.parse(JSON.parse(process.argv[2] ?? ""));
  const { volume, secret, login, scratch } = paths;
  const around = { volume, secret, login, scratch, caBundle: process.argv[3], clock: systemClock, signal: stop.signal };
  result = await runImport(plan, around);
} catch (error) {
  // What was not foreseen may hold anything, so only its kind is told.
  const kind =
    error instanceof Error ? `${error.name}${"code" in error ? ` ${String(error.code)}` : ""}` : typeof error;
  result = { outcome: "Failed", reason: "SourceUnavailable", message: `the import ended with ${kind}` };
}
const text = JSON.stringify(result);
process.stdout.write(`${text}\n`);
writeFileSync(paths.result, text);
if (result.outcome !== "Failed") process.exitCode = exitCodes.done;
else {
  const isPassing = ["SourceUnavailable", "SourceMoved", "RegistryUnavailable"].includes(result.reason);
  process.exitCode = isPassing ? exitCodes.retry : exitCodes.final;
}
