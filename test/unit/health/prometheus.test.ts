import assert from "node:assert/strict";
import { once } from "node:events";
import { type IncomingMessage, type ServerResponse, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { Egress, isEgressError } from "../../../src/egress/index.ts";
import {
  type Look,
  type RangeQuery,
  askPrometheus,
  askTogether,
  authorizationOf,
  fillQuery,
  inferenceQuery,
  readAnswer,
} from "../../../src/health/index.ts";

const now = new Date("2026-01-01T00:00:00Z");
const at = now.getTime() / 1000;
const range: RangeQuery = { windowMs: 600_000, stepMs: 30_000, reduce: "Mean" };
const success = (resultType: string, result: unknown) => ({ status: "success", data: { resultType, result } });
const vector = (value: string, time = at) => success("vector", [{ metric: {}, value: [time, value] }]);
const matrix = (...values: readonly (readonly [number, string])[]) => success("matrix", [{ metric: {}, values }]);

function told(look: Look): string {
  switch (look.kind) {
    case "Value":
      return String(look.value);
    case "Error":
      return `${look.reason}: ${look.message}`;
    case "Wrong":
      return look.message;
    case "Stale":
      return `Stale ${look.ageMs}`;
    case "NoData":
    case "NaN":
      return look.kind;
  }
}

const cases: Record<string, { body: unknown; status?: number; range?: RangeQuery; says: RegExp }> = {
  "a number": { body: vector("0.25"), says: /^0.25$/ },
  "a scalar": { body: success("scalar", [at, "3"]), says: /^3$/ },
  "no series": { body: success("vector", []), says: /^NoData$/ },
  NaN: { body: vector("NaN"), says: /^NaN$/ },
  "an empty value": { body: vector(""), says: /^NaN$/ },
  "+Inf": { body: vector("+Inf"), says: /^NotANumber: the value is \+Inf/ },
  "-Inf": { body: vector("-Inf"), says: /^NotANumber: the value is -Inf/ },
  "no number at all": { body: vector("many"), says: /^NaN$/ },
  "several series": {
    body: success("vector", [{ value: [at, "1"] }, { value: [at, "2"] }]),
    says: /^SeveralSeries: the query gives 2 series/,
  },
  "a string": { body: success("string", [at, "x"]), says: /^NotANumber: the query gives a string/ },
  "a histogram": { body: success("vector", [{ histogram: [at, {}] }]), says: /^NotANumber: .*histogram_quantile/ },
  "a range where a number is asked for": { body: matrix([at, "1"]), says: /^SeveralSeries: the query gives a range/ },
  "a login is missing": { status: 401, body: {}, says: /^NotAuthorized/ },
  "a login is not enough": { status: 403, body: "no", says: /^NotAuthorized/ },
  "a bad query": {
    status: 400,
    body: { status: "error", errorType: "bad_data", error: "parse error" },
    says: /^BadQuery: bad_data: parse error/,
  },
  "the server's own timeout": {
    status: 503,
    body: { status: "error", errorType: "timeout", error: "query timed out" },
    says: /^Timeout/,
  },
  "the server is at fault": { status: 500, body: { status: "error", errorType: "internal" }, says: /^ServerError/ },
  "something before it is down": { status: 502, body: undefined, says: /^ServerError: the server answers 502/ },
  "HTML with 200": { body: undefined, says: /^NotPrometheus: the answer \(200\)/ },
  "JSON of something else": { body: { ok: true }, says: /^NotPrometheus/ },
  "a redirect to a login page": { status: 302, body: undefined, says: /^NotPrometheus: the answer \(302\)/ },
  "a server whose clock is behind": { body: vector("1", at - 3_600), says: /^ClockSkew: .*3600 s/ },
  "a server whose clock is ahead": { body: vector("1", at + 120), says: /^ClockSkew/ },
  "a mean over a range": { range, body: matrix([at - 60, "1"], [at - 30, "2"], [at, "6"]), says: /^3$/ },
  "the largest of a range": {
    range: { ...range, reduce: "Max" },
    body: matrix([at - 30, "7"], [at, "6"]),
    says: /^7$/,
  },
  "the smallest of a range": {
    range: { ...range, reduce: "Min" },
    body: matrix([at - 30, "7"], [at, "6"]),
    says: /^6$/,
  },
  "the last of a range": { range: { ...range, reduce: "Last" }, body: matrix([at - 30, "7"], [at, "5"]), says: /^5$/ },
  "a range with holes": { range, body: matrix([at - 30, "NaN"], [at, "6"]), says: /^6$/ },
  "a range that ends in NaN": { range, body: matrix([at - 30, "6"], [at, "NaN"]), says: /^NaN$/ },
  "a range that ended long ago": { range, body: matrix([at - 400, "1"]), says: /^Stale 400000$/ },
  "a range from the future": { range, body: matrix([at + 400, "1"]), says: /^ClockSkew/ },
  "an empty range": { range, body: success("matrix", []), says: /^NoData$/ },
  "several series over a range": {
    range,
    body: success("matrix", [{ values: [] }, { values: [] }]),
    says: /^SeveralSeries/,
  },
  "too many points": {
    range,
    body: matrix(...Array.from({ length: 1_001 }, (_, index) => [at - index, "1"] as const)),
    says: /^TooManyPoints: the answer has 1001 points/,
  },
};

describe("reading Prometheus' answers", () => {
  for (const [name, { body, status = 200, range: over, says }] of Object.entries(cases))
    it(name, () => assert.match(told(readAnswer({ status, body }, { range: over }, now)), says));
});

describe("asking Prometheus", () => {
  const closing: (() => Promise<unknown>)[] = [];
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });

  interface Seen {
    readonly url: string | undefined;
    readonly authorization: string | undefined;
    readonly form: URLSearchParams;
  }

  async function serve(answer: (response: ServerResponse) => void) {
    const seen: Seen[] = [];
    const server = createServer((request: IncomingMessage, response) => {
      void text(request).then((body) => {
        seen.push({
          url: request.url,
          authorization: request.headers.authorization,
          form: new URLSearchParams(body),
        });
        answer(response);
      });
    }).listen(0, "127.0.0.1");
    await once(server, "listening");
    const egress = new Egress({
      plainHttpHosts: "All",
      resolver: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      addressCheck: () => undefined,
    });
    closing.push(
      () => egress.close(),
      async () => {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      },
    );
    const { port } = server.address() as AddressInfo;
    const ask = (options: { path?: string; range?: RangeQuery; timeoutMs?: number; signal?: AbortSignal } = {}) =>
      askPrometheus(
        egress,
        { url: `http://prometheus.test:${port}${options.path ?? ""}`, authorization: "Bearer t" },
        { query: "up", range: options.range },
        { now, signal: options.signal ?? new AbortController().signal, timeoutMs: options.timeoutMs ?? 5_000 },
      );
    const askAll = (queries: readonly string[]) =>
      askTogether(egress, { url: `http://prometheus.test:${port}` }, queries, {
        now,
        signal: new AbortController().signal,
        timeoutMs: 200,
      });
    return { seen, ask, askAll };
  }

  const labelled = (...series: readonly (readonly [query: string, value: string])[]) =>
    success(
      "vector",
      series.map(([query, value]) => ({ metric: { mlsecops_query: query }, value: [at, value] })),
    );

  it("answers several queries in one request, each with a reason of its own", async () => {
    const series = labelled(["2", "NaN"], ["0", "0.5"], ["3", "1"], ["3", "2"]);
    const { seen, askAll } = await serve((response) => response.end(JSON.stringify(series)));
    const looks = await askAll(["up # all", "down", "x", "y"]);
    const says = looks?.map(told) ?? [];
    assert.deepEqual(says.slice(0, 3), ["0.5", "NoData", "NaN"]);
    assert.match(says[3] ?? "", /^SeveralSeries: the query gives 2 series/);
    assert.equal(seen.length, 1);
    const query = seen[0]?.form.get("query") ?? "";
    assert.ok(
      query.startsWith('label_replace((\nup # all\n), "mlsecops_query", "0", "", "") or label_replace((\ndown'),
    );
  });

  it("cannot answer several queries in one request where one of them is wrong, slow, or no vector", async () => {
    const wrong = { status: "error", errorType: "bad_data", error: "parse error" };
    for (const [status, body] of [
      [400, JSON.stringify(wrong)],
      [503, "busy"],
      [200, "1".repeat(300_000)],
      [200, JSON.stringify(matrix([at, "1"]))],
      [200, JSON.stringify(success("scalar", [at, "1"]))],
      [200, JSON.stringify(vector("1"))],
      [200, JSON.stringify(labelled(["7", "1"]))],
    ] as const) {
      const { askAll } = await serve((response) => response.writeHead(status).end(body));
      assert.equal(await askAll(["up", "down"]), undefined, body.slice(0, 80));
    }
    const silent = await serve(() => undefined);
    assert.equal(await silent.askAll(["up", "down"]), undefined);
  });

  it("says of all queries at once that nobody is there, or lets anybody in", async () => {
    const broken = await serve((response) => response.destroy());
    assert.deepEqual(
      (await broken.askAll(["up", "down"]))?.map((look) => told(look).split(":")[0]),
      ["Unreachable", "Unreachable"],
    );
    const closed = await serve((response) => response.writeHead(401).end());
    assert.match(told((await closed.askAll(["up", "down"]))?.[1] ?? { kind: "NoData" }), /^NotAuthorized/);
    const html = await serve((response) => response.end("<html>"));
    assert.match(told((await html.askAll(["up", "down"]))?.[0] ?? { kind: "NoData" }), /^NotPrometheus/);
  });

  it("sends query, time limit and login", async () => {
    const { seen, ask } = await serve((response) => response.end(JSON.stringify(vector("1"))));
    assert.deepEqual(await ask({ path: "/prometheus/" }), { kind: "Value", value: 1 });
    assert.equal(seen[0]?.url, "/prometheus/api/v1/query");
    assert.equal(seen[0].authorization, "Bearer t");
    assert.deepEqual(Object.fromEntries(seen[0].form), { query: "up", timeout: "5000ms" });
  });

  it("asks for a range by our own clock", async () => {
    const { seen, ask } = await serve((response) => response.end(JSON.stringify(matrix([at, "1"]))));
    await ask({ range });
    assert.equal(seen[0]?.url, "/api/v1/query_range");
    const { start, end, step } = Object.fromEntries(seen[0].form);
    assert.deepEqual([start, end, step], [String(at - 600), String(at), "30"]);
  });

  it("is told of HTML, of too long an answer, of none in time and of none at all", async () => {
    const html = await serve((response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>"));
    assert.match(told(await html.ask()), /^NotPrometheus/);
    const long = await serve((response) => response.end("1".repeat(300_000)));
    assert.match(told(await long.ask()), /^TooLarge/);
    const silent = await serve(() => undefined);
    assert.match(told(await silent.ask({ timeoutMs: 50 })), /^Timeout/);
    const broken = await serve((response) => response.destroy());
    assert.match(told(await broken.ask()), /^Unreachable/);
  });

  it("makes no look of what its own signal ended", async () => {
    const { ask } = await serve(() => undefined);
    await assert.rejects(ask({ signal: AbortSignal.abort() }), (error) => isEgressError(error, "Aborted"));
  });
});

describe("the login at Prometheus", () => {
  const data = (entries: Record<string, string>) =>
    Object.fromEntries(Object.entries(entries).map(([key, value]) => [key, Buffer.from(value).toString("base64")]));
  const secret = (entries: Record<string, string>, labels = { "mlsecops.io/use": "prometheus" }) => ({
    metadata: { name: "login", labels },
    data: data(entries),
  });
  const says = (found: ReturnType<typeof authorizationOf>) =>
    "look" in found ? told(found.look) : found.authorization;

  it("is a token, or a name with a password", () => {
    assert.equal(says(authorizationOf("login", secret({ token: "abc\n" }))), "Bearer abc");
    const basic = says(authorizationOf("login", secret({ username: "u", password: "p:q" })));
    assert.equal(basic, `Basic ${Buffer.from("u:p:q").toString("base64")}`);
  });

  it("is in a Secret that is there for it, and whole", () => {
    assert.match(says(authorizationOf("login", undefined)), /SecretUnusable: Secret login is not there/);
    assert.match(
      says(authorizationOf("login", { metadata: { name: "login" }, data: data({ token: "t" }) })),
      /no label/,
    );
    assert.match(says(authorizationOf("login", secret({ username: "u" }))), /neither token nor username/);
    const broken = says(authorizationOf("login", secret({ token: "secret\r\nx: y" })));
    assert.match(broken, /line breaks/);
    assert.doesNotMatch(broken, /secret\r/);
  });
});

describe("the text of a query", () => {
  const subject = { namespace: "shop", model: "iris", revision: "iris-1", pods: ["iris-a.b", "iris-c"] };

  it("has its variables filled in", () => {
    assert.deepEqual(fillQuery('x{namespace="$namespace",pod=~"$pods"} / $model_total', subject), {
      query: 'x{namespace="shop",pod=~"iris-a[.]b|iris-c"} / $model_total',
    });
  });

  it("asks nothing about pods that are not there", () => {
    const found = fillQuery('up{pod=~"$pods"}', { ...subject, pods: [] });
    assert.ok("look" in found);
    assert.match(told(found.look), /NoTarget/);
  });

  it("is there for inference servers, with brackets in order", () => {
    for (const metric of ["ErrorRatio", "MeanLatency"] as const) {
      const query = inferenceQuery(metric);
      let depth = 0;
      for (const sign of query) {
        if (sign === "(") depth++;
        if (sign === ")") depth--;
        assert.ok(depth >= 0);
      }
      assert.equal(depth, 0);
      assert.match(query, /mlsecops_inference_.*nv_inference_.*model_infer_.*request_(preprocess|predict)_seconds/);
    }
  });
});
