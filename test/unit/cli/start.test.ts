import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join, relative, resolve } from "node:path";

const root = resolve(import.meta.dirname, "../../..");

/** What is loaded with a file, before anything of it runs. Types are gone by then, and `import()` comes later. */
async function loadedWith(file: string, found = new Set<string>()): Promise<ReadonlySet<string>> {
  found.add(file);
  const text = await readFile(file, "utf8");
  for (const [, clause = "", from = ""] of text.matchAll(/^(?:import|export) ([^;]*?)from "([^"]+)";$/gm)) {
    if (clause.startsWith("type ") || from.startsWith("node:")) continue;
    const next = from.startsWith(".") ? join(file, "..", from) : from;
    if (!next.startsWith("/")) found.add(next);
    else if (!found.has(next)) await loadedWith(next, found);
  }
  return found;
}

describe("the start of mlsecops", () => {
  it("loads what declares the commands, and nothing of what they do", async () => {
    const loaded = [...(await loadedWith(join(root, "src/cli/main.ts")))].map((file) =>
      file.startsWith("/") ? relative(root, file) : file,
    );
    assert.ok(loaded.includes("src/cli/explain/command.ts"), loaded.join(", "));
    const light = /^src\/(cli\/([a-z-]+|[a-z]+\/command|completion\/[a-z]+|render\/json)|operator\/version)\.ts$/;
    assert.deepEqual(
      loaded.filter((file) => !light.test(file) || file === "src/cli/cluster.ts"),
      [],
    );
  });
});
