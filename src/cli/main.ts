/** The command `mlsecops`: node src/cli/main.ts COMMAND. */
import { run } from "./run.ts";

// What nobody could read has not been said.
process.stdout.on("error", () => process.exit(4));
const status = await run(process.argv.slice(2), {
  out: (text) => process.stdout.write(text),
  err: (text) => process.stderr.write(text),
  terminal: { out: process.stdout.isTTY, err: process.stderr.isTTY },
});
// kubernetes-fluent-client keeps the connection of each call open for ten minutes.
await new Promise((resolve) => process.stdout.write("", resolve));
process.exit(status);
