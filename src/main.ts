import { createLogger } from "./kube/index.ts";
import { type Options, readOptions } from "./operator/options.ts";
import { runOperator } from "./operator/operator.ts";

const stop = new AbortController();
for (const signal of ["SIGTERM", "SIGINT"] as const) process.once(signal, () => stop.abort());

let options: Options;
try {
  options = readOptions(process.argv.slice(2));
} catch (error) {
  process.stderr.write(`mlsecops-operator: ${error instanceof Error ? error.message : String(error)}\n`);
  process.exit(2);
}
const log = createLogger({ level: options.logLevel });
try {
  await runOperator(options, log, stop.signal);
} catch (error) {
  log.fatal({ err: error }, "the operator cannot go on");
  process.exitCode = 1;
}
// The lease may be lost while requests are under way: whoever starts this process starts it again with fresh knowledge.
process.exit();
