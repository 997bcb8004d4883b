import assert from "node:assert/strict";
import { decide, exitStatus } from "../../../../src/cli/reach/decide.ts";
import type { Facts } from "../../../../src/cli/reach/gather.ts";
import { render } from "../../../../src/cli/reach/render.ts";
import { ReachReport } from "../../../../src/cli/reach/schema.ts";
import { noPaint } from "../../../../src/cli/render/colour.ts";
import { run } from "../../../../src/cli/run.ts";
import { parseFrom, parseTo } from "../../../../src/reach/index.ts";
import { indexOf, namespace, pod, policy } from "../../reach/support/raw.ts";

const world = indexOf([
  namespace("lab"),
  namespace("prod"),
  pod("lab/notebook", "10.0.0.1"),
  pod("prod/iris", "10.0.0.2", { labels: { app: "iris" } }),
  policy("prod/closed", { podSelector: {}, ingress: [{ from: [{ podSelector: {} }] }] }),
  {
    kind: "Service",
    metadata: { name: "iris", namespace: "prod" },
    spec: { selector: { app: "iris" }, ports: [{ port: 80, targetPort: 8080 }] },
  },
]);

function decisionOf(from: string, to: string, unknown: Facts["unknown"] = []) {
  const [source, destination] = [parseFrom(from), parseTo(to)];
  assert.ok(source.ok && destination.ok);
  return decide({ world, unknown }, { from: source.value, to: destination.value, texts: { from, to } });
}

function reportOf(from: string, to: string, unknown: Facts["unknown"] = []): ReachReport {
  const decision = decisionOf(from, to, unknown);
  assert.equal(decision.state, "Report");
  return ReachReport.strict().parse(decision.report);
}

async function called(...args: readonly string[]): Promise<{ status: number; err: string }> {
  let err = "";
  const status = await run(["reach", ...args], { out: () => undefined, err: (text) => (err += text) });
  return { status, err };
}

describe("mlsecops reach, the command", () => {
  const forbidden = [{ what: "ClusterNetworkPolicy", why: "403 forbidden" }];
  const rows: readonly (readonly [
    from: string,
    to: string,
    unknown: Facts["unknown"],
    outcome: string,
    status: number,
  ])[] = [
    ["prod/iris", "lab/notebook:80", [], "Allowed", 0],
    ["lab/notebook", "prod/iris:80", [], "Denied", 1],
    ["lab/notebook", "svc/prod/iris:80", [], "Denied", 1],
    // What could not be read could have decided otherwise.
    ["prod/iris", "lab/notebook:80", forbidden, "Unknown", 3],
    ["lab/gone", "prod/iris:80", forbidden, "Unknown", 3],
  ];
  for (const [from, to, unknown, outcome, status] of rows) {
    it(`ends with ${status} for ${from} to ${to}${unknown.length > 0 ? ", with something unread" : ""}`, () => {
      const report = reportOf(from, to, unknown);
      assert.equal(report.outcome, outcome);
      assert.equal(exitStatus(report), status);
    });
  }

  it("shows what decides, and what stands behind a Service", () => {
    assert.equal(
      render(reportOf("lab/notebook", "svc/prod/iris:80", forbidden), noPaint),
      [
        "from     lab/notebook",
        "to       svc/prod/iris:80",
        "outcome  Unknown",
        "why      ClusterNetworkPolicy cannot be read: 403 forbidden; as far as is known: ingress: NetworkPolicy prod/closed selects Pod prod/iris for ingress, and no rule allows it",
        "",
        "SIDE     KIND           DECIDED BY   RULE",
        "ingress  NetworkPolicy  prod/closed  none allows it",
        "",
        "POD        PORT  OUTCOME  WHY",
        "prod/iris  8080  Denied   ingress: NetworkPolicy prod/closed selects Pod prod/iris for ingress, and no rule allows it",
        "",
        "NOT READ              WHY",
        "ClusterNetworkPolicy  403 forbidden",
        "",
      ].join("\n"),
    );
  });

  it("says what is not there", () => {
    assert.deepEqual(decisionOf("lab/gone", "prod/iris:80"), { state: "Missing", problem: "there is no pod lab/gone" });
  });

  it("ends with 2 and says what to write when the call is wrong", async () => {
    for (const args of [["notebook", "prod/iris:80"], ["lab/notebook", "prod/iris"], ["lab/notebook"]]) {
      const { status, err } = await called(...args);
      assert.equal(status, 2);
      assert.match(err, /write|give TO/);
      assert.match(err, /usage: mlsecops reach FROM TO/);
    }
  });
});
