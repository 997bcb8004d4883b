import assert from "node:assert/strict";
import { once } from "node:events";
import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { connect, type AddressInfo, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { KubeConfig } from "@kubernetes/client-node";
import {
  createTransport,
  KubeError,
  Metrics,
  type Transport,
  type TransportOptions,
  type TransportRequest,
} from "../../../src/kube/index.ts";
import { createCertificate } from "./certificates.ts";
import { FakeApiServer, sendJson, sendStatus, type Handler } from "./fake-api-server.ts";
import { until } from "./support.ts";

const get: TransportRequest = {
  method: "GET",
  path: "/api/v1/things",
  verb: "list",
  resource: "things",
  idempotent: true,
};
const post: TransportRequest = { ...get, method: "POST", body: "{}", verb: "create", idempotent: false };
const fast = { backoff: { initialMs: 1, maxMs: 5 } };
const ok: Handler = (_request, response) => sendJson(response, 200, { ok: true });

describe("transport", () => {
  let server: FakeApiServer;
  const transports: Transport[] = [];
  const connectWith = (options: Partial<TransportOptions> = {}): Transport => {
    const transport = createTransport({ kubeConfig: server.kubeConfig(), ...fast, ...options });
    transports.push(transport);
    return transport;
  };
  /** Answers with the handlers in turn, the last one for ever. */
  const script = (...handlers: Handler[]): void => {
    server.requests.length = 0;
    server.handler = (request, response) => {
      const handler = handlers[Math.min(server.requests.length, handlers.length) - 1];
      handler?.(request, response);
    };
  };

  before(async () => {
    server = await FakeApiServer.start(ok);
  });
  after(() => server.close());
  afterEach(() => {
    for (const transport of transports.splice(0)) transport.close();
  });

  it("sends one request after another over one connection", async () => {
    script(ok);
    const before = server.connections;
    const transport = connectWith();
    for (let count = 0; count < 20; count += 1) await transport.request(get);
    assert.equal(server.connections - before, 1);
  });

  it("sends the body, the bearer token and the impersonated user", async () => {
    script(ok);
    const kubeConfig = server.kubeConfig({ token: "abc", impersonateUser: "jane" });
    await connectWith({ kubeConfig, userAgent: "me/1" }).request({ ...post, body: '{"ü":1}' });
    const request = server.requests[0];
    assert.equal(request?.body, '{"ü":1}');
    assert.equal(request.headers.authorization, "Bearer abc");
    assert.equal(request.headers["impersonate-user"], "jane");
    assert.equal(request.headers["user-agent"], "me/1");
  });

  it("sends basic credentials", async () => {
    script(ok);
    await connectWith({ kubeConfig: server.kubeConfig({ username: "u", password: "p" }) }).request(get);
    assert.equal(server.requests[0]?.headers.authorization, `Basic ${Buffer.from("u:p").toString("base64")}`);
  });

  it("keeps the path of the server's URL", async () => {
    script(ok);
    const kubeConfig = new KubeConfig();
    const url = `http://127.0.0.1:${server.port}/k8s/clusters/x/`;
    kubeConfig.loadFromClusterAndUser({ name: "c", server: url, skipTLSVerify: true }, { name: "u" });
    await connectWith({ kubeConfig }).request(get);
    assert.equal(server.requests[0]?.path, "/k8s/clusters/x/api/v1/things");
  });

  for (const status of [429, 502, 503, 504]) {
    it(`sends an idempotent request again after ${status}, another one not`, async () => {
      script((_request, response) => sendStatus(response, status, "Busy"), ok);
      assert.equal((await connectWith().request(get)).status, 200);
      assert.equal(server.requests.length, 2);
      script((_request, response) => sendStatus(response, status, "Busy"), ok);
      await assert.rejects(connectWith().request(post), { status });
      assert.equal(server.requests.length, 1);
    });
  }

  for (const status of [400, 403, 404, 409, 410, 422, 500]) {
    it(`sends nothing again after ${status}`, async () => {
      script((_request, response) => sendStatus(response, status, "No"), ok);
      await assert.rejects(connectWith().request(get), { name: "KubeError", status, message: "made up: No" });
      assert.equal(server.requests.length, 1);
    });
  }

  it("gives up after the last attempt with the last error", async () => {
    script((_request, response) => sendStatus(response, 503, "Busy"));
    await assert.rejects(connectWith({ maxAttempts: 3 }).request(get), { code: "Unavailable", status: 503 });
    assert.equal(server.requests.length, 3);
  });

  it("waits as long as the server asks", async () => {
    script((_request, response) => sendStatus(response, 429, "Busy", { "retry-after": "1" }), ok);
    const startedAt = performance.now();
    await connectWith().request(get);
    assert.ok(performance.now() - startedAt >= 990);
  });

  it("does not wait for longer than the deadline, but says how long the server asked for", async () => {
    script((_request, response) => sendStatus(response, 429, "Busy", { "retry-after": "60" }), ok);
    await assert.rejects(connectWith({ deadlineMs: 2_000 }).request(get), {
      code: "TooManyRequests",
      retryAfterMs: 60_000,
    });
    assert.equal(server.requests.length, 1);
  });

  it("sends an idempotent request again when the connection is lost, another one not", async () => {
    const drop: Handler = (_request, response) => void response.socket?.destroy();
    script(drop, ok);
    assert.equal((await connectWith().request(get)).status, 200);
    script(drop, ok);
    await assert.rejects(connectWith().request(post), { code: "Unavailable", reason: "ConnectionFailed" });
    assert.equal(server.requests.length, 1);
  });

  it("sends an idempotent request again when the connection is lost in the body", async () => {
    script((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write('{"half', () => void response.socket?.destroy());
    }, ok);
    assert.deepEqual(JSON.parse((await connectWith().request(get)).body), { ok: true });
  });

  it("cuts an attempt that gets no answer and tries again", async () => {
    script(() => undefined, ok);
    assert.equal((await connectWith({ attemptTimeoutMs: 300 }).request(get)).status, 200);
    assert.ok(server.requests.length >= 2);
  });

  it("ends at the deadline when there is no answer at all", async () => {
    script(() => undefined);
    const transport = connectWith({ attemptTimeoutMs: 100, deadlineMs: 250, maxAttempts: 100 });
    const startedAt = performance.now();
    await assert.rejects(transport.request(get), { code: "Timeout" });
    // Generous: the machine may be busy. Without a deadline it would be ten seconds.
    assert.ok(performance.now() - startedAt < 5_000);
  });

  it("tries again, whatever the method, when nothing can have been sent", async () => {
    const gone = await FakeApiServer.start(ok);
    const kubeConfig = gone.kubeConfig();
    await gone.close();
    const metrics = new Metrics();
    const transport = connectWith({ kubeConfig, metrics, maxAttempts: 3 });
    await assert.rejects(transport.request(post), { code: "Unavailable", reason: "ConnectionFailed" });
    assert.match(await metrics.registry.metrics(), /code="Unavailable"\} 3/);
  });

  it("ends with the reason of the caller's signal", async () => {
    script(() => undefined);
    const controller = new AbortController();
    const request = connectWith().request({ ...get, signals: [undefined, controller.signal] });
    await until(() => server.requests.length === 1);
    controller.abort();
    await assert.rejects(request, { code: "Aborted" });
    const fenced = AbortSignal.abort(new KubeError("Fenced", "no"));
    await assert.rejects(connectWith().request({ ...get, signals: [fenced] }), { code: "Fenced" });
    assert.equal(server.requests.length, 1);
  });

  it("lets go of a signal that outlives the request", async () => {
    script(ok);
    const warnings: Error[] = [];
    const onWarning = (warning: Error): void => void warnings.push(warning);
    process.on("warning", onWarning);
    const signal = new AbortController().signal;
    const transport = connectWith();
    await Promise.all(Array.from({ length: 50 }, () => transport.request({ ...get, signals: [signal] })));
    await new Promise((resolve) => setImmediate(resolve));
    process.off("warning", onWarning);
    assert.deepEqual(warnings.map(String), []);
  });

  it("asks for permission when the connection is up, and sends nothing without it", async () => {
    script(ok);
    let asked = 0;
    const refuse = (): void => {
      asked += 1;
      throw new KubeError("Fenced", "no");
    };
    const transport = connectWith();
    await assert.rejects(transport.request({ ...post, beforeSend: refuse }), { code: "Fenced" });
    // Again on a connection that is open already.
    await transport.request(get);
    await assert.rejects(transport.request({ ...post, beforeSend: refuse }), { code: "Fenced" });
    assert.equal(asked, 2);
    assert.deepEqual(
      server.requests.map((request) => request.method),
      ["GET"],
    );
  });

  it("keeps to its rate, but for urgent requests", async () => {
    script(ok);
    const transport = connectWith({ rateLimit: { perSecond: 20, burst: 1 } });
    const startedAt = performance.now();
    await Promise.all(Array.from({ length: 20 }, () => transport.request({ ...get, urgent: true })));
    await Promise.all(Array.from({ length: 5 }, () => transport.request(get)));
    assert.ok(performance.now() - startedAt >= 195, "four of the five wait 50 ms each");
  });

  it("refuses an answer that is too long", async () => {
    script((_request, response) => response.end("x".repeat(2000)));
    await assert.rejects(connectWith({ maxResponseBytes: 1000 }).request(get), { reason: "ResponseTooLarge" });
  });

  it("turns whatever goes wrong into a KubeError", async () => {
    script((_request, response) => void response.socket?.end("this is not HTTP\r\n\r\n"));
    await assert.rejects(connectWith().request(get), { name: "KubeError", code: "Unavailable" });
    const kubeConfig = new KubeConfig();
    kubeConfig.loadFromClusterAndUser(
      { name: "c", server: "https://no-such-host.invalid", skipTLSVerify: false },
      { name: "u" },
    );
    await assert.rejects(connectWith({ kubeConfig }).request(get), { name: "KubeError", code: "Unavailable" });
  });

  it("counts attempts by verb, resource and code", async () => {
    script((_request, response) => sendStatus(response, 503, "Busy"), ok);
    const metrics = new Metrics();
    await connectWith({ metrics }).request(get);
    const text = await metrics.registry.metrics();
    assert.match(text, /api_requests_total\{verb="list",resource="things",code="503"\} 1/);
    assert.match(text, /api_requests_total\{verb="list",resource="things",code="200"\} 1/);
  });

  it("streams without a limit of time once the answer has begun", async () => {
    script((_request, response) => {
      response.writeHead(200);
      response.write("a");
      setTimeout(() => response.end("b"), 700);
    });
    const { body } = await connectWith({ attemptTimeoutMs: 500 }).stream(get);
    const chunks: string[] = [];
    for await (const chunk of body) chunks.push(String(chunk));
    assert.equal(chunks.join(""), "ab");
  });

  it("limits the time until a stream begins, and ends it with the signal", async () => {
    script(() => undefined);
    await assert.rejects(connectWith({ attemptTimeoutMs: 50 }).stream(get), { code: "Timeout" });
    script((_request, response) => void response.writeHead(200).write("a"));
    const controller = new AbortController();
    const { body } = await connectWith().stream({ ...get, signals: [controller.signal] });
    controller.abort();
    await assert.rejects(async () => {
      for await (const chunk of body) assert.ok(chunk);
    });
  });

  it("needs a cluster", () => {
    assert.throws(() => createTransport({ kubeConfig: new KubeConfig() }), { code: "BadRequest", reason: "NoCluster" });
  });
});

describe("credentials", () => {
  let folder: string;
  let server: FakeApiServer | undefined;
  let transport: Transport | undefined;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kube-credentials-"));
  });
  afterEach(async () => {
    transport?.close();
    await server?.close();
    rmSync(folder, { recursive: true });
  });

  const startTls = async (dnsName: string): Promise<{ caFile: string; server: FakeApiServer }> => {
    const certificate = createCertificate(dnsName);
    const caFile = join(folder, "ca.crt");
    writeFileSync(caFile, certificate.cert);
    server = await FakeApiServer.start(ok, certificate);
    return { caFile, server };
  };
  const configFor = (cluster: {
    caFile?: string;
    tlsServerName?: string;
    skipTLSVerify?: boolean;
    proxyUrl?: string;
  }): KubeConfig => {
    const kubeConfig = new KubeConfig();
    const url = `https://127.0.0.1:${server?.port ?? 0}`;
    kubeConfig.loadFromClusterAndUser({ name: "c", server: url, skipTLSVerify: false, ...cluster }, { name: "u" });
    return kubeConfig;
  };

  it("verify the server's certificate against the CA file, by tls-server-name", async () => {
    const { caFile } = await startTls("kubernetes.example");
    transport = createTransport({ kubeConfig: configFor({ caFile, tlsServerName: "kubernetes.example" }), ...fast });
    assert.equal((await transport.request(get)).status, 200);
    transport.close();
    transport = createTransport({ kubeConfig: configFor({ caFile }), ...fast });
    await assert.rejects(transport.request(get), { code: "Unavailable", reason: "RequestFailed" });
    transport.close();
    transport = createTransport({ kubeConfig: configFor({ tlsServerName: "kubernetes.example" }), ...fast });
    await assert.rejects(transport.request(get), { code: "Unavailable", reason: "RequestFailed" });
  });

  it("lead through the proxy of the kubeconfig", async () => {
    const { caFile, server: target } = await startTls("kubernetes.example");
    const proxy = createServer();
    const tunnels: string[] = [];
    proxy.on("connect", (request, socket: Socket) => {
      tunnels.push(request.url ?? "");
      const upstream = connect(target.port, "127.0.0.1", () => {
        socket.write("HTTP/1.1 200 OK\r\n\r\n");
        upstream.pipe(socket).pipe(upstream);
      });
      for (const end of [socket, upstream]) end.on("error", () => undefined);
    });
    proxy.listen(0, "127.0.0.1");
    await once(proxy, "listening");
    const proxyUrl = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
    const kubeConfig = configFor({ caFile, tlsServerName: "kubernetes.example", proxyUrl });
    transport = createTransport({ kubeConfig, ...fast });
    for (let count = 0; count < 5; count += 1) assert.equal((await transport.request(get)).status, 200);
    assert.deepEqual(tunnels, [`127.0.0.1:${target.port}`]);
    transport.close();
    proxy.close();
  });

  it("are not asked for with insecure-skip-tls-verify", async () => {
    await startTls("kubernetes.example");
    transport = createTransport({ kubeConfig: configFor({ skipTLSVerify: true }), ...fast });
    assert.equal((await transport.request(get)).status, 200);
  });

  it("follow the CA file when it is rotated", async () => {
    const first = await startTls("kubernetes.example");
    const kubeConfig = configFor({ caFile: first.caFile, tlsServerName: "kubernetes.example" });
    transport = createTransport({ kubeConfig, ...fast, credentialsRefreshMs: 0 });
    await transport.request(get);
    // The server gets a certificate of another CA, on the same port.
    const { port } = first.server;
    await first.server.close();
    const next = createCertificate("kubernetes.example");
    server = await FakeApiServer.start(ok, next, port);
    await assert.rejects(transport.request(get), { reason: "RequestFailed" });
    writeFileSync(first.caFile, next.cert);
    assert.equal((await transport.request(get)).status, 200);
  });

  it("keep the connection while they stay the same, and close it when they change", async () => {
    const { caFile, server: target } = await startTls("kubernetes.example");
    const kubeConfig = configFor({ caFile, tlsServerName: "kubernetes.example" });
    transport = createTransport({ kubeConfig, ...fast, credentialsRefreshMs: 0 });
    for (let count = 0; count < 5; count += 1) await transport.request(get);
    assert.equal(target.connections, 1);
    appendFileSync(caFile, createCertificate("another.example").cert);
    await transport.request(get);
    assert.equal(target.connections, 2);
    await until(() => target.openConnections === 1);
  });

  it("keep the old ones while the CA file is missing", async () => {
    const { caFile } = await startTls("kubernetes.example");
    const kubeConfig = configFor({ caFile, tlsServerName: "kubernetes.example" });
    transport = createTransport({ kubeConfig, ...fast, credentialsRefreshMs: 0 });
    await transport.request(get);
    rmSync(caFile);
    assert.equal((await transport.request(get)).status, 200);
  });

  it("are an error when there never were any", async () => {
    await startTls("kubernetes.example");
    const kubeConfig = configFor({ caFile: join(folder, "no-such-file") });
    transport = createTransport({ kubeConfig, ...fast });
    await assert.rejects(transport.request(get), { code: "Unauthorized", reason: "CredentialsUnavailable" });
  });

  it("are read again when the server refuses them, once", async () => {
    // An exec plugin whose token changes each time it is asked: what is cached is refused after a rotation.
    const script = join(folder, "plugin.sh");
    writeFileSync(
      script,
      `#!/bin/sh
echo x >> ${folder}/calls
calls=$(wc -l < ${folder}/calls | tr -d ' ')
echo '{"apiVersion":"client.authentication.k8s.io/v1","kind":"ExecCredential","status":{"token":"t'$calls'","expirationTimestamp":"2000-01-01T00:00:00Z"}}'
`,
      { mode: 0o755 },
    );
    server = await FakeApiServer.start((request, response) => {
      if (request.headers.authorization === "Bearer t2") sendJson(response, 200, {});
      else sendStatus(response, 401, "Unauthorized");
    });
    const kubeConfig = server.kubeConfig({ exec: { command: script, args: [] } });
    transport = createTransport({ kubeConfig, ...fast });
    assert.equal((await transport.request({ ...post })).status, 200);
    assert.deepEqual(
      server.requests.map((request) => request.headers.authorization),
      ["Bearer t1", "Bearer t2"],
    );
    server.handler = (_request, response) => sendStatus(response, 401, "Unauthorized");
    server.requests.length = 0;
    await assert.rejects(transport.request(get), { code: "Unauthorized", status: 401 });
    assert.equal(server.requests.length, 2);
  });

  it("do not hold a request beyond its deadline when the plugin hangs", async () => {
    const script = join(folder, "plugin.sh");
    writeFileSync(script, "#!/bin/sh\nexec sleep 2\n", { mode: 0o755 });
    server = await FakeApiServer.start(ok);
    const kubeConfig = server.kubeConfig({ exec: { command: script, args: [] } });
    transport = createTransport({ kubeConfig, ...fast, attemptTimeoutMs: 50, maxAttempts: 2 });
    await assert.rejects(transport.request(get), { code: "Timeout" });
    assert.equal(server.requests.length, 0);
  });

  it("trim the newline at the end of a token", async () => {
    const tokenFile = join(folder, "token");
    writeFileSync(tokenFile, "abc\n");
    server = await FakeApiServer.start(ok);
    const authProvider = { name: "tokenFile", config: { tokenFile } };
    transport = createTransport({ kubeConfig: server.kubeConfig({ authProvider }), ...fast });
    await transport.request(get);
    assert.equal(server.requests[0]?.headers.authorization, "Bearer abc");
  });
});
