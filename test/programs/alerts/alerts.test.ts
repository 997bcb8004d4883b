import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { execa } from "execa";
import { parse, stringify } from "yaml";

const rules = fileURLToPath(new URL("../../../charts/mlsecops-operator/files/alerts.yaml", import.meta.url));

/** A test as promtool reads it; its name begins with the alert's. */
interface RuleTest {
  readonly name: string;
  readonly promql_expr_test: readonly { readonly exp_samples: readonly unknown[] }[];
}

/** The files beside this one also work by hand: promtool test rules FILE. */
describe("the alerts", () => {
  const tests = new Map<string, readonly RuleTest[]>();
  let scratch: string;

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "alerts-"));
    for (const file of await readdir(import.meta.dirname)) {
      if (!file.endsWith(".test.yaml")) continue;
      const text = await readFile(join(import.meta.dirname, file), "utf8");
      for (const one of (parse(text) as { tests: readonly RuleTest[] }).tests) {
        const [alert = ""] = one.name.split(" ");
        tests.set(alert, [...(tests.get(alert) ?? []), one]);
      }
    }
  });
  after(() => rm(scratch, { recursive: true }));

  it("are rules that Prometheus takes", async () => {
    const { stdout } = await execa("promtool", ["check", "rules", rules]);
    assert.match(stdout, /SUCCESS: \d+ rules found/);
  });

  it("all have tests, and no test is of anything else", async () => {
    assert.deepEqual([...tests.keys()].sort(), [...(await alertNames())].sort());
  });

  it("fire where they should and are quiet where they should be", async function () {
    // One process of promtool for each alert.
    this.timeout(120_000);
    for (const [alert, own] of tests) {
      const samples = own.map((one) => one.promql_expr_test.map(({ exp_samples }) => exp_samples.length));
      assert.ok(samples.flat().includes(1), `no test of ${alert} has it fire`);
      assert.ok(
        samples.some((counts) => counts.length > 0 && counts.every((count) => count === 0)),
        `no test of ${alert} has it quiet all the time`,
      );
      const file = join(scratch, `${alert}.yaml`);
      await writeFile(file, stringify({ rule_files: [rules], tests: own }, { aliasDuplicateObjects: false }));
      const { exitCode, stdout, stderr } = await execa("promtool", ["test", "rules", file], { reject: false });
      assert.equal(exitCode, 0, `${alert}\n${stdout}\n${stderr}`);
    }
  });
});

async function alertNames(): Promise<readonly string[]> {
  const { groups } = parse(await readFile(rules, "utf8")) as {
    groups: readonly { rules: readonly { alert: string }[] }[];
  };
  return groups.flatMap((group) => group.rules.map(({ alert }) => alert));
}
