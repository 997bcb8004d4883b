import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { commands } from "../../../src/cli/commands.ts";
import { referencePage } from "../../../src/cli/reference/page.ts";
import { shapes } from "../../../src/cli/reference/shapes.ts";

const root = new URL("../../../", import.meta.url);

describe("the reference of the command line", () => {
  it("is what the code says; else call make generate", async () => {
    assert.equal(await readFile(new URL("docs/reference/cli.md", root), "utf8"), referencePage(commands, shapes));
  });

  it("has an exit status for each way a command ends, each once", () => {
    for (const { name, exits } of commands.filter((command) => command.name !== "audit")) {
      const statuses = exits.map(({ status }) => status);
      assert.deepEqual(statuses, [...new Set(statuses)].toSorted(), name);
      for (const status of [0, 2, 4]) assert.ok(statuses.includes(status), `${name} ${status}`);
    }
  });

  it("shows the shape of what every command with -o json prints", () => {
    const printing = commands.filter(
      ({ name, options }) => "output" in options && !["audit", "version"].includes(name),
    );
    assert.deepEqual(shapes.map(({ command }) => command).toSorted(), printing.map(({ name }) => name).toSorted());
  });
});
