import assert from "node:assert/strict";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { execa } from "execa";
import { stringify } from "yaml";

const file = new URL("../../../charts/mlsecops-operator/files/dashboard.json", import.meta.url);

interface Dashboard {
  readonly panels: readonly { readonly title: string; readonly targets?: readonly { readonly expr: string }[] }[];
}

describe("the dashboard", () => {
  let scratch: string;
  let queries: readonly { readonly title: string; readonly expr: string }[];

  before(async () => {
    scratch = await mkdtemp(join(tmpdir(), "dashboard-"));
    const { panels } = JSON.parse(await readFile(file, "utf8")) as Dashboard;
    queries = panels.flatMap(({ title, targets = [] }) =>
      targets.map(({ expr }) => ({
        title,
        // What Grafana puts in.
        expr: expr.replaceAll("$__rate_interval", "5m").replaceAll("$job", "operator"),
      })),
    );
  });
  after(() => rm(scratch, { recursive: true }));

  async function promtool(verb: "check" | "test", content: object) {
    const written = join(scratch, `${verb}.yaml`);
    await writeFile(written, stringify(content));
    return execa("promtool", [verb, "rules", written], { reject: false });
  }

  it("asks what Prometheus understands", async () => {
    const rules = queries.map(({ expr }, at) => ({ record: `panel:${at}`, expr }));
    const { exitCode, stdout, stderr } = await promtool("check", { groups: [{ name: "dashboard", rules }] });
    assert.equal(exitCode, 0, stderr);
    assert.match(stdout, new RegExp(`SUCCESS: ${rules.length} rules found`));
  });

  it("counts what all pods of the operator see once, and what each does as often as it is done", async () => {
    const exprOf = (wanted: string) => queries.find(({ title }) => title === wanted)?.expr;
    const series = (instance: string, metric: string, labels: string, values: string) => ({
      series: `${metric}{job="operator",instance="${instance}"${labels}}`,
      values,
    });
    const ready = (status: string, reason: string) =>
      `,kind="SecureModel",type="Ready",status="${status}",reason="${reason}"`;
    const input = ["a", "b"].flatMap((instance) => [
      series(instance, "mlsecops_conditions", ready("True", "Serving"), "3x60"),
      series(instance, "mlsecops_conditions", ready("False", "RollingOut"), "1x60"),
      series(instance, "mlsecops_conditions", ready("False", "NoSignature"), "1x60"),
      series(instance, "mlsecops_models_quarantined", "", "2x60"),
      series(instance, "mlsecops_api_requests_total", ',verb="get",resource="pods",code="200"', "0+60x60"),
      series(instance, "mlsecops_trust_earliest_expiry_timestamp_seconds", "", "7200x60"),
    ]);
    const promql_expr_test = [
      { title: "SecureModels by Ready", samples: { '{status="True"}': 3, '{status="False"}': 2 } },
      { title: "Quarantined", samples: { "{}": 2 } },
      { title: "API requests", samples: { '{code="200"}': 2 } },
      { title: "First end of trust", samples: { "{}": 3600 } },
    ].map(({ title, samples }) => ({
      expr: exprOf(title),
      eval_time: "60m",
      exp_samples: Object.entries(samples).map(([labels, value]) => ({ labels, value })),
    }));
    const { exitCode, stdout, stderr } = await promtool("test", {
      tests: [{ interval: "1m", input_series: input, promql_expr_test }],
    });
    assert.equal(exitCode, 0, `${stdout}\n${stderr}`);
  });
});
