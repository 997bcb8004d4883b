/** The command `mlsecops`: node src/cli/main.ts COMMAND. */
import { run } from "./run.ts";

const status = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
});
// kubernetes-fluent-client keeps the connection of each call open for ten minutes.
process.exit(status);
