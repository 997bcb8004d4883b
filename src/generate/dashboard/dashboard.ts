import type { Panel, Row } from "./panel.ts";
import { rows } from "./rows.ts";

/** Of Grafana 12.1. An older one reads it as it is. */
const SCHEMA_VERSION = 42;
const COLUMNS = 24;
const heights: Readonly<Record<Panel["type"], number>> = { stat: 4, timeseries: 8, table: 8 };
/** Whichever Prometheus the reader chooses. */
const datasource = { type: "prometheus", uid: "${datasource}" };

/** The dashboard as Grafana reads it. */
export function dashboard(): string {
  const board = {
    uid: "mlsecops-operator",
    title: "MLSecOps operator",
    description:
      "Models, namespaces, trust and evidence, and how the operator itself is. Alerts are marks on each graph.",
    tags: ["mlsecops"],
    schemaVersion: SCHEMA_VERSION,
    editable: true,
    graphTooltip: 1,
    timezone: "browser",
    refresh: "30s",
    time: { from: "now-6h", to: "now" },
    templating: { list: variables() },
    annotations: { list: [alerts()] },
    panels: placed(rows),
  };
  return `${JSON.stringify(board, undefined, 2)}\n`;
}

function variables(): readonly object[] {
  const query = "label_values(mlsecops_leader, job)";
  // Grafana's word for the data source that is marked as such.
  const byDefault = { text: "default", value: "default" };
  return [
    {
      type: "datasource",
      name: "datasource",
      label: "Data source",
      query: "prometheus",
      refresh: 1,
      current: byDefault,
    },
    {
      type: "query",
      name: "job",
      label: "Operator",
      datasource,
      definition: query,
      query: { query, refId: "jobs" },
      refresh: 2,
      sort: 1,
      multi: true,
      includeAll: true,
      current: { text: ["All"], value: ["$__all"] },
    },
  ];
}

function alerts(): object {
  return {
    name: "Alerts",
    datasource,
    enable: true,
    iconColor: "red",
    expr: 'max by (alertname) (ALERTS{alertname=~"Mlsecops.+",alertstate="firing"})',
    step: "60s",
    titleFormat: "{{alertname}}",
  };
}

/** Each row under its title, its panels from left to right. */
function placed(all: readonly Row[]): readonly object[] {
  const panels: object[] = [];
  let y = 0;
  const add = (panel: object, gridPos: Readonly<Record<"x" | "y" | "w" | "h", number>>) =>
    panels.push({ id: panels.length + 1, gridPos, ...panel });
  for (const row of all) {
    add({ type: "row", title: row.title, collapsed: false, panels: [] }, { x: 0, y, w: COLUMNS, h: 1 });
    y += 1;
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      if (x + panel.width > COLUMNS) {
        x = 0;
        y += height;
        height = 0;
      }
      const h = heights[panel.type];
      add(shown(panel), { x, y, w: panel.width, h });
      x += panel.width;
      height = Math.max(height, h);
    }
    y += height;
  }
  return panels;
}

function shown(panel: Panel): object {
  const { type, title, description, queries } = panel;
  return {
    type,
    title,
    description,
    datasource,
    targets: queries.map(({ expr, legend }, at) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + at),
      datasource,
      expr,
      legendFormat: legend,
      ...(type === "table" ? { format: "table", instant: true, range: false } : { range: true }),
    })),
    fieldConfig: { defaults: defaultsOf(panel), overrides: overridesOf(panel) },
    options: optionsOf(type),
    ...(type === "table" ? { transformations: [tidied] } : {}),
  };
}

const tidied = {
  id: "organize",
  options: {
    excludeByName: { Time: true },
    indexByName: { kind: 0, type: 1, status: 2, reason: 3, Value: 4 },
    renameByName: { Value: "objects" },
  },
};

function defaultsOf({ type, unit, stacked = false, redFrom, redBelow, noValue }: Panel): object {
  const steps =
    redBelow !== undefined
      ? [
          { color: "red", value: null },
          { color: "green", value: redBelow },
        ]
      : [{ color: "green", value: null }, ...(redFrom === undefined ? [] : [{ color: "red", value: redFrom }])];
  const custom = {
    drawStyle: "line",
    lineInterpolation: stacked ? "stepAfter" : "linear",
    lineWidth: 1,
    fillOpacity: stacked ? 60 : 10,
    showPoints: "never",
    stacking: { mode: stacked ? "normal" : "none", group: "A" },
  };
  return {
    unit,
    ...(type === "timeseries" ? { min: 0, custom } : {}),
    ...(type === "table" ? {} : { color: { mode: type === "stat" ? "thresholds" : "palette-classic" } }),
    thresholds: { mode: "absolute", steps },
    ...(noValue === undefined ? {} : { noValue }),
  };
}

function overridesOf({ colours = {} }: Panel): readonly object[] {
  return Object.entries(colours).map(([word, fixedColor]) => ({
    matcher: { id: "byRegexp", options: `/\\b${word}$/` },
    properties: [{ id: "color", value: { mode: "fixed", fixedColor } }],
  }));
}

function optionsOf(type: Panel["type"]): object {
  switch (type) {
    case "stat":
      return {
        reduceOptions: { calcs: ["lastNotNull"], fields: "", values: false },
        colorMode: "value",
        graphMode: "none",
        textMode: "value",
        justifyMode: "auto",
        orientation: "auto",
      };
    case "timeseries":
      return {
        legend: { displayMode: "list", placement: "bottom", showLegend: true, calcs: [] },
        tooltip: { mode: "multi", sort: "desc" },
      };
    case "table":
      return { showHeader: true, cellHeight: "sm", sortBy: [{ displayName: "objects", desc: true }] };
  }
}
