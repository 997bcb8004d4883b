import assert from "node:assert/strict";
import { inspect } from "node:util";
import fc from "fast-check";
import type { CloudAccount } from "../../../../src/trust/cloud/account.ts";
import { CloudLogins, type CloudLoginsOptions } from "../../../../src/trust/cloud/logins.ts";
import { isRegistryError, RegistryError, type RegistryErrorCode } from "../../../../src/trust/registry-error.ts";
import { now } from "../support/build.ts";
import { client, clusterProvider, FakeClouds, googleAccount, googleProvider, role } from "../support/fake-clouds.ts";
import { answer, hangUp, on, type Fault } from "../support/fake-registry.ts";

const ecr = "111122223333.dkr.ecr.eu-west-1.amazonaws.com";
const gar = "europe-west1-docker.pkg.dev";
const acr = "myregistry.azurecr.io";
const minute = 60_000;

describe("logins as ServiceAccounts at clouds", () => {
  let clouds: FakeClouds;
  let time: Date;
  const advance = (ms: number): void => {
    time = new Date(time.getTime() + ms);
    clouds.now = time;
  };
  beforeEach(async () => {
    time = now;
    clouds = await FakeClouds.start(now);
  });
  afterEach(() => clouds.stop());

  function create(options: Partial<CloudLoginsOptions> = {}): CloudLogins {
    const { egress, endpoints } = clouds;
    return new CloudLogins({ egress, endpoints, now: () => time, timeoutMs: 500, ...options });
  }

  async function loginTo(registry: string, account = clouds.account(), logins = create()): Promise<string> {
    const login = await logins.credential(account).login(registry);
    assert.ok(login?.kind === "Basic");
    return Buffer.from(login.authorization.slice("Basic ".length), "base64").toString();
  }

  async function failure(promise: Promise<unknown>, code: RegistryErrorCode, message?: RegExp): Promise<RegistryError> {
    const error: unknown = await promise.then(
      () => undefined,
      (caught: unknown) => caught,
    );
    assert.ok(isRegistryError(error, code), `expected ${code}, got ${String(error)}`);
    assert.equal(error.consequence.outcome, "Indeterminate");
    assert.doesNotMatch(`${error.message} ${inspect(error, { depth: 9 })}`, FakeClouds.secrets);
    if (message !== undefined) assert.match(error.message, message);
    return error;
  }

  const annotated = (annotations: Readonly<Record<string, string>>): CloudAccount => {
    const account = clouds.account();
    return { ...account, annotations: { ...account.annotations, ...annotations } };
  };

  describe("by their protocols", () => {
    it("Amazon ECR: role, then authorization token, signed", async () => {
      assert.equal(await loginTo(ecr), "AWS:password-of-ecr");
      assert.deepEqual(clouds.requests, ["sts.eu-west-1 /", "ecr.eu-west-1 /"]);
      assert.deepEqual(clouds.audiences, ["sts.amazonaws.com"]);
    });

    it("Google Artifact Registry: the federated token itself", async () => {
      for (const registry of [gar, "gcr.io", "eu.gcr.io"])
        assert.equal(await loginTo(registry), "oauth2accesstoken:token-of-google-federation");
      assert.deepEqual(new Set(clouds.audiences), new Set([`https://iam.googleapis.com/${googleProvider}`]));
    });

    it("Google Artifact Registry: the account that the annotation names", async () => {
      const account = annotated({ "iam.gke.io/gcp-service-account": googleAccount });
      assert.equal(await loginTo(gar, account), "oauth2accesstoken:token-of-google-account");
      assert.equal(clouds.requests.length, 2);
    });

    it("Google Artifact Registry: a cluster of Google's, by the operator's default", async () => {
      const account = clouds.account({ annotations: {} });
      const logins = create({ googleProvider: clusterProvider });
      assert.equal(await loginTo(gar, account, logins), "oauth2accesstoken:token-of-google-federation");
      assert.deepEqual(clouds.audiences, ["my-project.svc.id.goog"]);
    });

    it("Azure Container Registry: client assertion, then refresh token", async () => {
      assert.match(await loginTo(acr), /^00000000-0000-0000-0000-000000000000:eyJ/);
      assert.deepEqual(clouds.requests, [
        "entra /11111111-2222-3333-4444-555555555555/oauth2/v2.0/token",
        "myregistry.azurecr.io /oauth2/exchange",
      ]);
      assert.deepEqual(clouds.audiences, ["api://AzureADTokenExchange"]);
    });

    it("is for no other registry", () => {
      const credential = create().credential(clouds.account());
      assert.equal(credential.rank(ecr, "a"), -1);
      for (const registry of ["docker.io", "azurecr.io", `${acr}:443`, "evil-docker.pkg.dev.example.com"])
        assert.equal(credential.rank(registry, "a"), undefined);
    });
  });

  describe("that are refused say which step it was and what to check", () => {
    const wrongAudience = (): CloudAccount =>
      clouds.account({ token: () => clouds.account().token("https://kubernetes.default.svc") });

    const refusals: readonly (readonly [
      what: string,
      registry: string,
      account: () => CloudAccount,
      message: RegExp,
    ])[] = [
      [
        "no role",
        ecr,
        () => clouds.account({ annotations: {} }),
        /^login to 111122223333\S+ as ServiceAccount models\/puller: ServiceAccount models\/puller has no annotation eks\.amazonaws\.com\/role-arn: set it/,
      ],
      [
        "something that is no role",
        ecr,
        () => annotated({ "eks.amazonaws.com/role-arn": "arn:aws:iam::1:user/x&Action=Y" }),
        /cannot be read, eks\.amazonaws\.com\/role-arn/,
      ],
      [
        "another's role",
        ecr,
        () => annotated({ "eks.amazonaws.com/role-arn": `${role}-of-another` }),
        /sts:AssumeRoleWithWebIdentity: sts\.eu-west-1\S+ answered AccessDenied \(HTTP 403\); check the trust policy of role arn:aws:iam::111122223333:role\/models-pull-of-another \(annotation eks\.amazonaws\.com\/role-arn of ServiceAccount models\/puller\): it must name the cluster's OIDC provider, audience sts\.amazonaws\.com and subject system:serviceaccount:models:puller/,
      ],
      ["a token for somebody else (AWS)", ecr, wrongAudience, /answered InvalidIdentityToken \(HTTP 400\); check/],
      [
        "a token for somebody else (Google)",
        gar,
        wrongAudience,
        /answered invalid_grant \(HTTP 400\); check that the wor/,
      ],
      [
        "a token for somebody else (Azure)",
        acr,
        wrongAudience,
        /answered AADSTS700212 \(HTTP 401\); check the federated/,
      ],
      [
        "no provider",
        gar,
        () => clouds.account({ annotations: {} }),
        /has no annotation mlsecops\.io\/google-workload-identity-provider/,
      ],
      [
        "a provider that would be the API server",
        gar,
        () =>
          annotated({
            "mlsecops.io/google-workload-identity-provider":
              "identitynamespace:https://kubernetes.default.svc:https://x.example.com/a",
          }),
        /cannot be read/,
      ],
      [
        "a Google account that does not trust it",
        gar,
        () => annotated({ "iam.gke.io/gcp-service-account": `other-${googleAccount}` }),
        /generateAccessToken: google-iam\S+ answered PERMISSION_DENIED \(HTTP 403\); check that other-models-pull@\S+ \(annotation iam\.gke\.io\/gcp-service-account/,
      ],
      [
        "a path for a Google account",
        gar,
        () => annotated({ "iam.gke.io/gcp-service-account": "../../x" }),
        /cannot be read, iam\.gke\.io/,
      ],
      [
        "a path for a tenant",
        acr,
        () => annotated({ "azure.workload.identity/tenant-id": "../common" }),
        /cannot be read, azure\.workload\.identity\/tenant-id/,
      ],
      [
        "another client",
        acr,
        () => annotated({ "azure.workload.identity/client-id": client.replace("6", "7") }),
        /answered AADSTS700016 \(HTTP 400\)/,
      ],
    ];
    for (const [what, registry, account, message] of refusals) {
      it(what, () => failure(loginTo(registry, account()), "Unauthorized", message));
    }

    it("a registry where the client may not pull", async () => {
      clouds.fault = on("/oauth2/exchange", answer(401, {}, '{"errors": [{"code": "UNAUTHORIZED"}]}'));
      await failure(
        loginTo(acr),
        "Unauthorized",
        /answered UNAUTHORIZED \(HTTP 401\); check that the identity .*AcrPull/,
      );
    });

    it("a ServiceAccount whose token the API server does not give", async () => {
      const problem = new RegistryError("Unauthorized", "the operator may not ask for tokens");
      const account = clouds.account({ token: () => Promise.reject(problem) });
      await failure(loginTo(ecr, account), "Unauthorized", /the operator may not ask for tokens/);
      assert.deepEqual(clouds.requests, []);
    });

    it("a clock that is wrong, by how much", async () => {
      clouds.now = new Date(now.getTime() + 15 * minute);
      await failure(
        loginTo(ecr),
        "Unavailable",
        /ecr:GetAuthorizationToken: \S+ answered InvalidSignatureException \(HTTP 400\); its clock and the operator's differ by 15 min/,
      );
    });
  });

  describe("that fail are never a rejection", () => {
    const garbage = [
      "",
      "{",
      "[]",
      "null",
      '{"access_token": 1}',
      "<html>token-of-proxy</html>",
      "\u0000".repeat(1000),
    ];
    const steps = [
      [ecr, "sts.eu-west-1"],
      [ecr, "ecr.eu-west-1"],
      [gar, "google-sts"],
      [gar, "google-iam"],
      [acr, "entra"],
      [acr, acr],
    ] as const;
    for (const [registry, service] of steps) {
      const at =
        (fault: Fault): Fault =>
        (request, response) =>
          (request.headers.host ?? "").startsWith(`${service}.test`) && fault(request, response);
      const attempt = (): Promise<string> =>
        loginTo(registry, annotated({ "iam.gke.io/gcp-service-account": googleAccount }));

      it(`${service}: garbage`, async () => {
        for (const body of garbage) {
          clouds.fault = at(answer(200, { "content-type": "application/json" }, body));
          await failure(attempt(), "Unavailable", /answered without/);
        }
      });

      it(`${service}: whatever else it may answer`, async () => {
        const body = fc.oneof(
          fc.json(),
          fc.string(),
          fc.constantFrom('{"errors": [null]}', '{"error": {"status": 5}}', "<Code><Code></Code>", '{"__type": "#"}'),
        );
        const status = fc.constantFrom(200, 400, 401, 403, 503);
        await fc.assert(
          fc.asyncProperty(status, body, async (code, text) => {
            clouds.fault = at(answer(code, { "content-type": "application/json; charset=utf-8" }, text));
            const told: unknown = await attempt().catch((error: unknown) => error);
            assert.ok(isRegistryError(told, "Unauthorized", "Unavailable", "RateLimited"), String(told));
          }),
          { numRuns: 40 },
        );
      });

      it(`${service}: errors, throttling, silence`, async () => {
        for (const status of [500, 502, 503, 204, 418]) {
          clouds.fault = at(answer(status, {}, "token-of-proxy"));
          await failure(attempt(), "Unavailable", new RegExp(`HTTP ${status}`));
        }
        clouds.fault = at(answer(429, { "retry-after": "77" }));
        assert.equal((await failure(attempt(), "RateLimited")).retryAfterMs, 77_000);
        clouds.fault = at(hangUp);
        await failure(attempt(), "Unavailable");
        clouds.fault = at(() => true);
        await failure(attempt(), "Timeout", /did not answer within 500 ms/);
      });

      it(`${service}: a redirect to the metadata of the cloud is not followed`, async () => {
        clouds.fault = at(answer(307, { location: "http://169.254.169.254/latest/meta-data/" }));
        await failure(attempt(), "Unavailable", /HTTP 307/);
      });

      it(`${service}: an answer without end`, async () => {
        clouds.fault = at((_, response) => {
          response.writeHead(200);
          const more = (): void => {
            while (!response.destroyed && response.write("a".repeat(65_536)));
          };
          response.on("drain", more);
          more();
          return true;
        });
        await failure(attempt(), "Unavailable", /longer than the 262144 bytes/);
      });
    }

    it("throttling that comes as 400, as AWS has it", async () => {
      clouds.fault = answer(400, {}, "<Error><Code>Throttling</Code></Error>");
      await failure(loginTo(ecr), "RateLimited");
      clouds.fault = on("/", (request, response) =>
        request.headers.host?.startsWith("ecr.") === true
          ? answer(400, {}, '{"__type": "ThrottlingException"}')(request, response)
          : false,
      );
      await failure(loginTo(ecr), "RateLimited");
    });

    it("an error code that is no word is not repeated", async () => {
      clouds.fault = answer(403, {}, "<Error><Code>token-of tenant eyJ</Code></Error>");
      await failure(loginTo(ecr), "Unauthorized", /answered \(HTTP 403\)/);
    });

    it("a login that has run out already", async () => {
      for (const registry of [ecr, acr]) {
        clouds.lastsMs = -1000;
        await failure(loginTo(registry), "Unavailable", /run out already/);
      }
    });

    it("a federated token that would break a header", async () => {
      clouds.fault = on("/v1/token", answer(200, {}, '{"access_token": "token-of\\r\\nx: y", "expires_in": 60}'));
      const account = annotated({ "iam.gke.io/gcp-service-account": googleAccount });
      await failure(loginTo(gar, account), "Unavailable", /characters that no header takes/);
      assert.equal(clouds.requests.length, 1);
    });

    it("a caller who gives up, and nothing is kept of that", async () => {
      const logins = create();
      const controller = new AbortController();
      clouds.fault = () => {
        controller.abort();
        return true;
      };
      await failure(logins.credential(clouds.account()).login(ecr, controller.signal), "Aborted");
      await failure(logins.credential(clouds.account()).login(ecr, AbortSignal.abort()), "Aborted");
      clouds.fault = () => false;
      assert.equal(await loginTo(ecr, clouds.account(), logins), "AWS:password-of-ecr");
    });
  });

  describe("are kept", () => {
    it("for all who ask at the same time and after, until shortly before they run out, an hour at most", async () => {
      const logins = create();
      await Promise.all([1, 2, 3].map(() => loginTo(ecr, clouds.account(), logins)));
      assert.equal(clouds.requests.length, 2);
      advance(60 * minute - 1);
      await loginTo(ecr, clouds.account(), logins);
      assert.equal(clouds.requests.length, 2);
      advance(1);
      await loginTo(ecr, clouds.account(), logins);
      assert.equal(clouds.requests.length, 4);
    });

    it("for less where they last less", async () => {
      const logins = create();
      clouds.lastsMs = 10 * minute;
      await loginTo(ecr, clouds.account(), logins);
      advance(8 * minute - 1);
      await loginTo(ecr, clouds.account(), logins);
      assert.equal(clouds.requests.length, 2);
      advance(1);
      await loginTo(ecr, clouds.account(), logins);
      assert.equal(clouds.requests.length, 4);
    });

    it("for an hour where a token of Azure's does not say how long it lasts", async () => {
      const logins = create();
      clouds.fault = on("/oauth2/exchange", answer(200, {}, '{"refresh_token": "opaque"}'));
      assert.equal(await loginTo(acr, clouds.account(), logins), "00000000-0000-0000-0000-000000000000:opaque");
      advance(55 * minute - 1);
      await loginTo(acr, clouds.account(), logins);
      assert.equal(clouds.requests.length, 2);
      advance(1);
      await loginTo(acr, clouds.account(), logins);
      assert.equal(clouds.requests.length, 4);
    });

    it("apart: another namespace, account, role or registry is somebody else", async () => {
      const logins = create();
      const base = clouds.account();
      await loginTo(ecr, base, logins);
      const others: readonly (readonly [string, CloudAccount])[] = [
        [ecr, { ...base, namespace: "other" }],
        [ecr, { ...base, uid: "uid-2" }],
        [ecr, annotated({ "azure.workload.identity/client-id": "" })],
        [ecr.replace("1111", "2222"), base],
      ];
      const fingerprints = new Set([logins.credential(base).fingerprint]);
      for (const [registry, account] of others) {
        const { length } = clouds.requests;
        await loginTo(registry, account, logins);
        assert.equal(clouds.requests.length, length + 2);
        fingerprints.add(logins.credential(account).fingerprint);
      }
      assert.equal(fingerprints.size, 4);
    });

    it("within a bound", async () => {
      const logins = create({ maxEntries: 1 });
      await loginTo(ecr, clouds.account(), logins);
      await loginTo(ecr, clouds.account({ uid: "uid-2" }), logins);
      await loginTo(ecr, clouds.account(), logins);
      assert.equal(clouds.requests.length, 6);
    });

    it("where nobody sees them", async () => {
      const logins = create();
      await loginTo(ecr, clouds.account(), logins);
      const credential = logins.credential(clouds.account());
      const shown = `${inspect(logins, { depth: 9, showHidden: true })} ${JSON.stringify(credential)}`;
      assert.doesNotMatch(shown, /password-of-ecr|QVdTOn/);
    });
  });

  it("that fail are tried again after a while that grows, and at once under another role", async () => {
    const logins = create();
    const wrong = annotated({ "eks.amazonaws.com/role-arn": `${role}-of-another` });
    const waits: number[] = [];
    for (let round = 0; round < 7; round++) {
      const { length } = clouds.requests;
      const { retryAfterMs = 0 } = await failure(loginTo(ecr, wrong, logins), "Unauthorized");
      await failure(loginTo(ecr, wrong, logins), "Unauthorized");
      assert.equal(clouds.requests.length, length + 1);
      waits.push(retryAfterMs);
      advance(retryAfterMs);
    }
    assert.deepEqual(waits, [5000, 10_000, 20_000, 40_000, 80_000, 120_000, 120_000]);
    assert.equal(await loginTo(ecr, clouds.account(), logins), "AWS:password-of-ecr");
  });

  it("that are throttled wait for as long as they were told, up to a quarter of an hour", async () => {
    for (const [told, waits] of [
      ["60", 60_000],
      ["1", 5000],
      ["999999", 900_000],
    ] as const) {
      const logins = create();
      clouds.fault = answer(429, { "retry-after": told });
      await failure(loginTo(ecr, clouds.account(), logins), "RateLimited");
      const { length } = clouds.requests;
      advance(waits - 1);
      await failure(loginTo(ecr, clouds.account(), logins), "RateLimited");
      assert.equal(clouds.requests.length, length);
    }
  });
});
