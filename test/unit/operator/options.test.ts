import assert from "node:assert/strict";
import { readOptions } from "../../../src/operator/options.ts";

describe("the operator's options for registries", () => {
  it("are none by themselves", () => {
    const options = readOptions([]);
    assert.deepEqual(options.registryMirrors, []);
    assert.deepEqual(options.cloudEndpoints, {});
    assert.equal(options.googleWorkloadIdentityProvider, undefined);
  });

  it("are read", () => {
    const provider = "projects/1/locations/global/workloadIdentityPools/pool/providers/cluster";
    const options = readOptions([
      '--registry-mirrors=[{"registry": "docker.io", "mirrors": ["mirror.example.com/hub"]}]',
      "--cloud-endpoints=aws-sts=https://sts.{region}.example.com,azure-entra=https://entra.example.com",
      `--google-workload-identity-provider=${provider}`,
    ]);
    assert.deepEqual(options.registryMirrors, [
      { registry: "docker.io", mirrors: ["mirror.example.com/hub"], originFallback: true },
    ]);
    assert.deepEqual(options.cloudEndpoints, {
      "aws-sts": "https://sts.{region}.example.com",
      "azure-entra": "https://entra.example.com",
    });
    assert.equal(options.googleWorkloadIdentityProvider, provider);
  });

  const wrong: readonly (readonly [argument: string, message: RegExp])[] = [
    ["--registry-mirrors=docker.io", /must be JSON like/],
    ['--registry-mirrors=[{"registry": "docker.io", "mirrors": ["http://m"]}]', /write a mirror as a host/],
    ["--cloud-endpoints=aws=https://a.example.com", /write one of aws-sts/],
    ["--google-workload-identity-provider=my-pool", /write projects\/NUMBER/],
  ];
  for (const [argument, message] of wrong) {
    it(`are not ${argument}`, () => assert.throws(() => readOptions([argument]), message));
  }
});

describe("whom the operator expects to have rights everywhere", () => {
  it("is nobody by itself, and whoever is named, commas and all", () => {
    assert.deepEqual(readOptions([]).expected, { groups: [], users: [], serviceAccounts: [] });
    const options = readOptions([
      "--expected-group=cn=admins,dc=example",
      "--expected-group=platform",
      "--expected-user=admin@example.com",
      "--expected-service-account=argocd/argocd-application-controller",
    ]);
    assert.deepEqual(options.expected, {
      groups: ["cn=admins,dc=example", "platform"],
      users: ["admin@example.com"],
      serviceAccounts: ["argocd/argocd-application-controller"],
    });
  });

  const wrong: readonly (readonly [argument: string, message: RegExp])[] = [
    ["--expected-group=system:authenticated", /anybody may be a member/],
    ["--expected-group=system:serviceaccounts:jobs", /anybody may be a member/],
    ["--expected-service-account=argocd", /write NAMESPACE\/NAME/],
  ];
  for (const [argument, message] of wrong) {
    it(`is not ${argument}`, () => assert.throws(() => readOptions([argument]), message));
  }
});

describe("where models are served", () => {
  it("is in SecureNamespaces only, unless it is said otherwise", () => {
    assert.equal(readOptions([]).allowUnsecuredNamespaces, false);
    assert.equal(readOptions(["--allow-unsecured-namespaces=true"]).allowUnsecuredNamespaces, true);
    assert.throws(() => readOptions(["--allow-unsecured-namespaces=yes"]), /allowUnsecuredNamespaces/);
  });
});

describe("how often the operator asks the API server", () => {
  it("is bounded, and can be set", () => {
    assert.deepEqual(readOptions([]).requests, { perSecond: 200, burst: 400 });
    const { requests } = readOptions(["--api-requests-per-second=500", "--api-request-burst=1000"]);
    assert.deepEqual(requests, { perSecond: 500, burst: 1000 });
  });

  for (const argument of ["per-second=0", "per-second=many", "per-second=20000", "burst=1", "burst=10.5"]) {
    const option = argument.startsWith("burst") ? "--api-request-" : "--api-requests-";
    it(`is not ${argument}`, () => assert.throws(() => readOptions([`${option}${argument}`])));
  }
});

describe("whom the operator tells of all models", () => {
  it("is nobody by itself, and the one that is named", () => {
    assert.deepEqual(readOptions([]).notifications, { url: undefined, secret: undefined, plainHttpHosts: [] });
    const options = readOptions([
      "--notifications-url=https://events.example.com/mlsecops?source=test",
      "--notifications-secret=event-signing-key",
      "--plain-http-notifications=events.test:8080",
    ]);
    assert.deepEqual(options.notifications, {
      url: "https://events.example.com/mlsecops?source=test",
      secret: "event-signing-key",
      plainHttpHosts: ["events.test:8080"],
    });
  });

  const wrong: readonly (readonly [argument: string, message: RegExp])[] = [
    ["--notifications-url=events.example.com", /write a URL without user and fragment/],
    ["--notifications-url=https://user:password@events.example.com", /write a URL without user/],
    ["--notifications-secret=event-signing-key", /--notifications-secret needs --notifications-url/],
  ];
  for (const [argument, message] of wrong) {
    it(`is not ${argument}`, () => assert.throws(() => readOptions([argument]), message));
  }
});
