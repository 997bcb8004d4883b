import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { chartPage } from "../../../src/generate/chart-page.ts";
import { chartValues } from "../../../src/generate/chart-values.ts";

const values = new URL("../../../charts/mlsecops-operator/values.yaml", import.meta.url);

describe("what is said of the chart's values", () => {
  it("is what stands above each of them", () => {
    const found = chartValues(
      [
        "# How many.",
        "replicas: 1",
        "",
        "# Where from.",
        "image:",
        "  # Without a tag.",
        '  repository: "a"',
        "  # Of the image,",
        "  # or nothing.",
        '  digest: ""',
        "# As in a pod.",
        "resources: {limits: {memory: 1Gi}}",
      ].join("\n"),
    );
    assert.deepEqual(found, [
      { path: "replicas", default: "1", meaning: "How many." },
      { path: "image", default: undefined, meaning: "Where from." },
      { path: "image.repository", default: '"a"', meaning: "Without a tag." },
      { path: "image.digest", default: '""', meaning: "Of the image, or nothing." },
      { path: "resources", default: '{"limits":{"memory":"1Gi"}}', meaning: "As in a pod." },
    ]);
  });

  it("is missing of none", () => {
    assert.throws(() => chartValues("a: 1"), /values\.yaml: a has no comment/);
    assert.throws(() => chartValues("a:\n  # One.\n  b: 1\n  c: 2"), /values\.yaml: a\.c has no comment/);
  });

  it("is no YAML that cannot be read", () => {
    assert.throws(() => chartValues("a: ["));
    assert.throws(() => chartValues("- a"), /values\.yaml is no map/);
  });

  it("is a row of a table, of every value of the chart", async () => {
    const text = await readFile(values, "utf8");
    const page = chartPage(text);
    assert.match(page, /^\| `replicas` +\| `1` +\| How many pods run/m);
    assert.equal(page.match(/^\| `/gm)?.length, chartValues(text).length);
    assert.match(chartPage("# One of a|b, <c>.\na: 1"), /One of a\\\|b, &lt;c>\./);
  });
});
