import { z } from "zod";
import {
  Duration,
  ObjectName,
  ShortName,
  Timestamp,
  isDuration,
  mapList,
  matching,
  shown,
  withRules,
} from "./schema.ts";

const Looks = z.int().min(1).max(60);

const Window = withRules(
  z.strictObject({
    looks: Looks.describe("How many of the newest looks are counted.").default(5),
    failures: Looks.describe(
      "So many bad ones of them, and the signal trips. It resets when all of them are good.",
    ).default(3),
  }),
  {
    rule: "self.failures <= self.looks",
    message: "window.failures must be at most window.looks, for example window: {looks: 5, failures: 3}",
    holds: ({ looks, failures }) => failures <= looks,
  },
);

const Compare = z.strictObject({
  worse: z.enum(["Higher", "Lower"]).describe("Which direction is bad.").default("Higher"),
  tolerance: z
    .number()
    .min(0)
    .max(100)
    .describe("By which share of the other revision's median this one's must be worse to count: 0.1 is a tenth.")
    .default(0.1),
  significance: z
    .number()
    .min(0.0001)
    .max(0.1)
    .describe("The chance of being wrong that is accepted for one look (one-sided Mann-Whitney U test).")
    .default(0.01),
  looks: z.int().min(5).max(60).describe("How many of the newest values of each revision are compared.").default(12),
});

const RangeFields = z.strictObject({
  window: shown(Duration.describe("How far back it goes."), "window: 10m"),
  step: Duration.describe("Between two points.").default("30s"),
  reduce: z.enum(["Last", "Mean", "Max", "Min"]).describe("What the points become.").default("Mean"),
});

const Range = withRules(RangeFields, {
  rule:
    `!has(self.window) || !${isDuration("self.window")} || !${isDuration("self.step")} || (duration(self.step) >= duration('1s') && ` +
    "duration(self.window) >= duration(self.step) && duration(self.window).getSeconds() <= 1000 * duration(self.step).getSeconds())",
  message:
    "range.step must be at least 1s and at most range.window, and there may be 1000 points at most, for example range: {window: 10m, step: 30s}",
});

const PrometheusSignal = z.strictObject({
  query: shown(
    z
      .string()
      .min(1)
      .max(2048)
      .describe(
        'A PromQL query that gives one number. $namespace, $model and $revision are filled in, and $pods, to be written as pod=~"$pods".',
      ),
    `query: 'sum(rate(http_requests_total{pod=~"$pods",code=~"5.."}[2m]))'`,
  ),
  range: Range.describe("Asks for the points of a while; without it for the value of now.").optional(),
});

const jsonPath = /^[A-Za-z_][A-Za-z0-9_-]*(\[[0-9]{1,6}\])*(\.[A-Za-z_][A-Za-z0-9_-]*(\[[0-9]{1,6}\])*)*$/;

const JsonPath = matching(z.string().min(1).max(256), jsonPath, "write names and indexes, for example outputs[0].data");

const Expectation = withRules(
  z.strictObject({
    path: shown(JsonPath.describe("Where in the JSON of the answer."), "path: outputs[0].data"),
    text: z.string().max(1024).optional(),
    number: z.number().optional(),
    numbers: z.array(z.number()).min(1).max(256).optional(),
    tolerance: z.number().min(0).describe("By how much each number may differ.").default(0),
  }),
  {
    rule: "[has(self.text), has(self.number), has(self.numbers)].filter(given, given).size() == 1",
    message:
      "give one of text, number and numbers, for example {path: outputs[0].data, numbers: [0.1, 0.9], tolerance: 0.01}",
    holds: ({ text, number, numbers }) => [text, number, numbers].filter((given) => given !== undefined).length === 1,
  },
);

const RequestPath = shown(
  matching(
    z.string().min(1).max(512),
    /^\/[!-~]*$/,
    "write a path that begins with /, without spaces, for example /v2/models/iris/infer",
  ),
  "path: /v2/models/iris/infer",
);

const ProbeFields = z.strictObject({
  path: RequestPath,
  method: z.enum(["GET", "POST"]).default("GET"),
  body: z.string().max(8192).describe("The request's body, as JSON.").optional(),
  status: z.int().min(100).max(599).describe("Of the right answer.").default(200),
  json: z.array(Expectation).max(16).describe("What must be in the answer.").default([]),
  maxLatency: Duration.describe("A later answer is wrong.").default("5s"),
});

const Probe = withRules(
  ProbeFields,
  {
    rule: "self.method == 'POST' || !has(self.body)",
    message: "a body is sent with method: POST only",
    holds: ({ method, body }) => method === "POST" || body === undefined,
  },
  {
    rule: `!${isDuration("self.maxLatency")} || (duration(self.maxLatency) >= duration('1ms') && duration(self.maxLatency) <= duration('30s'))`,
    message: "maxLatency must be between 1ms and 30s",
  },
);

const Agreement = withRules(
  z.strictObject({
    path: RequestPath,
    bodies: shown(
      z
        .array(z.string().min(1).max(8192))
        .min(1)
        .max(16)
        .describe("Of the requests, as JSON. All of them are sent at each look, one after the other."),
      `bodies: ['{"inputs": []}']`,
    ),
    json: shown(
      z.array(JsonPath).min(1).max(16).describe("What of the answers must be alike."),
      'json: ["outputs[0].data"]',
    ),
    tolerance: z.number().min(0).describe("By how much a number may differ.").default(0),
    maxLatency: Duration.describe("A later answer is wrong.").default("5s"),
  }),
  {
    rule: `!${isDuration("self.maxLatency")} || (duration(self.maxLatency) >= duration('1ms') && duration(self.maxLatency) <= duration('5s'))`,
    message: "maxLatency must be between 1ms and 5s",
  },
);

const HealthSignalFields = z.strictObject({
  name: shown(ShortName.describe("For people, and for what is kept of it."), "name: errors"),
  prometheus: PrometheusSignal.optional(),
  probe: Probe.describe(
    "A request to one pod after the other whose right answer is known. A wrong or late answer is bad; the value is the time it took, in seconds.",
  ).optional(),
  agreement: Agreement.describe(
    "The same requests to a pod of the version that comes and to one of the version that serves, for as long as both have pods; the value is the share that both answer alike, from 0 to 1. Of what serves alone it says nothing.",
  ).optional(),
  inference: z
    .enum(["ErrorRatio", "MeanLatency"])
    .describe(
      "What V2 inference servers (the runtime of this project, Triton, MLServer, KServe's SDK) tell Prometheus of themselves: the share of failed requests, or seconds.",
    )
    .optional(),
  min: z.number().describe("A lower value is bad.").optional(),
  max: z.number().describe("A higher value is bad.").optional(),
  resetMin: z.number().describe("From here on it is good again; at least min, and min where it is absent.").optional(),
  resetMax: z.number().describe("Up to here it is good again; at most max, and max where it is absent.").optional(),
  compare: Compare.describe(
    "With the values of the revision that serves while this one comes, or served before it: worse is bad. Where there is none, this says nothing.",
  ).optional(),
  window: Window.default({ looks: 5, failures: 3 }),
  onNoData: z
    .enum(["Hold", "Fail"])
    .describe(
      "What a look without a value (no data, NaN, stale, an error) is. It is never good. Hold: nothing is promoted or rolled back on it. Fail: it is bad.",
    )
    .default("Hold"),
});

const HealthSignal = withRules(
  HealthSignalFields,
  {
    rule: "[has(self.prometheus), has(self.probe), has(self.agreement), has(self.inference)].filter(given, given).size() == 1",
    message: "give one of prometheus, probe, agreement and inference, for example inference: ErrorRatio",
    holds: ({ prometheus, probe, agreement, inference }) =>
      [prometheus, probe, agreement, inference].filter((given) => given !== undefined).length === 1,
  },
  {
    rule: "!has(self.agreement) || (has(self.min) && !has(self.compare))",
    message: "say by min which share of the answers must agree, and leave compare away, for example min: 0.95",
    holds: ({ agreement, min, compare }) => agreement === undefined || (min !== undefined && compare === undefined),
  },
  {
    rule: "has(self.probe) || has(self.min) || has(self.max) || has(self.compare)",
    message: "say what is bad by min, max or compare, for example max: 0.05",
    holds: ({ probe, min, max, compare }) => [probe, min, max, compare].some((given) => given !== undefined),
  },
  {
    rule: "!has(self.min) || !has(self.max) || self.min <= self.max",
    message: "min must be at most max, or every value would be bad: exchange them",
    holds: ({ min = -Infinity, max = Infinity }) => min <= max,
  },
  {
    rule: "(!has(self.resetMax) || (has(self.max) && self.resetMax <= self.max)) && (!has(self.resetMin) || (has(self.min) && self.resetMin >= self.min))",
    message: "resetMax must be at most max, and resetMin at least min, for example max: 0.05 with resetMax: 0.02",
    holds: ({ min, max, resetMin, resetMax }) =>
      (resetMax === undefined || (max !== undefined && resetMax <= max)) &&
      (resetMin === undefined || (min !== undefined && resetMin >= min)),
  },
  {
    rule: "!has(self.resetMin) || !has(self.resetMax) || self.resetMin <= self.resetMax",
    message: "resetMin must be at most resetMax, or no value would be good again",
    holds: ({ resetMin = -Infinity, resetMax = Infinity }) => resetMin <= resetMax,
  },
);
export type HealthSignal = z.output<typeof HealthSignal>;

const PrometheusServer = withRules(
  z.strictObject({
    url: shown(
      matching(
        z.string().max(512),
        /^https?:\/\/[^\s/?#@]+(\/[^\s?#]*)?$/,
        "write a URL without user, query or fragment, for example https://prometheus.monitoring.svc:9090; plain http needs the administrator's leave",
      ).describe("Of a server with Prometheus' API: /api/v1/query is appended."),
      "url: https://prometheus.monitoring.svc:9090",
    ),
    secretRef: z
      .strictObject({ name: shown(ObjectName, "name: prometheus-login") })
      .describe(
        "A Secret with token, or username and password. It must have the label mlsecops.io/use: prometheus; no other Secret is sent anywhere.",
      )
      .optional(),
    caBundle: z
      .string()
      .max(65536)
      .describe("Certificates in PEM that are trusted there beside the public ones.")
      .optional(),
    timeout: Duration.describe("For one query.").default("10s"),
  }),
  {
    rule: `!${isDuration("self.timeout")} || (duration(self.timeout) >= duration('100ms') && duration(self.timeout) <= duration('30s'))`,
    message: "timeout must be between 100ms and 30s",
  },
);

const HealthSpecFields = z.strictObject({
  interval: Duration.describe("Between two looks.").default("30s"),
  warmUp: Duration.describe(
    "After all pods of a revision were ready for the first time: looks in it do not count.",
  ).default("1m"),
  startupDeadline: Duration.describe("How long a pod may take to become ready.").default("30m"),
  maxRestarts: z
    .int()
    .min(1)
    .max(1000)
    .describe("A container that was restarted so often, the last time within ten minutes, fails.")
    .default(5),
  prometheus: PrometheusServer.optional(),
  signals: mapList(z.array(HealthSignal).max(16), "name")
    .describe("What is looked at beside the pods themselves.")
    .default([]),
});

export const HealthSpec = withRules(
  HealthSpecFields,
  {
    rule: `!${isDuration("self.interval")} || (duration(self.interval) >= duration('5s') && duration(self.interval) <= duration('1h'))`,
    message: "interval must be between 5s and 1h",
  },
  {
    rule: "has(self.prometheus) || !self.signals.exists(signal, has(signal.prometheus) || has(signal.inference))",
    message: "signals of Prometheus need its address: give prometheus: {url: https://prometheus.monitoring.svc:9090}",
    holds: ({ prometheus, signals }) =>
      prometheus !== undefined ||
      signals.every(({ probe, agreement }) => probe !== undefined || agreement !== undefined),
  },
);
export type HealthSpec = z.output<typeof HealthSpec>;

export const RollbackSpec = z.strictObject({
  mode: z.enum(["Automatic", "Off"]).describe("Off: what is unhealthy is only said to be so.").default("Automatic"),
  maxPerDay: z.int().min(1).max(20).describe("Rollbacks within 24 hours; beyond, nothing is changed.").default(3),
  coolDown: Duration.describe("After a rollback there is no other one for so long.").default("5m"),
  latchAfter: z
    .int()
    .min(1)
    .max(20)
    .describe(
      "So many rollbacks within 24 hours, and no other revision is started until a person has looked, by a ModelAction of type Resume. What was gone back to serves on, and what fails is still rolled back. Above maxPerDay it is never reached.",
    )
    .default(3),
  onNoSafeRevision: z
    .enum(["KeepServing", "ScaleToZero"])
    .describe(
      "What to do with an unhealthy revision when there is none to go back to: none that verifies today, was healthy and is not banned. What has no valid verdict is not kept.",
    )
    .default("KeepServing"),
});
export type RollbackSpec = z.output<typeof RollbackSpec>;

/** The rollback in effect. */
export const RollbackStatus = z.object({
  from: ObjectName.describe("The revision that was found unhealthy."),
  to: ObjectName.describe("The revision that serves instead; absent where none was safe.").optional(),
  since: Timestamp,
  reason: z.string().max(128).describe("What was wrong with it."),
  message: z.string().max(2048),
});
export type RollbackStatus = z.output<typeof RollbackStatus>;

/** Since when no other revision is started before a person has looked. */
export const LatchStatus = z.object({
  since: Timestamp,
  reason: z.string().max(128),
  message: z.string().max(2048),
});
export type LatchStatus = z.output<typeof LatchStatus>;

export const PastRollback = z.object({ at: Timestamp, from: ObjectName, to: ObjectName.optional() });
export type PastRollback = z.output<typeof PastRollback>;

/** Why a revision must not run again. */
export const RevisionBan = z.object({
  since: Timestamp,
  reason: z.string().max(128),
  message: z.string().max(2048),
});

export type RevisionBan = z.output<typeof RevisionBan>;

export const RevisionHealth = z.object({
  state: z.enum(["Healthy", "Unhealthy", "Unknown", "WarmingUp"]),
  reason: z.string().max(128),
  message: z.string().max(2048).describe("As it was when the state began."),
  since: Timestamp,
});
export type RevisionHealth = z.output<typeof RevisionHealth>;
