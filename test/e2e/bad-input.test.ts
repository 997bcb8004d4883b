import assert from "node:assert/strict";
import { K8s, kind } from "kubernetes-fluent-client";
import {
  ClusterTrustPolicyKind,
  ModelRevisionKind,
  SecureModelKind,
  SecureNamespaceKind,
} from "../../src/api/fluent.ts";
import { apply, kubectl, must } from "./support/kubectl.ts";
import { type ModelOptions, model, namespaceObject, policy, pullSecret, secret } from "./support/objects.ts";
import { condition, events, find, grantOf, modelBecomes, podNames } from "./support/read.ts";
import { eventually, observe } from "./support/wait.ts";
import {
  SYSTEM,
  type World,
  discard,
  openWorld,
  operatorPod,
  reconciles,
  securedNamespace,
  unique,
} from "./support/world.ts";

/** Stands in a pull Secret and in private keys: nobody may ever read it anywhere else. */
const marker = "BV7kZp3qWm9sLx2dTr8hYc5nJf4gQa6e";
const hugeText = "x".repeat(200_000);
const absentDigest = `sha256:${"0".repeat(64)}`;

interface Case {
  readonly title: string;
  readonly name: string;
  /** Of the model; by default an artifact that nobody has to fetch. */
  readonly reference: string;
  readonly options?: Partial<ModelOptions>;
  /** Where, if not in the common serving namespace. */
  readonly namespace?: string;
  readonly reason: string;
  readonly message: RegExp;
}

interface BadPolicy {
  readonly title: string;
  readonly name: string;
  readonly key: object;
  readonly problem: RegExp;
}

describe("bad input that the API server lets pass", function () {
  this.timeout(120_000);
  const serving = unique("bad");
  const training = unique("bad-training");
  const bare = unique("bad-bare");
  const elsewhere = unique("bad-elsewhere");
  const images = unique("bad-images");
  const templates = unique("bad-templates");
  const namespaces = [serving, training, bare, elsewhere, images, templates];
  let world: World;
  let cases: readonly Case[];

  const badPolicies: readonly BadPolicy[] = [
    {
      title: "an inline PEM that does not parse",
      name: "inline-damaged",
      key: { inline: "-----BEGIN PUBLIC KEY-----\nbm90IGEga2V5\n-----END PUBLIC KEY-----" },
      problem: /not a usable public key: its PEM block is damaged; copy cosign\.pub again/,
    },
    {
      title: "a private key pasted behind a public one",
      name: "inline-private",
      key: {
        inline: `-----BEGIN PUBLIC KEY-----\nbm90IGEga2V5\n-----END PUBLIC KEY-----\n-----BEGIN PRIVATE KEY-----\n${marker}\n-----END PRIVATE KEY-----`,
      },
      problem: /it holds a PRIVATE key: replace it by the public key/,
    },
    {
      title: "a Secret with a text that is no PEM",
      name: "secret-damaged",
      key: { secretRef: { name: "bad-damaged", key: "cosign.pub" } },
      problem: /must be exactly one PEM block that starts with -----BEGIN PUBLIC KEY-----/,
    },
    {
      title: "a Secret with a private key",
      name: "secret-private",
      key: { secretRef: { name: "bad-private", key: "cosign.pub" } },
      problem: /it holds a PRIVATE key: .* make a new key pair/,
    },
    {
      title: "a Secret that is not there",
      name: "secret-missing",
      key: { secretRef: { name: "bad-missing", key: "cosign.pub" } },
      problem: /there is no Secret bad-missing in the operator's namespace; create it with cosign\.pub/,
    },
    {
      title: "a Secret without the key that is named",
      name: "secret-key-missing",
      key: { secretRef: { name: "bad-damaged", key: "absent.pub" } },
      problem: /Secret bad-damaged has no key absent\.pub; put it there/,
    },
    {
      title: "a Secret that is in a tenant's namespace",
      name: "secret-elsewhere",
      key: { secretRef: { name: "tenants-key", key: "cosign.pub" } },
      problem: /there is no Secret tenants-key in the operator's namespace/,
    },
  ];

  before(async () => {
    world = await openWorld();
    const { registry, trouble, artifacts } = world;
    const repository = `${registry}/${serving}`;
    const signed = `${repository}/signed`;
    const [digest] = await Promise.all([
      artifacts.small(`${serving}/signed`, "v1"),
      artifacts.small(`${serving}/unsigned`, "v1"),
      artifacts.small(`${serving}/annotated`, "v1", { "org.example.notes": hugeText }),
      artifacts.small("needs-login/model", "v1"),
    ]);
    await artifacts.sign(`${signed}@${digest}`);

    cases = [
      ...badPolicies.map(({ title, name, problem }): Case => ({
        title: `a policy with ${title}`,
        name: `policy-${name}`,
        reference: `${repository}/policy-${name}:v1`,
        reason: "PolicyNotReady",
        message: new RegExp(
          `policy ${serving}-${name} needs one signature, and too few are usable: authority release-team: .*${problem.source}`,
        ),
      })),
      {
        title: "a policy that is required and does not exist",
        name: "policy-absent",
        reference: `${signed}:v1`,
        options: { spec: { policies: [{ kind: "ClusterTrustPolicy", name: "absent" }] } },
        reason: "PolicyMissing",
        message: /there is no ClusterTrustPolicy absent, which this object requires; create it/,
      },
      {
        title: "a policy that is another namespace's",
        name: "policy-elsewhere",
        reference: `${signed}:v1`,
        options: { spec: { policies: [{ kind: "ClusterTrustPolicy", name: elsewhere }] } },
        reason: "OutOfScope",
        message:
          /its scope does not cover the artifact in this namespace .* extend spec\.scope of the policy, or remove it/,
      },
      {
        title: "a registry whose name does not resolve",
        name: "host-unknown",
        reference: "registry.nowhere.invalid/models/iris:v1",
        reason: "RegistryUnavailable",
        message: /registry\.nowhere\.invalid could not be resolved .*; check the name and the cluster's DNS/,
      },
      ...[
        ["loopback", "127.0.0.1:5000"],
        ["localhost", "localhost:5000"],
        ["link-local", "169.254.169.254"],
        ["api-server", "10.200.0.1:6443"],
        ["api-service", "kubernetes.default.svc:443"],
      ].map(([what = "", host = ""]): Case => ({
        title: `a registry at ${host}`,
        name: `address-${what}`,
        reference: `${host}/models/iris:v1`,
        reason: "AddressDenied",
        message: new RegExp(host.split(":")[0] ?? ""),
      })),
      {
        title: "a registry that answers 401",
        name: "answers-401",
        reference: `${trouble.host}/answers-401/iris:v1`,
        reason: "RegistryUnauthorized",
        message: /trouble\.test/,
      },
      {
        title: "a registry that answers 500",
        name: "answers-500",
        reference: `${trouble.host}/answers-500/iris:v1`,
        reason: "RegistryUnavailable",
        message: /trouble\.test:\d+ answered HTTP 500/,
      },
      {
        title: "a registry that answers with a page for people",
        name: "answers-garbage",
        reference: `${trouble.host}/answers-garbage/iris:v1`,
        reason: "RegistryUnavailable",
        message: /answered something other than a manifest/,
      },
      {
        title: "a registry that redirects to the metadata address",
        name: "answers-elsewhere",
        reference: `${trouble.host}/answers-elsewhere/iris:v1`,
        reason: "AddressDenied",
        message: /169\.254\.169\.254/,
      },
      {
        title: "a login that the registry does not know",
        name: "login-wrong",
        reference: `${trouble.host}/needs-login/model:v1`,
        options: {
          source: { oci: { reference: `${trouble.host}/needs-login/model:v1`, pullSecrets: [{ name: "wrong" }] } },
        },
        reason: "RegistryUnauthorized",
        message: /trouble\.test/,
      },
      {
        title: "a pull Secret that is only in another namespace",
        name: "login-elsewhere",
        reference: `${trouble.host}/needs-login/model:v1`,
        options: {
          source: { oci: { reference: `${trouble.host}/needs-login/model:v1`, pullSecrets: [{ name: "elsewhere" }] } },
        },
        reason: "RegistryUnauthorized",
        message: /trouble\.test/,
      },
      {
        title: "a digest that does not exist",
        name: "digest-absent",
        reference: `${signed}@${absentDigest}`,
        reason: "ArtifactNotFound",
        message: new RegExp(absentDigest),
      },
      {
        title: "a tag that does not exist",
        name: "tag-absent",
        reference: `${signed}:absent`,
        reason: "ArtifactNotFound",
        message: /signed:absent/,
      },
      {
        title: "an annotation of 200 kB on the SecureModel",
        name: "annotated",
        reference: `${repository}/unsigned:v1`,
        options: { metadata: { annotations: { "example.com/notes": hugeText } } },
        reason: "NoSignature",
        message: /demands a signature .*; sign it as release-team .*: cosign sign --key KEY/,
      },
      {
        title: "an annotation of 200 kB on the manifest",
        name: "manifest-annotated",
        reference: `${repository}/annotated:v1`,
        reason: "NoSignature",
        message: /cosign sign --key KEY/,
      },
      {
        title: "a namespace without a SecureNamespace",
        name: "unsecured",
        namespace: bare,
        reference: `${signed}:v1`,
        reason: "NamespaceNotSecured",
        message: new RegExp(`has no SecureNamespace: create one named ${bare} with profile: serving`),
      },
      {
        title: "a namespace for training",
        name: "not-serving",
        namespace: training,
        reference: `${signed}:v1`,
        reason: "NamespaceNotServing",
        message: /is for training: serve models in a namespace with profile: serving/,
      },
      {
        title: "a runtime that is not granted",
        name: "runtime",
        reference: `${signed}:v1`,
        options: { runtime: world.unsigned },
        reason: "RuntimeNotGranted",
        message: /is not granted in this namespace: add it to spec\.allowedImages of the SecureNamespace/,
      },
    ];

    await apply(
      ...[bare, elsewhere].map(namespaceObject),
      policy(
        serving,
        { references: ["**"], namespaces: [serving, training, bare, images, templates] },
        { inline: artifacts.publicKey },
      ),
      policy(elsewhere, { references: ["**"], namespaces: [elsewhere] }, { inline: artifacts.publicKey }),
    );
    await Promise.all([
      securedNamespace(serving, { allowedImages: [{ name: "runtime", reference: world.runtime }] }),
      securedNamespace(training, { profile: "training" }),
    ]);
    const auth = (username: string, password: string) => ({ [trouble.host]: { username, password } });
    await apply(
      secret(SYSTEM, "bad-damaged", { "cosign.pub": `no PEM, and ${marker}` }),
      secret(SYSTEM, "bad-private", {
        "cosign.pub": `-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n${marker}\n-----END ENCRYPTED SIGSTORE PRIVATE KEY-----`,
      }),
      secret(serving, "tenants-key", { "cosign.pub": artifacts.publicKey }),
      pullSecret(serving, "wrong", auth("ci", marker)),
      pullSecret(elsewhere, "elsewhere", auth("ci", "a-pull-secret")),
      ...badPolicies.map(({ name, key }) =>
        policy(`${serving}-${name}`, { references: [`${repository}/policy-${name}`] }, key),
      ),
    );
    // Not applied: kubectl apply would write the huge annotation a second time, into one of its own.
    const items = cases.map(({ name, namespace = serving, reference, options }) =>
      model(namespace, name, reference, { runtime: world.runtime, ...options }),
    );
    await must(["create", "-f", "-"], { input: { apiVersion: "v1", kind: "List", items } });
  });

  after(async () => {
    const names = badPolicies.map(({ name }) => `ctp/${serving}-${name}`);
    await discard(
      ...namespaces.map((name) => `namespace/${name}`),
      ...[serving, elsewhere].map((name) => `ctp/${name}`),
    );
    await discard(...names, ...[serving, training, images, templates].map((name) => `sns/${name}`));
    for (const name of ["bad-damaged", "bad-private"]) await must(["-n", SYSTEM, "delete", "secret", name]);
  });

  it("ends in a condition with a stable reason, a helpful message and a Warning Event", async () => {
    const problems: string[] = [];
    for (const { title, name, namespace = serving, reason, message } of cases) {
      try {
        const ready = condition(await modelBecomes(namespace, name, reason));
        assert.equal(ready.status, "False", `${title}: Ready`);
        assert.match(ready.message, message, title);
        assert.ok(ready.message.length < 3000, `${title}: ${ready.message.length} characters`);
        await eventually(
          `a Warning Event ${reason} of ${title}`,
          () => events(namespace),
          (all) =>
            all.some((one) => one.object === `SecureModel/${name}` && one.type === "Warning" && one.reason === reason),
          15_000,
        );
      } catch (error) {
        problems.push(`${title}: ${error instanceof Error ? error.message : String(error)}`);
      }
    }
    assert.ok(problems.length === 0, problems.join("\n"));
  });

  it("a policy without a usable key says so itself", async () => {
    for (const { title, name, problem } of badPolicies) {
      const found = await eventually(
        `policy ${name}`,
        () => find(ClusterTrustPolicyKind, `${serving}-${name}`),
        (one) => condition(one).reason === "KeysUnusable",
      );
      assert.match(condition(found).message, problem, title);
      assert.match(found?.status?.authorities?.[0]?.problem ?? "", problem, title);
      const heard = await events("default");
      const object = `ClusterTrustPolicy/${serving}-${name}`;
      assert.ok(
        heard.some((one) => one.object === object && one.type === "Warning"),
        title,
      );
    }
  });

  it("an allowed image that nobody signed is not granted", async () => {
    await securedNamespace(
      images,
      { allowedImages: [{ name: "tools", reference: world.unsigned }] },
      "ImagesNotVerified",
    );
    const found = await find(SecureNamespaceKind, images);
    assert.match(condition(found).message, /tools: NoSignature: .*cosign sign --key KEY/);
    assert.equal(found?.status?.images?.[0]?.verdict.outcome, "Rejected");
    assert.deepEqual((await grantOf(images))?.digests ?? {}, {});
    const pod = { name: "tools", image: world.unsigned };
    const { ok, output } = await kubectl(["-n", images, "run", pod.name, `--image=${pod.image}`]);
    assert.equal(ok, false, "an unsigned image runs");
    assert.match(output, /denied request/);
  });

  it("is never granted and never gets a pod, a Deployment or a revision", async () => {
    for (const namespace of namespaces.filter((one) => one !== templates)) {
      const granted = (await grantOf(namespace)) ?? { digests: {}, revisions: {} };
      assert.deepEqual(granted.revisions, {}, namespace);
      const strangers = Object.values(granted.digests)
        .flatMap((uses) => Object.values(uses))
        .flatMap((use) => use?.grantors ?? [])
        .filter((grantor) => grantor.kind === "SecureModel");
      assert.deepEqual(strangers, [], namespace);
      assert.deepEqual(await podNames(namespace), [], namespace);
      assert.deepEqual((await K8s(kind.Deployment).InNamespace(namespace).Get()).items, [], namespace);
    }
  });

  it("a pod template that the API server refuses is said, and makes no Deployment", async () => {
    const bad: readonly (readonly [string, Partial<ModelOptions>, RegExp])[] = [
      [
        "probe",
        { container: { livenessProbe: { tcpSocket: { port: 8080 }, successThreshold: 2 } } },
        /livenessProbe\.successThreshold: Invalid value: 2: must be 1/,
      ],
      [
        "requests",
        { container: { resources: { limits: { cpu: "100m" }, requests: { cpu: "200m" } } } },
        /requests: Invalid value: "200m": must be less than or equal to cpu limit/,
      ],
      ["label", { template: { metadata: { labels: { "example.com/team": "not a label" } } } }, /metadata\.labels/],
    ];
    await securedNamespace(templates, { allowedImages: [{ name: "runtime", reference: world.runtime }] });
    const reference = `${world.registry}/${serving}/signed:v1`;
    await apply(
      ...bad.map(([name, options]) => model(templates, name, reference, { runtime: world.runtime, ...options })),
    );
    for (const [name, , message] of bad) {
      assert.match(condition(await modelBecomes(templates, name, "PodRefused")).message, message, name);
    }
    assert.deepEqual(await podNames(templates), []);
    assert.deepEqual((await K8s(kind.Deployment).InNamespace(templates).Get()).items, []);
  });

  it("is refused by name and by form where no condition could help", async () => {
    const create = (name: string, reference = "registry.example.com/iris:v1") =>
      kubectl(["create", "-f", "-"], { input: model(serving, name, reference, { runtime: world.runtime }) });
    const refusals: readonly (readonly [Awaited<ReturnType<typeof create>>, RegExp])[] = [
      [
        await create("a".repeat(53)),
        /must start with a letter, .* at most 52 characters, for example name: fraud-scorer/,
      ],
      [await create("a".repeat(63)), /at most 52 characters/],
      [await create("a".repeat(253)), /at most 52 characters/],
      [await create("v1.2"), /hold only a-z, 0-9 and -/],
      [await create("ipv6", "[::1]:5000/models/iris:v1"), /spec\.source\.oci\.reference/],
      [
        await kubectl(["create", "-f", "-"], {
          input: model(serving, "pull", "registry.example.com/iris:v1", {
            runtime: world.runtime,
            source: { oci: { reference: "registry.example.com/iris:v1", pullSecrets: [{ name: "elsewhere/secret" }] } },
          }),
        }),
        /spec\.source\.oci\.pullSecrets\[0\]\.name/,
      ],
    ];
    for (const [{ ok, output }, expected] of refusals) {
      assert.equal(ok, false, output);
      assert.match(output, expected);
    }
  });

  it("is not asked about again and again", async () => {
    const asked = () => world.trouble.asked("answers-500/iris") + world.trouble.asked("answers-401/iris");
    const before = asked();
    const seen = await observe(10_000, reconciles);
    const passes = (seen.at(-1) ?? 0) - (seen[0] ?? 0);
    assert.ok(passes <= 4 * cases.length, `${passes} passes over ${cases.length} bad models in 10 s`);
    assert.ok(asked() - before <= 12, `${asked() - before} requests to two registries out of order in 10 s`);
  });

  it("neither crashes the operator nor shows a secret", async () => {
    const pod = await operatorPod();
    assert.equal(pod.restarts, 0);
    const logs = await must(["-n", SYSTEM, "logs", pod.name]);
    const kinds = [SecureModelKind, SecureNamespaceKind, ClusterTrustPolicyKind, ModelRevisionKind];
    const statuses = await Promise.all(
      kinds.map(async (one) => (await K8s(one as typeof SecureModelKind).Get()).items.map(({ status }) => status)),
    );
    const { items } = await K8s(kind.CoreEvent).Get();
    assert.ok(logs.length > 0 && items.length > 0);
    for (const [where, text] of Object.entries({
      logs,
      statuses: JSON.stringify(statuses),
      events: JSON.stringify(items),
    })) {
      for (const form of [
        marker,
        Buffer.from(marker).toString("base64"),
        Buffer.from(`ci:${marker}`).toString("base64"),
      ]) {
        assert.ok(!text.includes(form), `the marker is in the ${where}`);
      }
    }
  });
});
