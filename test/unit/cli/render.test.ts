import assert from "node:assert/strict";
import { render } from "../../../src/cli/preflight/render.ts";

describe("the preflight's table", () => {
  it("has a line for each check, and what to do below those that are not ok", () => {
    const text = render([
      { name: "one", outcome: "ok", message: "is there", remedy: "not shown" },
      { name: "second", outcome: "lacking", message: "is not", remedy: "install it" },
      { name: "third", outcome: "unknown", message: "no answer" },
    ]);
    assert.equal(
      text,
      [
        "  one     ok           is there",
        "  second  LACKING      is not",
        "                       -> install it",
        "  third   cannot tell  no answer",
        "",
        "1 ok, 1 lacking, 1 cannot be told",
        "",
      ].join("\n"),
    );
  });
});
