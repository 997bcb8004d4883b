import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { exportedMetrics, usedMetrics } from "./support/exported-metrics.ts";

const file = new URL("../../../charts/mlsecops-operator/files/dashboard.json", import.meta.url);

interface Panel {
  readonly id: number;
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly datasource?: unknown;
  readonly fieldConfig?: {
    readonly defaults: { readonly unit?: string };
    readonly overrides: readonly {
      readonly matcher: { readonly options: string };
      readonly properties: readonly { readonly value: { readonly fixedColor: string } }[];
    }[];
  };
  readonly targets?: readonly {
    readonly refId: string;
    readonly datasource: unknown;
    readonly expr: string;
    readonly legendFormat: string;
  }[];
}

interface Dashboard {
  readonly uid: string;
  readonly schemaVersion: number;
  readonly templating: { readonly list: readonly { readonly name: string; readonly type: string }[] };
  readonly panels: readonly Panel[];
}

describe("the dashboard", () => {
  let text: string;
  let board: Dashboard;
  let panels: readonly Panel[];

  before(async () => {
    text = await readFile(file, "utf8");
    board = JSON.parse(text) as Dashboard;
    panels = board.panels.filter(({ type }) => type !== "row");
  });

  it("says of every panel what it shows, why, and in which unit", () => {
    assert.ok(panels.length > 20);
    for (const { title, description = "", fieldConfig } of panels) {
      assert.match(title, /^[A-Z]/);
      assert.match(description, /\.$/, title);
      assert.ok(fieldConfig?.defaults.unit, `${title} has no unit`);
    }
    const titles = board.panels.map(({ type, title }) => `${type} ${title}`);
    assert.deepEqual([...new Set(titles)], titles);
  });

  it("asks only for metrics that the operator has, of the operators that are chosen, and for labels of theirs", () => {
    const exported = exportedMetrics();
    for (const { title, targets = [] } of panels) {
      assert.notEqual(targets.length, 0, title);
      for (const { expr, legendFormat } of targets) {
        const used = usedMetrics(expr);
        assert.notEqual(used.length, 0, `${title}: ${expr}`);
        const known = new Set(["instance"]);
        for (const { metric, labels } of used) {
          const own = exported.get(metric);
          assert.ok(own, `${title}: the operator has no metric ${metric}`);
          for (const label of own) known.add(label);
          assert.equal(labels[0], "job", `${title}: ${metric} of any job`);
          for (const label of labels.slice(1)) assert.ok(own.includes(label), `${title}: ${metric} has no ${label}`);
        }
        const grouped = [...expr.matchAll(/\bby \(([^)]*)\)/g)].flatMap(([, by = ""]) => by.split(", "));
        const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label = ""]) => label);
        for (const label of [...grouped, ...named]) assert.ok(known.has(label), `${title}: no metric has ${label}`);
        // What is grouped away cannot name a series.
        if (grouped.length > 0) for (const label of named) assert.ok(grouped.includes(label), `${title}: ${label}`);
      }
    }
  });

  it("shows every metric of the operator itself", () => {
    const shown = new Set(
      panels.flatMap(({ targets = [] }) =>
        targets.flatMap(({ expr }) => usedMetrics(expr).map(({ metric }) => metric)),
      ),
    );
    const missing = [...exportedMetrics().keys()].filter(
      (metric) => metric.startsWith("mlsecops_") && !/_(sum|count)$/.test(metric) && !shown.has(metric),
    );
    assert.deepEqual(missing, []);
  });

  it("reads from the Prometheus that the reader chooses", () => {
    assert.deepEqual(
      board.templating.list.map(({ name, type }) => `${type} ${name}`),
      ["datasource datasource", "query job"],
    );
    const wanted = { type: "prometheus", uid: "${datasource}" };
    for (const { title, datasource, targets = [] } of panels)
      for (const one of [datasource, ...targets.map((target) => target.datasource)])
        assert.deepEqual(one, wanted, title);
    assert.deepEqual(
      new Set(text.match(/"uid": ".*"/g)),
      new Set(['"uid": "mlsecops-operator"', '"uid": "${datasource}"']),
    );
  });

  it("gives the same words the same colours", () => {
    const colours = new Map<string, string>();
    for (const { title, fieldConfig } of panels)
      for (const { matcher, properties } of fieldConfig?.overrides ?? [])
        for (const { value } of properties) {
          const before = colours.get(matcher.options) ?? value.fixedColor;
          assert.equal(value.fixedColor, before, `${title}: ${matcher.options}`);
          colours.set(matcher.options, value.fixedColor);
        }
    assert.equal(colours.get("/\\bFalse$/"), "red");
    assert.equal(colours.get("/\\bRejected$/"), "red");
  });

  it("is of Grafana's current schema, and has no two panels in one place", () => {
    assert.ok(board.schemaVersion >= 42);
    assert.equal(new Set(board.panels.map(({ id }) => id)).size, board.panels.length);
    const taken = new Map<string, string>();
    for (const { title, gridPos } of board.panels) {
      assert.ok(gridPos.x + gridPos.w <= 24, title);
      for (let x = gridPos.x; x < gridPos.x + gridPos.w; x += 1)
        for (let y = gridPos.y; y < gridPos.y + gridPos.h; y += 1) {
          const before = taken.get(`${x} ${y}`);
          assert.equal(before, undefined, `${title} lies on ${before}`);
          taken.set(`${x} ${y}`, title);
        }
    }
  });
});
