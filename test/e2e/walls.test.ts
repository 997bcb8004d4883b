import assert from "node:assert/strict";
import { execa } from "execa";
import { createServer, type Server } from "node:net";
import { apply, json, kubectl, must } from "./support/kubectl.ts";
import { TEST_LABEL, namespaceObject, policy, secureNamespace } from "./support/objects.ts";
import { type Target, answering, send, sendUntil } from "./support/packets.ts";
import { eventually } from "./support/wait.ts";
import { type World, discard, openWorld, unique } from "./support/world.ts";

const declaredPort = 8080;
const otherPort = 9090;
/** Where clouds tell a machine its credentials, and an address near it that nobody minds. */
const metadataService = "169.254.169.254";
const nearby = "169.253.0.1";

interface Condition {
  readonly type: string;
  readonly status: string;
  readonly reason: string;
  readonly message: string;
}

/** The walls of a SecureNamespace, tried with packets on the real node. */
describe("the walls of a namespace", function () {
  this.timeout(180_000);
  const lab = unique("lab");
  const store = unique("store");
  const stranger = unique("stranger");
  const namespaces = [lab, store, stranger];
  const servers: Server[] = [];
  let world: World;
  let addresses: Readonly<Record<string, string>> = {};
  let outside: Target;
  let apiServer: Target;

  before(async () => {
    world = await openWorld();
    const [host = "", port = ""] = world.registry.split(":");
    outside = { address: await addressOf(host), port: Number(port), protocol: "TCP" };
    apiServer = {
      address: await must(["get", "service", "kubernetes", "-o", "jsonpath={.spec.clusterIP}"]),
      port: 443,
      protocol: "TCP",
    };
    await apply(policy(lab, { references: [`${world.registry}/**`] }, { inline: world.artifacts.publicKey }));
    await apply(...namespaces.map(namespaceObject));
    await declare("Audit");
    await apply(...namespaces.map((name) => pod(name)));
    await Promise.all(
      namespaces.map((name) => must(["-n", name, "wait", "--for=condition=Ready", "pod/main", "--timeout=90s"])),
    );
    const found = await Promise.all(namespaces.map(async (name) => [name, await podAddress(name)] as const));
    addresses = Object.fromEntries(found);
    for (const address of [metadataService, nearby]) {
      await execa("ip", ["address", "replace", `${address}/32`, "dev", "lo"]);
      servers.push(await listen(address));
    }
  });

  after(async () => {
    for (const server of servers) server.close();
    for (const address of [metadataService, nearby]) {
      await execa("ip", ["address", "delete", `${address}/32`, "dev", "lo"], { reject: false });
    }
    await kubectl(["patch", "sns", lab, store, "--type=merge", "-p", '{"spec":{"deletionPolicy":"Open"}}']);
    await discard(`sns/${lab}`, `sns/${store}`, `ctp/${lab}`, ...namespaces.map((name) => `namespace/${name}`));
  });

  /** The lab may ask the store, and the store lets it; the whole of 169.0.0.0/8 is open to it, but for the metadata service. */
  async function declare(enforcement: "Audit" | "Enforce", extra: object = {}): Promise<void> {
    const allowedImages = [{ name: "runtime", reference: world.runtime }];
    const ports = [{ port: declaredPort }];
    await apply(
      secureNamespace(lab, {
        profile: "experiment",
        enforcement,
        allowedImages,
        network: {
          egress: [
            { name: "features", to: [{ secureNamespace: { name: store } }], ports },
            { name: "links", to: [{ cidr: { block: "169.0.0.0/8" } }], ports },
          ],
        },
        ...extra,
      }),
      secureNamespace(store, {
        profile: "training",
        enforcement,
        allowedImages,
        network: { ingress: [{ name: "features", from: [{ secureNamespace: { name: lab } }], ports }] },
      }),
    );
    const wanted = enforcement === "Enforce" ? "True" : "False";
    await Promise.all(
      [lab, store].map((name) =>
        eventually(
          `${name} has Isolated=${wanted}`,
          () => condition(name, "Isolated"),
          (found) => found?.status === wanted,
        ),
      ),
    );
  }

  const pod = (namespace: string, name = "main", labels: object = {}): object => ({
    apiVersion: "v1",
    kind: "Pod",
    metadata: { namespace, name, labels },
    spec: {
      terminationGracePeriodSeconds: 1,
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, runAsUser: 65532, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          name: "main",
          image: world.runtime,
          // The model server's image has no other name for it.
          command: answering([declaredPort, otherPort], "python3.11"),
          resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
          securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
        },
      ],
    },
  });

  const at = (namespace: string, port: number): Target => ({
    address: addresses[namespace] ?? "",
    port,
    protocol: "TCP",
  });
  const on = (address: string): Target => ({ address, port: declaredPort, protocol: "TCP" });

  it("in Audit everything is reached", async () => {
    const targets = [at(store, declaredPort), at(store, otherPort), at(stranger, declaredPort), outside, apiServer];
    await sendUntil([lab, "main"], [...targets, on(metadataService), on(nearby)], Array(7).fill("Reached"));
    await sendUntil([stranger, "main"], [at(lab, declaredPort), at(store, declaredPort)], ["Reached", "Reached"]);
  });

  it("in Enforce only what both sides declare is reached", async () => {
    await declare("Enforce");
    await sendUntil(
      [lab, "main"],
      [at(store, declaredPort), at(store, otherPort), at(stranger, declaredPort), outside, apiServer],
      ["Reached", "Dropped", "Dropped", "Dropped", "Dropped"],
    );
    await sendUntil([store, "main"], [at(lab, declaredPort), at(stranger, declaredPort)], ["Dropped", "Dropped"]);
    await sendUntil([stranger, "main"], [at(lab, declaredPort), at(store, declaredPort)], ["Dropped", "Dropped"]);
  });

  it("the metadata service is not reached, although a declared range has it inside", async () => {
    await sendUntil([lab, "main"], [on(nearby), on(metadataService)], ["Reached", "Dropped"]);
  });

  it("the cluster's DNS is reached", async () => {
    const address = await must(["-n", "kube-system", "get", "service", "kube-dns", "-o", "jsonpath={.spec.clusterIP}"]);
    await sendUntil([lab, "main"], [{ address, port: 53, protocol: "TCP" }], ["Reached"]);
  });

  it("a stranger that wears the peer's labels is not let in (label spoofing)", async () => {
    await must(["label", "namespace", stranger, `name=${lab}`, `${TEST_LABEL}-peer=${lab}`]);
    const spoofed = await kubectl([
      "label",
      "namespace",
      stranger,
      `kubernetes.io/metadata.name=${lab}`,
      "--overwrite",
    ]);
    if (spoofed.ok) assert.equal(await nameLabel(stranger), stranger);
    const { ok, output } = await kubectl(["label", "namespace", stranger, "mlsecops.io/profile=experiment"]);
    assert.equal(ok, false);
    assert.match(output, /written only by the operator/);
    assert.deepEqual(await send(stranger, "main", [at(store, declaredPort)]), ["Dropped"]);
  });

  it("a policy that opens beside the walls is named, and its end is noticed (additive policy)", async () => {
    await apply({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { namespace: lab, name: "open-all" },
      spec: { podSelector: {}, policyTypes: ["Ingress", "Egress"], ingress: [{}], egress: [{}] },
    });
    const found = await eventually(
      "Isolated is False",
      () => condition(lab, "Isolated"),
      (isolated) => isolated?.status === "False",
      10_000,
    );
    assert.equal(found?.reason, "PolicyWidens");
    assert.match(found.message, /open-all.*main/s);
    await sendUntil([lab, "main"], [at(stranger, declaredPort), outside], ["Reached", "Reached"]);
    await must(["-n", lab, "delete", "networkpolicy", "open-all"]);
    await eventually(
      "Isolated is True again",
      () => condition(lab, "Isolated"),
      (isolated) => isolated?.status === "True",
      10_000,
    );
    await sendUntil([lab, "main"], [at(stranger, declaredPort), outside], ["Dropped", "Dropped"]);
  });

  it("a wall that is torn down or bent comes back within two seconds", async () => {
    const walls = async (): Promise<object> =>
      ((await json("-n", lab, "get", "networkpolicy", "mlsecops-default-deny")) as { spec: object }).spec;
    const before = await walls();
    const bend = JSON.stringify({ spec: { egress: [{}] } });
    const attacks: readonly (readonly string[])[] = [
      ["delete", "networkpolicy", "mlsecops-default-deny", "--wait=false"],
      ["patch", "networkpolicy", "mlsecops-default-deny", "--type=merge", "-p", bend],
    ];
    for (const attack of attacks) {
      await must(["-n", lab, ...attack]);
      await eventually(
        `the wall is back after ${attack[0] ?? ""}`,
        () => walls().catch(() => ({})),
        (spec) => JSON.stringify(spec) === JSON.stringify(before),
        2_000,
      );
    }
    await sendUntil([lab, "main"], [at(stranger, declaredPort)], ["Dropped"]);
  });

  it("with onBreach: Block the API server refuses what would open", async () => {
    await declare("Enforce", { onBreach: "Block" });
    const open = {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: { namespace: lab, name: "open-all" },
      spec: { podSelector: {}, policyTypes: ["Ingress"], ingress: [{}] },
    };
    await eventually(
      "the policy is refused",
      () => kubectl(["create", "--dry-run=server", "-f", "-"], { input: open }),
      ({ ok, output }) => !ok && /spec\.network/.test(output),
      10_000,
    );
  });

  it("opened again, packets get everywhere, and nothing of the user's is gone", async () => {
    await must(["patch", "sns", lab, store, "--type=merge", "-p", '{"spec":{"deletionPolicy":"Open"}}']);
    await must(["delete", "sns", lab, store, "--timeout=60s"]);
    await sendUntil(
      [lab, "main"],
      [at(stranger, declaredPort), outside, on(metadataService)],
      Array(3).fill("Reached"),
    );
    assert.match(await must(["-n", lab, "get", "networkpolicies,resourcequotas,limitranges", "-o", "name"]), /^$/);
  });

  async function condition(name: string, type: string): Promise<Condition | undefined> {
    const { status } = (await json("get", "sns", name)) as { status?: { conditions?: Condition[] } };
    return status?.conditions?.find((one) => one.type === type);
  }
});

async function podAddress(namespace: string): Promise<string> {
  return must(["-n", namespace, "get", "pod", "main", "-o", "jsonpath={.status.podIP}"]);
}

async function nameLabel(namespace: string): Promise<string> {
  return must(["get", "namespace", namespace, "-o", "jsonpath={.metadata.labels.kubernetes\\.io/metadata\\.name}"]);
}

async function addressOf(host: string): Promise<string> {
  const { stdout } = await execa("getent", ["hosts", host]);
  return stdout.split(/\s+/)[0] ?? host;
}

function listen(address: string): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => socket.destroy());
    server.on("error", reject).listen(declaredPort, address, () => {
      resolve(server);
    });
  });
}
