import assert from "node:assert/strict";
import fc from "fast-check";
import { noPaint, paintFor } from "../../../../src/cli/render/colour.ts";
import { pairs, table } from "../../../../src/cli/render/table.ts";
import { plain } from "../../../../src/cli/render/text.ts";
import { node, tree } from "../../../../src/cli/render/tree.ts";

describe("tables and trees", () => {
  it("a table has a column for each heading, and - for what is empty", () => {
    assert.equal(
      table(
        ["A", "LONG"],
        [
          ["first", ""],
          ["x", "y"],
        ],
        noPaint,
      ),
      "A      LONG\nfirst  -\nx      y\n",
    );
    assert.equal(
      pairs(
        [
          ["a", "1"],
          ["long", { text: "2", mood: "good" }],
        ],
        noPaint,
      ),
      "a     1\nlong  2\n",
    );
  });

  it("a tree is read from top to bottom", () => {
    const root = node("root", "plain", [node("a", "good", [node("b", "bad")]), node("c", "unknown")]);
    assert.equal(tree(root, noPaint), "root\n├─ [ok] a\n│  └─ [no] b\n└─ [??] c\n");
  });

  it("colours are for a terminal that wants them", () => {
    const terminal = { out: true, err: true };
    assert.equal(paintFor({ terminal, env: {} })("x", "bad"), "\u001b[31mx\u001b[0m");
    for (const env of [{ NO_COLOR: "1" }, { TERM: "dumb" }]) assert.equal(paintFor({ terminal, env })("x", "bad"), "x");
    assert.equal(paintFor({ terminal: { out: false, err: true }, env: {} })("x", "bad"), "x");
    assert.equal(paintFor({ terminal, env: { NO_COLOR: "" } })("x", "plain"), "x");
  });

  it("nothing of what others wrote acts on the terminal", () => {
    const text = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(text, text, (a, b) => {
        const shown = tree(node(a, "plain", [node(b)]), noPaint) + table(["H"], [[a]], noPaint);
        // eslint-disable-next-line no-control-regex -- they are what must not be there
        assert.doesNotMatch(shown, /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/);
        assert.equal(shown.split("\n").length, 5);
      }),
    );
    assert.equal(plain("a\u001b[31mb\nc"), "a [31mb c");
  });
});
