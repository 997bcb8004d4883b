import assert from "node:assert/strict";
import { API_VERSION, type SecureModelSpec, kinds, parseObject } from "../../../src/api/index.ts";
import { type KubeObject, type Transport, isKubeError } from "../../../src/kube/index.ts";
import { connect } from "../kube/support.ts";
import {
  type Answer,
  type Json,
  apply,
  eventually,
  installCrds,
  kubectl,
  must,
  randomName,
} from "../admission/support.ts";

/**
 * Who writes a malformed object is told which field is wrong and what to write instead, by the real API server; and the
 * operator's own parse, which sees what was stored under another schema, refuses the same.
 */

let transport: Transport;
const namespace = randomName("mlsecops-refusals");
const hex = "0123456789abcdef".repeat(4);
const digest = `sha256:${hex}`;
const image = `registry.example.com/runtimes/onnx@${digest}`;
const pem = "-----BEGIN PUBLIC KEY-----\nMFkw\n-----END PUBLIC KEY-----\n";

const s3 = { endpoint: "https://s3.example.com", bucket: "models", prefix: "iris/" };
const imports = { import: { repository: "registry.example.com/models/iris" } };

const bases: Readonly<Record<string, () => Json>> = {
  ClusterTrustPolicy: () => ({
    metadata: { name: "refusals" },
    spec: {
      mode: "Enforce",
      scope: { references: ["registry.example.com/models/**"], namespaces: ["fraud-*"] },
      authorities: [{ name: "release-team", key: { secretRef: { name: "release-key", key: "cosign.pub" } } }],
      deny: { digests: [digest] },
      validity: { recheckAfter: "1h", validFor: "24h", onExpiry: "Quarantine", maxGrace: "24h" },
    },
  }),
  SecureNamespace: () => ({
    metadata: { name: namespace },
    spec: {
      profile: "serving",
      enforcement: "Audit",
      allowedImages: [
        {
          name: "runtime",
          reference: "registry.example.com/runtimes/onnx:1.0",
          uses: ["container"],
          policies: [{ name: "release" }],
          pullSecrets: [{ name: "login" }],
        },
      ],
    },
  }),
  SecureModel: () => ({
    metadata: { name: "refusals", namespace },
    spec: {
      source: { oci: { reference: "registry.example.com/models/iris:v1", pullSecrets: [{ name: "login" }] } },
      policies: [{ name: "release" }],
      workload: {
        managed: {
          template: {
            metadata: { labels: { team: "fraud" } },
            spec: {
              containers: [
                {
                  name: "runtime",
                  image,
                  env: [
                    { name: "A", value: "1" },
                    { name: "B", valueFrom: { fieldRef: { fieldPath: "metadata.name" } } },
                  ],
                  ports: [{ name: "http", containerPort: 8080 }],
                  resources: { limits: { cpu: 1, memory: "512Mi" }, requests: { cpu: "100m" } },
                  readinessProbe: { httpGet: { path: "/", port: "http" } },
                  volumeMounts: [{ name: "scratch", mountPath: "/scratch" }],
                },
              ],
              volumes: [{ name: "scratch", emptyDir: { sizeLimit: "1Gi" } }],
              imagePullSecrets: [{ name: "login" }],
              tolerations: [{ key: "gpu", operator: "Exists", effect: "NoSchedule" }],
            },
          },
        },
      },
    },
  }),
};

const signalPath = { names: "spec.health.signals\\[0\\]" };
const probing = (part: object) => ({ signals: [{ name: "golden", probe: { path: "/" }, ...part }] });
const agreeing = (part: object, agreement: object = {}) => ({
  signals: [{ name: "same", agreement: { path: "/", bodies: ["{}"], json: ["a"], ...agreement }, ...part }],
});
const sinkPath = (part: string) => ({ names: `spec.notifications\\[0\\].${part}` });
const sink = (part: object = {}) => ({ name: "on-call", url: "https://events.example.com", ...part });

const strategyPath = (part: string) => ({ names: `spec.strategy.${part}` });
const routePath = (part: string) => strategyPath(`traffic.httpRoute.${part}`);
const canary = (...weights: readonly number[]) => ({ type: "Canary", steps: weights.map((weight) => ({ weight })) });
const byRoute = (part: object = {}) => ({ httpRoute: { parentRefs: [{ name: "public" }], ...part } });
const routed = (part: object) => ({ type: "BlueGreen", traffic: byRoute(part) });
const parent = (part: object) => routed({ parentRefs: [{ name: "public", ...part }] });

interface Case {
  readonly kind: string;
  /** The field that is changed. */
  readonly at: string;
  /** What it is changed to; undefined takes it out. */
  readonly to: unknown;
  /** What the text must hold besides the field's path: an example, or what to write instead. */
  readonly says: RegExp;
  /** The path that is named, where it is another one. */
  readonly names?: string;
  /** Only the API server can know it, or only it has to. */
  readonly apiOnly?: true;
}

const cases: readonly Case[] = [
  ...of("ClusterTrustPolicy", [
    ["spec", undefined, /for example spec: \{scope:/, { apiOnly: true }],
    ["spec", "text", /must be of type object/],
    ["spec.suspend", "yes", /must be of type boolean/],
    ["spec.mode", "Block", /supported values: "Enforce", "Warn"/],
    ["spec.mode", "", /supported values: "Enforce", "Warn"/],
    ["spec.modes", "Warn", /unknown field/, { names: "spec.modes" }],
    ["spec.scope", undefined, /for example scope: \{references: \[registry\.example\.com/],
    ["spec.scope", [], /must be of type object/],
    ["spec.scope.references", undefined, /for example references: \[registry\.example\.com/],
    ["spec.scope.references", [], /at least 1 items/],
    ["spec.scope.references", "registry.example.com/**", /must be of type array/],
    ["spec.scope.references", many(65, (n) => `registry.example.com/m${n}`), /at most 64 items/],
    ["spec.scope.references[0]", "", /for example registry\.example\.com\/models\/\*\*/],
    ["spec.scope.references[0]", "https://registry.example.com/a@sha", /without scheme, tag and digest, for example/],
    ["spec.scope.references[0]", "a".repeat(513), /may not be more than 512/],
    ["spec.scope.namespaces", [], /at least 1 items/],
    ["spec.scope.namespaces[0]", "Fraud_Serving", /for example fraud-\*/],
    ["spec.scope.namespaces[0]", "a".repeat(64), /may not be more than 63/],
    ["spec.scope.namespace", "a", /unknown field/],
    ["spec.authorities", {}, /must be of type array/],
    ["spec.authorities[0].name", undefined, /Required value/],
    ["spec.authorities[0].name", "Release Team", /for example release-team/],
    ["spec.authorities[0].name", "", /for example release-team/],
    ["spec.authorities[0].name", "a".repeat(64), /may not be more than 63/],
    ["spec.authorities[1]", { name: "release-team", key: { inline: pem } }, /Duplicate value/, { apiOnly: true }],
    ["spec.authorities", many(17, (n) => ({ name: `a${n}`, key: { inline: pem } })), /at most 16 items/],
    [
      "spec.authorities[0].key",
      undefined,
      /exactly one of key, certificate or keyless, for example key: \{secretRef/,
      { apiOnly: true, names: "spec.authorities\\[0\\]" },
    ],
    [
      "spec.authorities[0].certificate",
      { ca: { inline: "-----BEGIN CERTIFICATE-----" }, subjects: [{ subject: "a" }] },
      /exactly one of key, certificate or keyless/,
      { apiOnly: true, names: "spec.authorities\\[0\\]" },
    ],
    ["spec.authorities[0].key.kms", "release key", /for example hashivault:\/\/release/],
    ["spec.threshold", 0, /greater than or equal to 1/],
    ["spec.threshold", 2, /not be more than there are authorities/, { apiOnly: true }],
    ["spec.threshold", 17, /less than or equal to 16/],
    [
      "spec.timestampAuthorities",
      [{ name: "a" }],
      /for example certificateChain: \{secretRef/,
      { names: "spec.timestampAuthorities\\[0\\].certificateChain" },
    ],
    [
      "spec.age",
      { minimum: "2h", maximum: "1h" },
      /maximum must be longer than minimum/,
      { apiOnly: true, names: "spec.age.maximum" },
    ],
    ["spec.age", { minimum: "1d" }, /a day is 24h/, { names: "spec.age.minimum" }],
    ["spec.deny.keys", ["abc"], /write sha256:/, { names: "spec.deny.keys\\[0\\]" }],
    [
      "spec.deny.signers",
      [{}],
      /exactly one of subject or subjectRegExp/,
      { apiOnly: true, names: "spec.deny.signers\\[0\\]" },
    ],
    [
      "spec.attestations",
      [{ name: "a" }],
      /for example predicateType: https:/,
      { names: "spec.attestations\\[0\\].predicateType" },
    ],
    [
      "spec.attestations",
      [{ name: "a", predicateType: "b", authorities: ["nobody"] }],
      /must be names of spec\.authorities/,
      { apiOnly: true },
    ],
    [
      "spec.attestations",
      [{ name: "a", predicateType: "b", conditions: [{}] }],
      /for example expression: predicate\.score/,
      { names: "spec.attestations\\[0\\].conditions\\[0\\].expression" },
    ],
    [
      "spec.attestations",
      [{ name: "a", predicateType: "b", authorities: ["release-team"], threshold: 2 }],
      /not be more than there are authorities/,
      { apiOnly: true, names: "spec.attestations\\[0\\].threshold" },
    ],
    ["spec.formats", { allow: ["pickle"] }, /supported values/, { names: "spec.formats.allow\\[0\\]" }],
    [
      "spec.formats",
      { trustedTypes: ["a b"] },
      /for example sklearn\.linear_model/,
      { names: "spec.formats.trustedTypes\\[0\\]" },
    ],
    ["spec.authorities[0].key", {}, /exactly one of inline .* for example secretRef/, { apiOnly: true }],
    ["spec.authorities[0].key", { inline: pem, secretRef: { name: "a" } }, /exactly one of inline/, { apiOnly: true }],
    [
      "spec.authorities[0].key",
      { inline: "-----BEGIN EC PRIVATE KEY-----" },
      /never put a private key here/,
      { apiOnly: true },
    ],
    ["spec.authorities[0].key", { inline: "" }, /starts with -----BEGIN PUBLIC KEY-----/, { apiOnly: true }],
    ["spec.authorities[0].key.inline", "a".repeat(4097), /may not be more than 4096/],
    ["spec.authorities[0].key.secretRef.name", undefined, /for example name: release-key/],
    ["spec.authorities[0].key.secretRef.name", "Release_Key", /for example release-key/],
    ["spec.authorities[0].key.secretRef.key", "cosign pub", /for example cosign\.pub/],
    ["spec.authorities[0].key.secretRef.namespace", "a", /unknown field/],
    ["spec.deny.digests", digest, /must be of type array/],
    ["spec.deny.digests[0]", "sha256:abc", /64 hexadecimal digits in lower case.* for example sha256:/],
    ["spec.deny.digests[0]", hex, /64 hexadecimal digits in lower case.* for example sha256:/],
    ["spec.deny.digests[0]", digest.toUpperCase(), /64 hexadecimal digits in lower case/],
    ["spec.deny.digests", many(1001, () => digest), /at most 1000 items/],
    ["spec.validity.recheckAfter", "1 hour", /for example 30s, 5m or 1h30m/],
    ["spec.validity.recheckAfter", 60, /must be of type string/],
    ["spec.validity.recheckAfter", "9s", /at least 10s, for example recheckAfter: 1h/, { apiOnly: true }],
    ["spec.validity.validFor", "1d", /a day is 24h/],
    ["spec.validity.validFor", "1h", /longer than recheckAfter, for example/, { apiOnly: true }],
    ["spec.validity.maxGrace", "", /for example 30s, 5m or 1h30m/],
    ["spec.validity.maxGrace", "1".repeat(32) + "h", /may not be more than 32/],
    ["spec.validity.onExpiry", "Delete", /supported values: "Quarantine", "KeepRunning"/],
  ]),
  ...of("SecureNamespace", [
    [
      "metadata.name",
      "kube-public",
      /for example name: fraud-serving/,
      { names: "<nil>|Invalid value", apiOnly: true },
    ],
    ["metadata.name", "default", /for example name: fraud-serving/, { names: "<nil>|Invalid value", apiOnly: true }],
    ["metadata.name", "a.b", /metadata\.name must be the name of a namespace, for example/, { apiOnly: true }],
    ["metadata.name", "a".repeat(64), /metadata\.name must be the name of a namespace/, { apiOnly: true }],
    ["spec", undefined, /for example spec: \{profile: serving, enforcement: Audit\}/, { apiOnly: true }],
    ["spec.profile", undefined, /for example profile: serving/],
    ["spec.profile", "prod", /supported values: "experiment", "training", "serving"/],
    ["spec.enforcement", undefined, /for example enforcement: Audit/],
    ["spec.enforcement", true, /must be of type string/],
    ["spec.enforcement", "enforce", /supported values: "Audit", "Enforce"/],
    ["spec.allowedImages", "a", /must be of type array/],
    ["spec.allowedImages", many(65, (n) => ({ name: `a${n}`, reference: "a" })), /at most 64 items/],
    ["spec.allowedImages[0].name", undefined, /Required value/],
    ["spec.allowedImages[0].name", "a_b", /a name of a-z, 0-9 and -/],
    ["spec.allowedImages[1]", { name: "runtime", reference: "a" }, /Duplicate value/, { apiOnly: true }],
    ["spec.allowedImages[0].reference", undefined, /for example reference: registry\.example\.com/],
    ["spec.allowedImages[0].reference", "", /for example registry\.example\.com\/models\/iris:v1/],
    ["spec.allowedImages[0].reference", "a b", /without a scheme.* for example registry/],
    ["spec.allowedImages[0].reference", "oci://a/b@sha256:abc", /after @ write a whole digest, for example/],
    ["spec.allowedImages[0].reference", "a".repeat(513), /may not be more than 512/],
    ["spec.allowedImages[0].uses", [], /at least 1 items/],
    ["spec.allowedImages[0].uses[0]", "sidecar", /supported values: "container", "init", "imageVolume"/],
    ["spec.allowedImages[0].policies[0].kind", "TrustPolicy", /supported values: "ClusterTrustPolicy"/],
    ["spec.allowedImages[0].policies[0].name", undefined, /for example name: release/],
    ["spec.allowedImages[0].policies", "release", /must be of type array/],
    ["spec.allowedImages[0].pullSecrets[0].name", "A", /the name of a Kubernetes object/],
    ["spec.allowedImages[0].serviceAccountName", "other/puller", /the name of a Kubernetes object/],
    ["spec.allowedImages[0].pullSecrets[0].name", undefined, /for example name: registry-login/],
    ["spec.allowedImages[0].image", "a", /unknown field/],
    ["spec.onUngranted", "Delete", /supported values: "Report", "Evict"/],
    ["spec.deletionPolicy", "Retain", /supported values: "KeepClosed", "Open"/],
  ]),
  ...of("SecureModel", [
    ["metadata.name", "1st", /for example name: fraud-scorer/, { apiOnly: true }],
    ["metadata.name", "a.b", /for example name: fraud-scorer/, { apiOnly: true }],
    ["metadata.name", "a".repeat(53), /at most 52 characters, for example name: fraud-scorer/, { apiOnly: true }],
    ["spec", undefined, /for example spec: \{source:/, { apiOnly: true }],
    ["spec.source", undefined, /for example source: \{oci:/],
    ["spec.source", "registry.example.com/a:v1", /must be of type object/],
    ["spec.source", {}, /give exactly one of oci, s3, http or pvc, for example oci: \{reference:/],
    ["spec.source.pvc", { claimName: "models" }, /give exactly one of oci, s3/, { names: "spec.source:" }],
    [
      "spec.source.import",
      { repository: "registry.example.com/a" },
      /import and pin are for s3, http/,
      { names: "spec.source:" },
    ],
    ["spec.source.oci.reference", undefined, /for example reference: registry\.example\.com\/models\/iris:v1/],
    ["spec.source.oci.reference", "", /for example registry\.example\.com\/models\/iris:v1/],
    ["spec.source.oci.reference", "registry.example.com/models/iris@v1", /a tag is written with a colon, for example/],
    ["spec.source.oci.reference", "registry.example.com/models/iris v1", /without a scheme.* for example registry/],
    ["spec.source.oci.pullSecrets[0].name", "a/b", /the name of a Kubernetes object/],
    ["spec.source.oci.serviceAccountName", "A", /the name of a Kubernetes object/],
    ["spec.source.ftp", {}, /unknown field/],
    ["spec.health", { interval: "1s" }, /interval must be between 5s and 1h/, { apiOnly: true }],
    ["spec.health", { interval: "often" }, /for example 30s/, { names: "spec.health.interval" }],
    ["spec.health", { maxRestarts: 0 }, /greater than or equal to 1|>=1/, { names: "spec.health.maxRestarts" }],
    [
      "spec.health",
      { signals: [{ name: "errors", inference: "ErrorRatio", max: 1 }] },
      /give prometheus: \{url: https:/,
      { names: "spec.health:" },
    ],
    ["spec.health", { prometheus: {} }, /for example url: https:/, { names: "spec.health.prometheus.url" }],
    [
      "spec.health",
      { prometheus: { url: "prometheus:9090" } },
      /write a URL without user/,
      { names: "spec.health.prometheus.url" },
    ],
    [
      "spec.health",
      { prometheus: { url: "https://user@prometheus" } },
      /write a URL without user/,
      { names: "spec.health.prometheus.url" },
    ],
    [
      "spec.health",
      { prometheus: { url: "https://p", timeout: "1h" } },
      /timeout must be between 100ms and 30s/,
      { names: "spec.health.prometheus", apiOnly: true },
    ],
    ["spec.notifications", [{ url: "https://e.test" }], /Required value/, sinkPath("name")],
    ["spec.notifications", [{ name: "a" }], /for example url: https:/, sinkPath("url")],
    ["spec.notifications", [{ name: "a", url: "e.test/in" }], /write a URL without user/, sinkPath("url")],
    ["spec.notifications", [{ name: "a", url: "https://u:p@e.test" }], /write a URL without user/, sinkPath("url")],
    ["spec.notifications", [{ name: "a", url: "https://e.test#x" }], /without user and fragment/, sinkPath("url")],
    ["spec.notifications", [sink({ secretRef: {} })], /for example name: event-signing/, sinkPath("secretRef.name")],
    [
      "spec.notifications",
      [sink({ events: ["promoted"] })],
      /supported values: "io\.mlsecops/,
      sinkPath("events\\[0\\]"),
    ],
    ["spec.notifications", [sink({ events: [] })], /at least 1 items/, sinkPath("events")],
    ["spec.notifications", "https://e.test", /must be of type array/],
    ["spec.notifications", [sink({ name: "On Call" })], /Invalid value/, sinkPath("name")],
    ["spec.notifications", [sink({ url: "" })], /write a URL without user/, sinkPath("url")],
    ["spec.notifications", [sink({ url: `https://e.test/${"a".repeat(1024)}` })], /more than 1024/, sinkPath("url")],
    ["spec.notifications", [sink({ caBundle: "a".repeat(65537) })], /more than 65536/, sinkPath("caBundle")],
    [
      "spec.notifications",
      [sink({ secretRef: { name: "A" } })],
      /event-signing|Kubernetes object/,
      sinkPath("secretRef.name"),
    ],
    ["spec.notifications", [sink({ secret: "a" })], /unknown field/, sinkPath("secret")],
    ["spec.strategy", "Canary", /must be of type object/],
    [
      "spec.strategy",
      { type: "Rolling" },
      /"RollingUpdate", "Recreate", "BlueGreen", "Canary", "Shadow"/,
      strategyPath("type"),
    ],
    [
      "spec.strategy",
      { type: "Canary" },
      /give steps for Canary, and for Canary only, for example \{type: Canary, steps/,
    ],
    ["spec.strategy", { type: "BlueGreen", steps: [{ weight: 10 }] }, /give steps for Canary, and for Canary only/],
    ["spec.strategy", canary(50, 10), /the weight grows from step to step, for example steps: \[\{weight: 10\}/],
    ["spec.strategy", canary(10, 10), /the weight grows from step to step/],
    ["spec.strategy", canary(0), /greater than or equal to 1/, strategyPath("steps\\[0\\].weight")],
    ["spec.strategy", canary(100), /less than or equal to 99/, strategyPath("steps\\[0\\].weight")],
    ["spec.strategy", canary(1.5), /must be of type integer/, strategyPath("steps\\[0\\].weight")],
    ["spec.strategy", canary(...many(21, (n) => n + 1)), /at most 20 items/, strategyPath("steps")],
    [
      "spec.strategy",
      { type: "Canary", steps: [{ pause: "1m" }] },
      /for example weight: 10/,
      strategyPath("steps\\[0\\].weight"),
    ],
    [
      "spec.strategy",
      { type: "Canary", steps: [{ weight: 10, pause: "1d" }] },
      /a day is 24h/,
      strategyPath("steps\\[0\\].pause"),
    ],
    [
      "spec.strategy",
      { type: "Canary", steps: [{ weight: 10, approval: "yes" }] },
      /must be of type boolean/,
      strategyPath("steps\\[0\\].approval"),
    ],
    ["spec.strategy", { type: "BlueGreen", hold: "5 minutes" }, /for example 30s, 5m or 1h30m/, strategyPath("hold")],
    ["spec.strategy", { approval: "jane" }, /must be of type boolean/, strategyPath("approval")],
    ["spec.strategy", { type: "BlueGreen", wait: "1m" }, /unknown field/, strategyPath("wait")],
    ["spec.strategy", { type: "Shadow" }, /plain Services cannot: give traffic: \{httpRoute: \{parentRefs/],
    ["spec.strategy", { type: "Shadow", traffic: {} }, /plain Services cannot: give traffic: \{httpRoute/],
    ["spec.strategy", { traffic: byRoute() }, /traffic is for BlueGreen, Canary and Shadow/],
    ["spec.strategy", { type: "Recreate", traffic: {} }, /traffic is for BlueGreen, Canary and Shadow/],
    [
      "spec.strategy",
      routed({ parentRefs: undefined }),
      /for example parentRefs|parentRefs: \[\{name: public/,
      routePath("parentRefs"),
    ],
    ["spec.strategy", routed({ parentRefs: [] }), /at least 1 items/, routePath("parentRefs")],
    [
      "spec.strategy",
      routed({ parentRefs: many(9, () => ({ name: "public" })) }),
      /at most 8 items/,
      routePath("parentRefs"),
    ],
    ["spec.strategy", routed({ parentRefs: [{}] }), /for example name: public/, routePath("parentRefs\\[0\\].name")],
    [
      "spec.strategy",
      parent({ name: "Public" }),
      /the name of a Kubernetes object/,
      routePath("parentRefs\\[0\\].name"),
    ],
    ["spec.strategy", parent({ namespace: "a.b" }), /Invalid value/, routePath("parentRefs\\[0\\].namespace")],
    ["spec.strategy", parent({ sectionName: "A" }), /Invalid value/, routePath("parentRefs\\[0\\].sectionName")],
    ["spec.strategy", parent({ port: 0 }), /greater than or equal to 1/, routePath("parentRefs\\[0\\].port")],
    ["spec.strategy", parent({ port: 65536 }), /less than or equal to 65535/, routePath("parentRefs\\[0\\].port")],
    ["spec.strategy", parent({ kind: "Service" }), /unknown field/, routePath("parentRefs\\[0\\].kind")],
    [
      "spec.strategy",
      routed({ hostnames: ["https://a.test"] }),
      /without scheme and port, for example models/,
      routePath("hostnames\\[0\\]"),
    ],
    ["spec.strategy", routed({ hostnames: ["a.test:443"] }), /without scheme and port/, routePath("hostnames\\[0\\]")],
    ["spec.strategy", routed({ hostnames: many(17, (n) => `a${n}.test`) }), /at most 16 items/, routePath("hostnames")],
    ["spec.notifications", many(5, (n) => sink({ name: `a${n}` })), /at most 4 items/],
    ["spec.notifications", [sink(), sink()], /Duplicate value/, { names: "spec.notifications\\[1\\]", apiOnly: true }],
    [
      "spec.health",
      probing({ probe: undefined }),
      /give one of prometheus, probe, agreement and inference/,
      signalPath,
    ],
    [
      "spec.health",
      probing({ inference: "ErrorRatio" }),
      /give one of prometheus, probe, agreement and inference/,
      signalPath,
    ],
    ["spec.health", agreeing({}), /say by min which share of the answers must agree/, signalPath],
    ["spec.health", agreeing({ min: 1, compare: {} }), /leave compare away/, signalPath],
    [
      "spec.health",
      agreeing({ min: 1 }, { maxLatency: "6s" }),
      /maxLatency must be between 1ms and 5s/,
      { names: "spec.health.signals\\[0\\].agreement", apiOnly: true },
    ],
    [
      "spec.health",
      agreeing({ min: 1 }, { bodies: many(17, (n) => String(n)) }),
      /at most 16 items/,
      { names: "spec.health.signals\\[0\\].agreement.bodies" },
    ],
    ["spec.health", probing({ min: 2, max: 1 }), /min must be at most max.*exchange them/, signalPath],
    ["spec.health", probing({ max: 1, resetMax: 2 }), /resetMax must be at most max/, signalPath],
    ["spec.health", probing({ resetMin: 1 }), /resetMin at least min/, signalPath],
    [
      "spec.health",
      probing({ min: 0, max: 9, resetMin: 5, resetMax: 4 }),
      /resetMin must be at most resetMax/,
      signalPath,
    ],
    [
      "spec.health",
      { prometheus: { url: "https://p" }, signals: [{ name: "a", inference: "MeanLatency" }] },
      /say what is bad by min, max or compare/,
      signalPath,
    ],
    [
      "spec.health",
      probing({ window: { looks: 3, failures: 4 } }),
      /failures must be at most window.looks/,
      { names: "spec.health.signals\\[0\\].window" },
    ],
    [
      "spec.health",
      probing({ probe: { path: "v2" } }),
      /begins with \/, without spaces/,
      { names: "spec.health.signals\\[0\\].probe.path" },
    ],
    [
      "spec.health",
      probing({ probe: { path: "/", body: "{}" } }),
      /sent with method: POST only/,
      { names: "spec.health.signals\\[0\\].probe" },
    ],
    [
      "spec.health",
      probing({ probe: { path: "/", json: [{ path: "a", text: "b", number: 1 }] } }),
      /give one of text, number and numbers/,
      { names: "spec.health.signals\\[0\\].probe.json\\[0\\]" },
    ],
    [
      "spec.health",
      probing({ probe: { path: "/", json: [{ path: "$.a", text: "b" }] } }),
      /for example outputs\[0\]\.data/,
      { names: "spec.health.signals\\[0\\].probe.json\\[0\\].path" },
    ],
    [
      "spec.health",
      {
        prometheus: { url: "https://p" },
        signals: [{ name: "a", max: 1, prometheus: { query: "up", range: { window: "10h", step: "1s" } } }],
      },
      /there may be 1000 points at most/,
      { names: "spec.health.signals\\[0\\].prometheus.range", apiOnly: true },
    ],
    [
      "spec.health",
      {
        signals: [
          { name: "a", probe: { path: "/" } },
          { name: "a", probe: { path: "/" } },
        ],
      },
      /Duplicate value/,
      { names: "spec.health.signals\\[1\\]", apiOnly: true },
    ],
    ["spec.rollback", { mode: "Sometimes" }, /supported values: "Automatic", "Off"/, { names: "spec.rollback.mode" }],
    ["spec.rollback", { maxPerDay: 0 }, /greater than or equal to 1|>=1/, { names: "spec.rollback.maxPerDay" }],
    ["spec.rollback", { coolDown: "1d" }, /a day is 24h/, { names: "spec.rollback.coolDown" }],
    ["spec.source", { s3 }, /say where, for example import: \{repository: registry/],
    ["spec.source", { s3: { ...s3, key: "a" }, ...imports }, /give key \(one object\) or prefix/],
    ["spec.source", { s3: { ...s3, prefix: undefined }, ...imports }, /give key \(one object\) or prefix/],
    ["spec.source", { s3: { ...s3, versionId: "1" }, ...imports }, /versionId is of one object/],
    [
      "spec.source",
      { s3: { ...s3, endpoint: "s3.example.com" }, ...imports },
      /write scheme and host only, for example/,
    ],
    ["spec.source", { s3: { ...s3, endpoint: "https://s3.example.com/a" }, ...imports }, /write scheme and host only/],
    ["spec.source", { s3: { ...s3, bucket: "A" }, ...imports }, /write the name of a bucket/],
    ["spec.source", { s3: { ...s3, accessKey: "a" }, ...imports }, /unknown field/],
    ["spec.source", { http: { url: "http://example.com/a" }, ...imports }, /with https and without user name, query/],
    ["spec.source", { http: { url: "https://a:b@example.com/a" }, ...imports }, /belongs in headersSecret/],
    ["spec.source", { http: { url: "https://example.com/a?token=b" }, ...imports }, /belongs in headersSecret/],
    ["spec.source", { http: { url: "https://example.com/" }, ...imports }, /the address of one file/],
    ["spec.source", { http: { url: "https://example.com/a", sha256: "x" }, ...imports }, /64 hexadecimal digits/],
    ["spec.source", { pvc: { claimName: "a", path: "../b" }, ...imports }, /without a slash in front/],
    ["spec.source", { pvc: { claimName: "a", path: "/b" }, ...imports }, /without a slash in front/],
    ["spec.source", { pvc: { claimName: "a", path: "b/./c" }, ...imports }, /without a slash in front/],
    ["spec.source", { pvc: {}, ...imports }, /for example claimName: models/],
    ["spec.source", { s3, import: {} }, /for example repository: registry/],
    ["spec.source", { s3, import: { repository: "registry.example.com/a:v1" } }, /a repository without tag or digest/],
    ["spec.source", { s3, ...imports, pin: {} }, /for example digest: sha256:/],
    ["spec.source.update", "Latest", /supported values: "Pinned", "Follow"/],
    ["spec.source.followInterval", "1s", /at least 10s, for example followInterval: 5m/, { apiOnly: true }],
    ["spec.source.followInterval", "5 m", /for example 30s, 5m or 1h30m/],
    ["spec.policies", many(17, () => ({ name: "release" })), /at most 16 items/],
    ["spec.policies[0].name", "Release", /the name of a Kubernetes object/],
    ["spec.replicas", -1, /greater than or equal to 0/],
    ["spec.replicas", 1001, /less than or equal to 1000/],
    ["spec.replicas", "two", /must be of type integer/],
    ["spec.historyLimit", 0, /greater than or equal to 1/],
    ["spec.workload", undefined, /for example workload: \{managed:/],
    ["spec.workload.managed", undefined, /for example managed: \{template:/],
    ["spec.workload.managed.template", undefined, /for example template: \{spec:/],
    ["spec.workload.managed.modelMountPath", "models", /an absolute path without a colon.* for example \/models/],
    ["spec.workload.managed.modelMountPath", "/", /at least 2 chars/],
    ["spec.workload.managed.port", 0, /greater than or equal to 1/],
    ["spec.workload.managed.port", 65536, /less than or equal to 65535/],
    ["spec.workload.managed.port", "http", /must be of type integer/],
    ["spec.workload.managed.drain", "ten", /for example 30s, 5m or 1h30m/],
    ["spec.workload.managed.drain", "11m", /between 0s and 10m, for example drain: 15s/, { apiOnly: true }],
    ["spec.workload.targetRef", {}, /unknown field/],
    ...of("", [
      ["", undefined, /for example spec: \{containers:/],
      [".serviceAccountName", "a", /unknown field/],
      [".hostNetwork", true, /unknown field/],
      [".containers", undefined, /for example containers: \[\{name: runtime, image:/],
      [".containers", [], /at least 1 items/],
      [".containers", many(9, (n) => ({ name: `a${n}`, image })), /at most 8 items/],
      [".containers[0].name", undefined, /Required value/],
      [".containers[0].name", "My_Runtime", /a name of a-z, 0-9 and -/],
      [".containers[1]", { name: "runtime", image }, /Duplicate value/, { apiOnly: true }],
      [".containers[0].image", undefined, /for example image: registry\.example\.com\/runtimes\/onnx@sha256/],
      [".containers[0].image", "registry.example.com/a:v1", /pin the image by digest, for example .*@sha256/],
      [".containers[0].image", "", /pin the image by digest, for example .*@sha256/],
      [".containers[0].command", "python", /must be of type array/],
      [".containers[0].lifecycle", {}, /unknown field/],
      [".containers[0].envFrom", [], /unknown field/],
      [".containers[0].env[0].name", "1A", /for example MODEL_NAME/],
      [".containers[0].env[0].name", "", /for example MODEL_NAME/],
      [".containers[0].env[0].value", 1, /must be of type string/],
      [".containers[0].env[1].value", "1", /not both, for example \{name: LOG_LEVEL/, { parent: true }],
      [
        ".containers[0].env[1].valueFrom",
        {},
        /for example fieldRef: \{fieldPath: metadata\.name\}/,
        { names: "fieldRef" },
      ],
      [".containers[0].env[1].valueFrom.secretKeyRef", { name: "a" }, /unknown field/],
      [".containers[0].env[1].valueFrom.fieldRef.fieldPath", undefined, /for example fieldPath: metadata\.name/],
      [".containers[0].env[1].valueFrom.fieldRef.fieldPath", "spec", /supported values: "metadata\.name"/],
      [".containers[0].env[2]", { name: "A", value: "2" }, /Duplicate value/, { apiOnly: true }],
      [".containers[0].ports[0].containerPort", undefined, /for example containerPort: 8080/],
      [".containers[0].ports[0].containerPort", 70000, /less than or equal to 65535/],
      [".containers[0].ports[0].name", "HTTP", /at most 15 characters, for example http/],
      [".containers[0].ports[0].hostPort", 80, /unknown field/],
      [".containers[0].ports[0].protocol", "HTTP", /supported values: "TCP", "UDP"/],
      [
        ".containers[0].resources.limits.memory",
        "lots",
        /for example 500m or 2 of cpu, 512Mi/,
        { names: "limits\\[memory\\]", apiOnly: true },
      ],
      [".containers[0].resources.limits.cpu", true, /must be of type|for example/],
      [".containers[0].readinessProbe", {}, /exactly one of httpGet.* for example httpGet/],
      [".containers[0].readinessProbe.exec", { command: ["sh"] }, /unknown field/],
      [".containers[0].readinessProbe.tcpSocket", { port: 80 }, /exactly one of httpGet/, { parent: true }],
      [".containers[0].readinessProbe.httpGet.port", undefined, /for example port: 8080/],
      [".containers[0].readinessProbe.httpGet.port", 0, /for example 8080 or http/, { apiOnly: true }],
      [".containers[0].readinessProbe.httpGet.port", "HTTP!", /for example 8080 or http/, { apiOnly: true }],
      [".containers[0].readinessProbe.httpGet.host", "example.com", /unknown field/],
      [".containers[0].readinessProbe.periodSeconds", 0, /greater than or equal to 1/],
      [".containers[0].volumeMounts[0].name", undefined, /for example name: scratch/],
      [".containers[0].volumeMounts[0].mountPath", undefined, /for example mountPath: \/scratch/],
      [".containers[0].volumeMounts[0].mountPath", "scratch", /for example \/scratch/],
      [".containers[0].volumeMounts[0].mountPath", "/scratch/../models", /for example \/scratch/],
      [".containers[0].volumeMounts[0].mountPath", "//models", /for example \/scratch/],
      [".containers[0].volumeMounts[0].mountPath", "/models", /use another path, for example/, { names: "managed" }],
      [".containers[0].volumeMounts[0].mountPath", "/models/a", /use another path, for example/, { names: "managed" }],
      [".containers[0].securityContext", { privileged: true }, /unknown field/, { names: "privileged" }],
      [".containers[0].securityContext", { runAsUser: 0 }, /greater than or equal to 1/, { names: "runAsUser" }],
      [".volumes[0].name", "model", /choose another name, for example scratch/, { names: "", apiOnly: true }],
      [".volumes[0].name", undefined, /Required value/],
      [".volumes[0].emptyDir", undefined, /for example emptyDir: \{\}/],
      [".volumes[0].emptyDir.sizeLimit", "big", /for example 500m/, { apiOnly: true }],
      [".volumes[0].hostPath", { path: "/" }, /unknown field/],
      [".imagePullSecrets[0].name", undefined, /for example name: registry-login/],
      [".tolerations[0].effect", "Never", /supported values: "NoSchedule"/],
      [".terminationGracePeriodSeconds", 3601, /less than or equal to 3600/],
      [".securityContext", { fsGroup: 0 }, /greater than or equal to 1/, { names: "fsGroup" }],
    ]).map(({ kind: _kind, at, to, says, ...rest }): Row => [
      `spec.workload.managed.template.spec${at}`,
      to,
      says,
      rest,
    ]),
  ]),
];

type Extra = Omit<Case, "kind" | "at" | "to" | "says"> & { readonly parent?: true };
type Row = readonly [at: string, to: unknown, says: RegExp, extra?: Extra];

function of(kind: string, rows: readonly Row[]): readonly (Case & { readonly parent?: true })[] {
  return rows.map(([at, to, says, extra = {}]) => ({ kind, at, to, says, ...extra }));
}

function many<T>(count: number, make: (n: number) => T): readonly T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

function base(kind: string): KubeObject {
  return { apiVersion: API_VERSION, kind, ...structuredClone(bases[kind]?.()) } as unknown as KubeObject;
}

/** The object of a kind with one field changed. */
function changed({ kind, at, to }: Pick<Case, "kind" | "at" | "to">): KubeObject {
  const object = base(kind);
  const path = steps(at);
  const last = path.pop() ?? "";
  let node = object as unknown as Record<string, unknown>;
  for (const step of path) node = node[step] as Record<string, unknown>;
  if (to === undefined) Reflect.deleteProperty(node, last);
  else node[last] = to;
  return object;
}

function steps(path: string): string[] {
  return path.split(/\.|\[|\]\.?/).filter((step) => step !== "");
}

/** As kubectl asks: unknown fields are refused. Nothing is kept. */
async function dryRun(object: KubeObject): Promise<Answer> {
  const resource = kinds.find((kind) => kind.resource.kind === object.kind)?.resource;
  assert.ok(resource);
  const scope = resource.namespaced ? `/namespaces/${namespace}` : "";
  try {
    const { body } = await transport.request({
      method: "POST",
      path: `/apis/${API_VERSION}${scope}/${resource.plural}?dryRun=All&fieldValidation=Strict`,
      headers: { "content-type": "application/json" },
      body: JSON.stringify(object),
      verb: "create",
      resource: resource.plural,
      idempotent: true,
    });
    return { ok: true, output: body };
  } catch (error) {
    if (!isKubeError(error, "Invalid") && !isKubeError(error, "BadRequest")) throw error;
    return { ok: false, output: error.message };
  }
}

describe("the API server and malformed objects", function () {
  this.timeout(60_000);

  before(async () => {
    transport = connect();
    await installCrds();
    await must(["create", "namespace", namespace]);
    await eventually("the kinds are served", async () => {
      const answers = await Promise.all(Object.keys(bases).map((kind) => dryRun(base(kind))));
      return answers.every(({ ok }) => ok);
    });
  });
  after(async () => {
    transport.close();
    await kubectl(["delete", "namespace", namespace, "--wait=false"]);
  });

  describe("a malformed object is refused by a real API server", () => {
    for (const kind of Object.keys(bases))
      it(`${kind}: the object that the cases change is taken by both`, async () => {
        const object = base(kind);
        const answer = await dryRun(object);
        assert.ok(answer.ok, answer.output);
        assert.deepEqual(parse(object), { ok: true });
      });

    for (const { kind, at, to, says, names, apiOnly, parent } of cases as readonly (Case & { parent?: true })[])
      it(`${kind}: ${at} ${describeValue(to)}`, async () => {
        const object = changed({ kind, at, to });
        const path = parent === true ? at.slice(0, at.lastIndexOf(".")) : at;
        const answer = await dryRun(object);
        assert.equal(answer.ok, false, `it was taken: ${answer.output}`);
        assert.match(answer.output, says);
        if (names === undefined) assert.ok(answer.output.includes(path), `${path} is not named: ${answer.output}`);
        else assert.match(answer.output, new RegExp(names));
        if (apiOnly === true) return;
        const parsed = parse(object);
        assert.equal(parsed.ok, false, "the operator's own parse takes it");
      });
  });

  describe("what a real API server takes", () => {
    it("gets its defaults, the same as from the operator's own parse", async () => {
      const smallest: Readonly<Record<string, Json>> = {
        ClusterTrustPolicy: { scope: { references: ["**"] } },
        SecureNamespace: { profile: "training", enforcement: "Audit", allowedImages: [{ name: "a", reference: "a" }] },
        SecureModel: {
          source: { oci: { reference: "a" } },
          workload: { managed: { template: { spec: { containers: [{ name: "a", image }] } } } },
        },
      };
      for (const [kind, spec] of Object.entries(smallest)) {
        const object = { ...base(kind), spec } as KubeObject;
        const answer = await dryRun(object);
        assert.ok(answer.ok, answer.output);
        const stored = JSON.parse(answer.output) as { spec: unknown };
        const definition = kinds.find((candidate) => candidate.resource.kind === kind);
        assert.ok(definition);
        assert.deepEqual(stored.spec, definition.spec.parse(spec), kind);
      }
      const model = JSON.parse(
        (await dryRun({ ...base("SecureModel"), spec: smallest["SecureModel"] } as KubeObject)).output,
      ) as {
        spec: SecureModelSpec;
      };
      assert.equal(model.spec.source.update, "Pinned");
      assert.equal(model.spec.source.followInterval, "5m");
      assert.equal(model.spec.replicas, 1);
      assert.equal(model.spec.historyLimit, 5);
      assert.equal(model.spec.workload.managed.modelMountPath, "/models");
      assert.equal(model.spec.workload.managed.port, 8080);
    });

    const pod = "spec.workload.managed.template.spec";
    const longest = "a".repeat(63);
    const boundaries: readonly (readonly [kind: string, at: string, to: unknown])[] = [
      ["ClusterTrustPolicy", "spec.scope.references", many(64, () => `a/${"b".repeat(510)}`)],
      ["ClusterTrustPolicy", "spec.scope.references", ["**", "*", "*.example.com:5000/**/a-*", "localhost/a"]],
      ["ClusterTrustPolicy", "spec.scope.namespaces", ["*", longest, "*-serving"]],
      ["ClusterTrustPolicy", "spec.authorities", []],
      [
        "ClusterTrustPolicy",
        "spec.authorities",
        many(16, (n) => ({ name: `a${n}`, key: { inline: pem.padEnd(4096) } })),
      ],
      ["ClusterTrustPolicy", "spec.deny.digests", many(1000, () => digest)],
      ["ClusterTrustPolicy", "spec.validity", { recheckAfter: "10s", validFor: "10001ms", maxGrace: "0s" }],
      ["ClusterTrustPolicy", "spec.validity", { recheckAfter: "1h30m", validFor: "87600h" }],
      ["SecureNamespace", "metadata.name", longest],
      ["SecureNamespace", "spec.allowedImages", many(64, (n) => ({ name: `a${n}`, reference: `a@${digest}` }))],
      ["SecureNamespace", "spec.allowedImages[0].uses", ["container", "init", "imageVolume"]],
      ["SecureNamespace", "spec.allowedImages[0].reference", `LOCALHOST:5000/a/b:v1@${digest}`],
      ["SecureModel", "metadata.name", "a".repeat(52)],
      ["SecureModel", "spec.replicas", 0],
      ["SecureModel", "spec.replicas", 1000],
      ["SecureModel", "spec.historyLimit", 50],
      ["SecureModel", "spec.source.followInterval", "10s"],
      ["SecureModel", "spec.workload.managed.port", 65535],
      ["SecureModel", "spec.workload.managed.modelMountPath", "/m"],
      ["SecureModel", "spec.strategy", canary(...many(20, (n) => n + 1))],
      ["SecureModel", "spec.strategy", canary(1, 99)],
      ["SecureModel", "spec.strategy", { ...canary(5), traffic: byRoute() }],
      ["SecureModel", "spec.strategy", { type: "Shadow", traffic: byRoute({ hostnames: ["*.example.com"] }) }],
      ["SecureModel", "spec.strategy", { type: "BlueGreen", hold: "0s", approval: true }],
      ["SecureModel", "spec.notifications", many(4, (n) => sink({ name: `a${n}`, url: "http://e.test/in?a=b" }))],
      ["SecureModel", "spec.workload.managed.drain", "0s"],
      ["SecureModel", "spec.workload.managed.drain", "10m"],
      ["SecureModel", `${pod}.containers`, many(8, (n) => ({ name: `a${n}`, image }))],
      ["SecureModel", `${pod}.containers[0].resources.limits`, { cpu: "0.5", memory: 1024, "nvidia.com/gpu": 1 }],
      ["SecureModel", `${pod}.containers[0].readinessProbe`, { grpc: { port: 65535 } }],
      ["SecureModel", `${pod}.terminationGracePeriodSeconds`, 0],
    ];
    for (const [kind, at, to] of boundaries)
      it(`${kind}: ${at} ${describeValue(to)}`, async () => {
        const object = changed({ kind, at, to });
        const answer = await dryRun(object);
        assert.ok(answer.ok, answer.output);
        assert.deepEqual(parse(object), { ok: true });
      });

    it("never changes afterwards, where it is a ModelRevision: the text says what to edit instead", async () => {
      const revision = {
        apiVersion: API_VERSION,
        kind: "ModelRevision",
        metadata: { name: "iris-1", namespace },
        spec: {
          model: "iris",
          number: 1,
          hash: "a",
          artifact: { repository: "registry.example.com/models/iris", digest },
          serving: {
            template: { spec: { containers: [{ name: "a", image }] } },
            modelMountPath: "/models",
            port: 8080,
          },
        },
      };
      await apply([revision]);
      for (const change of [{ number: 2 }, { model: "other" }, { hash: "b" }]) {
        const answer = await kubectl(["apply", "--server-side", "--force-conflicts", "-f", "-"], {
          input: { ...revision, spec: { ...revision.spec, ...change } },
        });
        assert.equal(answer.ok, false, answer.output);
        assert.match(answer.output, /edit the SecureModel, a new revision follows/);
      }
    });

    it("has one name, where it is an AdmissionGrant", async () => {
      const grant = {
        apiVersion: API_VERSION,
        kind: "AdmissionGrant",
        metadata: { name: "other", namespace },
        spec: {},
      };
      const answer = await dryRun(grant);
      assert.equal(answer.ok, false);
      assert.match(answer.output, /metadata\.name of an AdmissionGrant is mlsecops|its name is mlsecops/);
      assert.ok((await dryRun({ ...grant, metadata: { name: "mlsecops", namespace } })).ok);
    });
  });
});

function parse(object: KubeObject): { readonly ok: boolean; readonly message?: string } {
  const kind = kinds.find((candidate) => candidate.resource.kind === object.kind);
  assert.ok(kind);
  const parsed = parseObject(kind, object);
  return parsed.ok ? { ok: true } : { ok: false, message: parsed.message };
}

function describeValue(value: unknown): string {
  if (value === undefined) return "missing";
  const text = JSON.stringify(value);
  return text.length > 60 ? `${text.slice(0, 40)}… (${text.length} characters)` : text;
}
