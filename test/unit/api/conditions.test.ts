import assert from "node:assert/strict";
import { read } from "./markdown.ts";
import { reasonsInSource, reasonsOf } from "./reasons.ts";

const page = "docs/reference/conditions.md";

describe("the page of conditions and reasons", () => {
  it("explains every reason that the source gives, and no other", async () => {
    const rows = (await read(page)).matchAll(/^\| `([A-Z][A-Za-z]+)` +\|/gm);
    const documented = new Set([...rows].map(([, reason = ""]) => reason));
    const given = await reasonsInSource();
    const missing = [...given].filter(([reason]) => !documented.has(reason)).map((entry) => entry.join(" in "));
    const invented = [...documented].filter((reason) => !given.has(reason));
    assert.ok(given.size > 40, `only ${given.size} reasons were found in the source`);
    assert.deepEqual({ missing, invented }, { missing: [], invented: [] });
  });

  it("explains every reason that the other pages name in a decision tree", async () => {
    const documented = await read(page);
    const tree = await read("docs/guide/troubleshooting.md");
    const named = [...tree.matchAll(/reason -- "([^"]+)"/g)].flatMap(([, list = ""]) => list.split("<br/>"));
    assert.ok(named.length > 15);
    assert.deepEqual(
      named.filter((reason) => !documented.includes(`| \`${reason}\``)),
      [],
    );
  });

  it("finds reasons however they are written", () => {
    const source = `
      type MyReason = "A" | "B";
      interface X { readonly reason: "C" | "D" }
      const x = { reason: "E" }, y = { reason: z ? "F" : "G" }, w = { reason: v?.reason ?? "H" };
      function f(reason: "I") { rejected("J", "message"); this.#emit("Normal", "K", "message"); }
      const other = { type: "L" };
    `;
    assert.deepEqual(reasonsOf(source), ["A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K"]);
  });
});
