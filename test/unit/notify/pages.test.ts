import assert from "node:assert/strict";
import { MODEL_EVENT_TYPES, ModelEvent, ModelEventData } from "../../../src/api/index.ts";
import { read } from "../api/markdown.ts";

/** The first column of a table, by its heading. */
function column(page: string, heading: string): readonly string[] {
  const table = page.slice(page.indexOf(`| ${heading} `)).split("\n\n", 1)[0] ?? "";
  return table
    .split("\n")
    .slice(2)
    .map((row) => /^\| `([^`]+)`/.exec(row)?.[1] ?? row);
}

describe("the page of events", () => {
  it("has every type, attribute and field, in their order, and no other", async () => {
    const page = await read("docs/reference/events.md");
    assert.deepEqual(column(page, "type"), MODEL_EVENT_TYPES);
    assert.deepEqual(column(page, "attribute"), Object.keys(ModelEvent.shape));
    assert.deepEqual(column(page, "field of `data`"), Object.keys(ModelEventData.shape));
  });
});
