import assert from "node:assert/strict";
import { createHmac, randomBytes } from "node:crypto";
import { once } from "node:events";
import { type IncomingHttpHeaders, type Server, createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { ModelEvent } from "../../../src/api/index.ts";
import { type KubeObject, secretType } from "../../../src/kube/index.ts";
import { operatorNamespace } from "./support/installation.ts";
import { type Lane, modelName, models } from "./support/lane.ts";
import { type OperatorProcess, quiet } from "./support/operator-process.ts";
import { Stage, inParallel, reach } from "./support/stage.ts";

/** Of the local cluster's registry: an address of this machine that is not loopback. */
const host = "registry.test";
const secretName = "event-signing-key";
const key = randomBytes(32);
const events = { group: "events.k8s.io", version: "v1", kind: "Event", plural: "events", namespaced: true };

interface Received {
  readonly path: string;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
  readonly event: ModelEvent;
}

/** Takes what is posted to it; the first attempts as a test says. */
class Receiver {
  readonly got: Received[] = [];
  /** So many requests are answered by 503 first. */
  failures = 0;
  readonly #server: Server;

  constructor() {
    this.#server = createServer((request, response) => {
      void text(request).then((body) => {
        this.failures -= 1;
        if (this.failures >= 0) return response.writeHead(503).end();
        const { url: path = "", headers } = request;
        this.got.push({ path, headers, body, event: ModelEvent.parse(JSON.parse(body)) });
        return response.writeHead(204).end();
      });
    });
  }

  async start(): Promise<string> {
    this.#server.listen(0, "0.0.0.0");
    await once(this.#server, "listening");
    return `http://${host}:${(this.#server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** What came there of one tenant. */
  at(path: string, { name }: Lane): readonly Received[] {
    return this.got.filter((one) => one.path === path && one.event.data.namespace === name);
  }

  typesAt(path: string, lane: Lane): readonly string[] {
    return this.at(path, lane).map(({ event }) => event.type.slice("io.mlsecops.model.".length));
  }
}

/** As a receiver checks it, without any code of the operator's. */
function isSigned({ headers, body }: Received): boolean {
  const { "webhook-id": id, "webhook-timestamp": at, "webhook-signature": signature } = headers;
  const right = createHmac("sha256", key)
    .update(`${String(id)}.${String(at)}.${body}`)
    .digest("base64");
  return signature === `v1,${right}` && Math.abs(Date.now() / 1000 - Number(at)) < 300;
}

function tells({ name: namespace }: Lane, url: string): KubeObject {
  const notifications = [
    {
      name: "on-call",
      url: `${url}/on-call`,
      secretRef: { name: secretName },
      events: ["io.mlsecops.model.rolledback", "io.mlsecops.model.verdict.rejected"],
    },
    { name: "metadata", url: "https://169.254.169.254/latest" },
  ];
  const object = { kind: models.kind, metadata: { namespace, name: modelName }, spec: { notifications } };
  return { apiVersion: "mlsecops.io/v1alpha1", ...object };
}

describe("the operator, and those who are told of its models", function () {
  this.timeout(300_000);
  const stage = new Stage();
  const receiver = new Receiver();
  let operator: OperatorProcess;
  let failing: Lane;
  let revoked: Lane;
  let digests: readonly string[] = [];

  const addSecret = async (namespace: string): Promise<void> => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: secretName, namespace, labels: { "mlsecops.io/use": "cloudevents" } },
      data: { signingKey: Buffer.from(`whsec_${key.toString("base64")}`).toString("base64") },
    };
    await stage.installation.admin.apply<KubeObject>(secretType, secret, { fieldManager: "test" });
  };

  before(async () => {
    const url = await receiver.start();
    await stage.set();
    digests = [stage.artifacts.v1, stage.artifacts.v2].map((reference) => reference.split("@")[1] ?? "none");
    await addSecret(operatorNamespace);
    operator = await stage.operator({
      args: [
        `--notifications-url=${url}/all`,
        `--notifications-secret=${secretName}`,
        `--plain-http-notifications=${host}`,
      ],
    });
    const lanes = stage.lanes(2);
    [failing, revoked] = lanes as [Lane, Lane];
    await inParallel(lanes, async (lane) => {
      await lane.create();
      await addSecret(lane.name);
      await stage.installation.admin.apply<KubeObject>(models, tells(lane, url), { fieldManager: "teller" });
      await reach([lane], () => lane.serves("v1"), { operator, withinMs: 90_000 });
    });
  });
  after(async () => {
    await operator.kill();
    await stage.installation.admin.remove(secretType, { namespace: operatorNamespace, name: secretName });
    await stage.strike();
    await receiver.stop();
  });

  it("sends one signed event of a rollback, although the receiver fails at first", async () => {
    await failing.serve("v2");
    await reach([failing], () => failing.serves("v2"), { operator, withinMs: 90_000 });
    receiver.failures = 2;
    const revision = await failing.fail();
    await reach([failing], () => failing.rolledBackTo("v1"), { operator, withinMs: 90_000 });
    await reach([failing], () => Promise.resolve(receiver.at("/on-call", failing).length > 0), { operator });
    await quiet(operator, 3_000);
    assert.deepEqual(receiver.typesAt("/on-call", failing), ["rolledback"]);
    const [received] = receiver.at("/on-call", failing) as [Received];
    assert.ok(isSigned(received));
    const { data, source, subject, id } = received.event;
    assert.equal(received.headers["webhook-id"], id);
    assert.equal(source, `/apis/mlsecops.io/v1alpha1/namespaces/${failing.name}/securemodels/${modelName}`);
    assert.equal(subject, revision);
    assert.deepEqual([data.from, data.digest, data.reason], [revision, digests[1], "CrashLoop"]);
  });

  it("sends one signed event of a rejected verdict", async () => {
    await revoked.trust(false);
    await reach([revoked], () => revoked.quarantined(), { operator, withinMs: 90_000 });
    await reach([revoked], () => Promise.resolve(receiver.at("/on-call", revoked).length > 0), { operator });
    await quiet(operator, 3_000);
    assert.deepEqual(receiver.typesAt("/on-call", revoked), ["verdict.rejected"]);
    const [received] = receiver.at("/on-call", revoked) as [Received];
    assert.ok(isSigned(received));
    assert.equal(received.event.data.digest, digests[0]);
  });

  it("tells the administrator's receiver all of it, signed as well", () => {
    // Whether a status says that it is unhealthy before it is left depends on what was under way.
    const told = receiver.typesAt("/all", failing).filter((type) => type !== "unhealthy");
    assert.deepEqual(told, ["promoted", "promoted", "rolledback"]);
    assert.deepEqual(receiver.typesAt("/all", revoked), ["promoted", "verdict.rejected", "quarantined"]);
    assert.ok([...receiver.at("/all", failing), ...receiver.at("/all", revoked)].every(isSigned));
  });

  it("sends nothing to an address that no tenant may reach, and says so", async () => {
    const found = await stage.installation.admin.list<KubeObject & { readonly reason: string; readonly note: string }>(
      events,
      { namespace: revoked.name },
    );
    const lost = found.filter(({ reason }) => reason === "NotificationLost");
    assert.notEqual(lost.length, 0);
    for (const { note } of lost) assert.match(note, /for sink metadata: 169\.254\.169\.254 must not be reached/);
  });
});
