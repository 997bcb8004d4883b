import assert from "node:assert/strict";
import { KubeError, type KubeErrorCode, type KubeObject, type Transport } from "../../../src/kube/index.ts";
import { credentialSource, pullCredentials } from "../../../src/operator/pull-credentials.ts";
import { serviceAccountToken } from "../../../src/operator/service-account-token.ts";
import type { CloudAccount, Credential, Credentials, Pulling } from "../../../src/trust/index.ts";
import { selectCredential } from "../../../src/trust/credentials.ts";
import { isRegistryError } from "../../../src/trust/registry-error.ts";
import { FakeClient } from "../../support/fake-client.ts";

const registry = "registry.example.com";

/** Refuses to show some objects, as RBAC would. */
class Cluster extends FakeClient {
  readonly hidden = new Set<string>();
  readonly read: string[] = [];

  override async get<T extends KubeObject>(...[type, key]: Parameters<FakeClient["get"]>): Promise<T | undefined> {
    const path = `${type.plural}/${key.namespace ?? ""}/${key.name}`;
    this.read.push(path);
    if (this.hidden.has(path)) throw new KubeError("Forbidden", `may not get ${path}`);
    return super.get<T>(type, key);
  }

  secret(name: string, user: string, host = registry): void {
    const auths = { [host]: { username: user, password: "hunter2" } };
    const data = { ".dockerconfigjson": Buffer.from(JSON.stringify({ auths })).toString("base64") };
    this.add("secrets", { metadata: { name, namespace: "shop" }, data } as unknown as KubeObject);
  }

  account(name: string, ...pullSecrets: readonly string[]): void {
    const metadata = { name, namespace: "shop", uid: `uid-${name}`, annotations: { a: "b" } };
    this.add("serviceaccounts", {
      metadata,
      imagePullSecrets: pullSecrets.map((one) => ({ name: one })),
    } as KubeObject);
  }
}

describe("pull credentials of a namespace", () => {
  let cluster: Cluster;
  let accounts: CloudAccount[];
  beforeEach(() => {
    cluster = new Cluster();
    accounts = [];
  });

  const cloud: Credential = {
    fingerprint: "cloud",
    rank: (host) => (host === "cloud.example.com" ? -1 : undefined),
    login: () => Promise.resolve(undefined),
    hint: "as a ServiceAccount",
  };
  const logins = {
    credential: (account: CloudAccount): Credential => {
      accounts.push(account);
      return cloud;
    },
  };
  const get = (pulling: Pulling): Promise<Credentials | undefined> =>
    pullCredentials({ client: cluster, logins }, "shop", pulling);

  async function user(credentials: Credentials | undefined, host = registry): Promise<string | undefined> {
    const login = await selectCredential(credentials ?? [], host, "models/iris")?.login(host);
    return login?.kind === "Basic"
      ? Buffer.from(login.authorization.slice(6), "base64").toString().split(":")[0]
      : undefined;
  }
  const problem = (credentials: Credentials | undefined): string | undefined =>
    credentials?.find(({ missing }) => missing === true)?.hint;

  it("need no question for the default ServiceAccount where it is known, and one for its Secret", async () => {
    cluster.account("default", "own");
    cluster.secret("own", "own");
    const known = cluster.objects.get("serviceaccounts/shop/default");
    const deps = { client: cluster, logins, defaultAccount: () => known };
    assert.equal(await user(await pullCredentials(deps, "shop", {})), "own");
    assert.deepEqual(cluster.read, ["secrets/shop/own"]);
    cluster.account("named", "own");
    await pullCredentials(deps, "shop", { serviceAccountName: "named" });
    assert.ok(cluster.read.includes("serviceaccounts/shop/named"));
  });

  it("are those that are named, before those of the ServiceAccount", async () => {
    cluster.account("default", "own");
    cluster.secret("own", "own");
    cluster.secret("named", "named");
    const credentials = await get({ pullSecrets: [{ name: "named" }] });
    assert.equal(await user(credentials), "named");
    assert.match(credentials?.[0]?.hint ?? "", /with the given credentials; check Secret shop\/named$/);
    assert.equal(await user(await get({})), "own");
    assert.deepEqual(accounts, []);
  });

  it("are those of the named ServiceAccount, and it itself where no Secret fits", async () => {
    cluster.account("default", "own");
    cluster.account("puller", "theirs");
    cluster.secret("own", "own");
    cluster.secret("theirs", "theirs");
    const credentials = await get({ serviceAccountName: "puller" });
    assert.equal(await user(credentials), "theirs");
    assert.equal(selectCredential(credentials ?? [], "cloud.example.com", "a"), cloud);
    assert.ok(!cluster.read.includes("serviceaccounts/shop/default"));
    const [account] = accounts;
    assert.deepEqual(
      [account?.namespace, account?.name, account?.uid, account?.annotations],
      ["shop", "puller", "uid-puller", { a: "b" }],
    );
    cluster.secret("theirs", "theirs", "cloud.example.com");
    const both = await get({ serviceAccountName: "puller" });
    assert.equal(await user(both, "cloud.example.com"), "theirs");
  });

  it("are none, and no problem, where nobody asked for any", async () => {
    assert.equal(await get({}), undefined);
  });

  const problems: readonly (readonly [what: string, prepare: () => void, pulling: Pulling, message: RegExp])[] = [
    [
      "a named Secret is missing",
      () => undefined,
      { pullSecrets: [{ name: "login" }] },
      /^without credentials: Secret shop\/login is missing: create it, or name another one$/,
    ],
    [
      "a Secret of the ServiceAccount is missing",
      () => cluster.account("default", "gone"),
      {},
      /Secret shop\/gone is missing/,
    ],
    [
      "the named ServiceAccount is missing",
      () => undefined,
      { serviceAccountName: "puller" },
      /shop\/puller is missing/,
    ],
    [
      "a Secret may not be read",
      () => cluster.hidden.add("secrets/shop/login"),
      { pullSecrets: [{ name: "login" }] },
      /the operator may not read Secret shop\/login: it may as soon as SecureNamespace shop is Ready/,
    ],
    [
      "the default ServiceAccount may not be read",
      () => cluster.hidden.add("serviceaccounts/shop/default"),
      {},
      /may not read ServiceAccount shop\/default/,
    ],
    [
      "a Secret is of another type",
      () => cluster.add("secrets", { metadata: { name: "login", namespace: "shop" }, data: { a: "b" } } as KubeObject),
      { pullSecrets: [{ name: "login" }] },
      /Secret shop\/login cannot be used: it is not of type kubernetes\.io\/dockerconfigjson/,
    ],
    [
      "a Secret cannot be parsed",
      () =>
        cluster.add("secrets", {
          metadata: { name: "login", namespace: "shop" },
          data: { ".dockerconfigjson": Buffer.from("hunter2").toString("base64") },
        } as unknown as KubeObject),
      { pullSecrets: [{ name: "login" }] },
      /Secret shop\/login cannot be used: it is not a Docker configuration/,
    ],
  ];
  for (const [what, prepare, pulling, message] of problems) {
    it(`have a problem, and do not turn into nobody's, where ${what}`, async () => {
      prepare();
      const credentials = await get(pulling);
      assert.match(problem(credentials) ?? "", message);
      assert.doesNotMatch(problem(credentials) ?? "", /hunter2/);
    });
  }

  it("of which one is missing leave the others in force", async () => {
    cluster.secret("good", "good");
    const credentials = await get({ pullSecrets: [{ name: "gone" }, { name: "good" }] });
    assert.equal(await user(credentials), "good");
    assert.equal(selectCredential(credentials ?? [], "other.example.com", "a")?.missing, true);
  });

  it("are read when they are asked for, and known by where they are before", async () => {
    cluster.secret("a", "a");
    const of = (pulling: Pulling, namespace = "shop") =>
      credentialSource({ client: cluster, logins }, namespace, pulling);
    const source = of({ pullSecrets: [{ name: "a" }] });
    assert.deepEqual(cluster.read, []);
    assert.equal(await user(await source.read()), "a");
    const others = [
      of({}),
      of({ serviceAccountName: "default" }),
      of({ pullSecrets: [{ name: "b" }] }),
      of({ pullSecrets: [{ name: "a" }] }, "other"),
    ];
    assert.equal(new Set([source, ...others].map(({ who }) => who)).size, 5);
    assert.equal(of({ pullSecrets: [{ name: "a" }] }).who, source.who);
  });

  it("are nothing that is guessed where the API server does not answer", async () => {
    cluster.get = () => Promise.reject(new KubeError("Unavailable", "down"));
    await assert.rejects(get({ pullSecrets: [{ name: "login" }] }), /down/);
  });
});

describe("a token of a ServiceAccount", () => {
  const place = { namespace: "shop", name: "puller" };
  const token = `${"a".repeat(20)}.b.c`;

  function transport(answer: () => string): { requests: unknown[] } & Pick<Transport, "request"> {
    const requests: unknown[] = [];
    return {
      requests,
      request: (request) => {
        requests.push(request);
        return Promise.resolve({ status: 201, headers: {}, body: answer() });
      },
    };
  }

  it("is asked for in its namespace, for one audience and ten minutes", async () => {
    const api = transport(() => JSON.stringify({ status: { token, expirationTimestamp: "2026-03-01T12:10:00Z" } }));
    assert.equal(await serviceAccountToken(api, place)("sts.amazonaws.com"), token);
    const [request] = api.requests as { method: string; path: string; body: string }[];
    assert.equal(request?.method, "POST");
    assert.equal(request.path, "/api/v1/namespaces/shop/serviceaccounts/puller/token");
    assert.deepEqual(JSON.parse(request.body), {
      apiVersion: "authentication.k8s.io/v1",
      kind: "TokenRequest",
      spec: { audiences: ["sts.amazonaws.com"], expirationSeconds: 600 },
    });
  });

  for (const body of ["", "{}", '{"status": {}}', '{"status": {"token": "a b"}}', '{"status": {"token": 5}}']) {
    it(`is not ${body === "" ? "nothing" : body}`, async () => {
      await assert.rejects(
        serviceAccountToken(
          transport(() => body),
          place,
        )("a"),
        (error) =>
          isRegistryError(error, "Unavailable") && /gave no token of ServiceAccount shop\/puller/.test(error.message),
      );
    });
  }

  const failures: readonly (readonly [KubeErrorCode, "Unauthorized" | "Unavailable" | "Aborted", RegExp])[] = [
    ["Forbidden", "Unauthorized", /may not ask for a token of ServiceAccount shop\/puller: it may as soon as/],
    ["Invalid", "Unauthorized", /may not ask/],
    ["NotFound", "Unauthorized", /is missing/],
    ["Aborted", "Aborted", /given up/],
    ["Timeout", "Unavailable", /\(Timeout\)/],
    ["TooManyRequests", "Unavailable", /\(TooManyRequests\)/],
  ];
  for (const [code, expected, message] of failures) {
    it(`that is not given (${code}) is never a rejection`, async () => {
      const api = { request: () => Promise.reject(new KubeError(code, "secret text", { retryAfterMs: 7 })) };
      await assert.rejects(serviceAccountToken(api, place)("a"), (error) => {
        assert.ok(isRegistryError(error, expected), String(error));
        assert.match(error.message, message);
        assert.doesNotMatch(error.message, /secret text/);
        return error.consequence.outcome === "Indeterminate";
      });
    });
  }
});
