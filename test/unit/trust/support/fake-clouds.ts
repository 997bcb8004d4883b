import { createHash, createHmac } from "node:crypto";
import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { Egress } from "../../../../src/egress/index.ts";
import type { CloudAccount } from "../../../../src/trust/cloud/account.ts";
import type { CloudEndpoints } from "../../../../src/trust/cloud/endpoints.ts";
import type { Fault } from "./fake-registry.ts";

export const role = "arn:aws:iam::111122223333:role/models-pull";
export const tenant = "11111111-2222-3333-4444-555555555555";
export const client = "66666666-7777-8888-9999-000000000000";
export const googleAccount = "models-pull@my-project.iam.gserviceaccount.com";
export const googleProvider =
  "projects/123456789012/locations/global/workloadIdentityPools/my-pool/providers/my-cluster";
export const clusterProvider =
  "identitynamespace:my-project.svc.id.goog:https://container.googleapis.com/v1/projects/my-project/locations/europe-west1/clusters/a";

const keys = { id: "ASIAEXAMPLE", secret: "secret-of-aws", session: "session/of+aws==" };

export function jwt(claims: object): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  return `${part({ alg: "none" })}.${part(claims)}.c2lnbmF0dXJl`;
}

/** Says what is wrong with a request, as the cloud would find it. */
class Wrong extends Error {
  readonly status: number;
  readonly body: string;

  constructor(status: number, body: string) {
    super(body);
    this.status = status;
    this.body = body;
  }
}

interface Received {
  readonly path: string;
  readonly headers: IncomingMessage["headers"];
  readonly body: string;
}

/** The services of three clouds, which take nothing that their documentation does not say. */
export class FakeClouds {
  /** By service and path, in order. */
  readonly requests: string[] = [];
  /** Everything that was sent, for looking for secrets. */
  readonly audiences: string[] = [];
  fault: Fault = () => false;
  /** The one ServiceAccount that the clouds trust. */
  subject = "system:serviceaccount:models:puller";
  now: Date;
  /** How long what is given out lasts. */
  lastsMs = 12 * 3_600_000;
  readonly egress: Egress;
  readonly #server: Server;

  private constructor(server: Server, now: Date) {
    this.#server = server;
    this.now = now;
    this.egress = new Egress({
      plainHttpHosts: ["*.test"],
      resolver: () => Promise.resolve([{ address: "127.0.0.1", family: 4 }]),
      addressCheck: (address) => (address === "127.0.0.1" ? undefined : "not of this test"),
    });
  }

  static async start(now: Date): Promise<FakeClouds> {
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const clouds = new FakeClouds(server, now);
    server.on("request", (request: IncomingMessage, response: ServerResponse) => clouds.#answer(request, response));
    return clouds;
  }

  async stop(): Promise<void> {
    await this.egress.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  get endpoints(): CloudEndpoints {
    const at = (host: string): string => `http://${host}.test:${(this.#server.address() as AddressInfo).port}`;
    return {
      "aws-sts": at("sts.{region}"),
      "aws-ecr": at("ecr.{region}"),
      "google-sts": at("google-sts"),
      "google-iam-credentials": at("google-iam"),
      "azure-entra": at("entra"),
      "azure-registry": at("{registry}"),
    };
  }

  account(overrides: Partial<CloudAccount> = {}): CloudAccount {
    return {
      namespace: "models",
      name: "puller",
      uid: "uid-1",
      annotations: {
        "eks.amazonaws.com/role-arn": role,
        "azure.workload.identity/client-id": client,
        "azure.workload.identity/tenant-id": tenant,
        "mlsecops.io/google-workload-identity-provider": googleProvider,
      },
      token: (audience) => {
        this.audiences.push(audience);
        return Promise.resolve(jwt({ aud: [audience], sub: this.subject, secret: "token-of-tenant" }));
      },
      ...overrides,
    };
  }

  /** What would be a leak. */
  static readonly secrets = /secret-of|token-of|session\/of|ZWNyOnB3|eyJ/;

  #answer(request: IncomingMessage, response: ServerResponse): void {
    response.setHeader("date", this.now.toUTCString());
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const [service = ""] = (request.headers.host ?? "").split(".test:");
      this.requests.push(`${service} ${request.url ?? ""}`);
      if (this.fault(request, response)) return;
      const received = {
        path: request.url ?? "",
        headers: request.headers,
        body: Buffer.concat(chunks).toString("utf8"),
      };
      try {
        if (request.method !== "POST") throw new Wrong(405, "");
        const [type, body] = this.#serve(service, received);
        response.writeHead(200, { "content-type": type }).end(body);
      } catch (error) {
        if (!(error instanceof Wrong)) throw error;
        response.writeHead(error.status).end(error.body);
      }
    });
  }

  #serve(service: string, received: Received): readonly [type: string, body: string] {
    const json = (value: object) => ["application/json", JSON.stringify(value)] as const;
    switch (service) {
      case "sts.eu-west-1":
        return ["text/xml", this.#assumeRole(received)];
      case "ecr.eu-west-1":
        return ["application/x-amz-json-1.1", JSON.stringify(this.#authorizationToken(received))];
      case "google-sts":
        return json(this.#googleExchange(received));
      case "google-iam":
        return json(this.#generateAccessToken(received));
      case "entra":
        return json(this.#entra(received));
      case "myregistry.azurecr.io":
        return json(this.#acrExchange(received));
      default:
        throw new Wrong(421, `{"error": "no such service ${service}"}`);
    }
  }

  #assumeRole(received: Received): string {
    const refuse = (status: number, code: string): Wrong =>
      new Wrong(
        status,
        `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><Error><Type>Sender</Type><Code>${code}</Code><Message>Not authorized: token-of-tenant</Message></Error></ErrorResponse>`,
      );
    if (received.path !== "/") throw refuse(400, "InvalidAction");
    const { WebIdentityToken, RoleSessionName, ...fields } = formOf(received, refuse(400, "MalformedInput"));
    const expected = { Action: "AssumeRoleWithWebIdentity", Version: "2011-06-15", DurationSeconds: "900" };
    if (!same(fields, { ...expected, RoleArn: fields["RoleArn"] ?? "" })) throw refuse(400, "ValidationError");
    if (!/^[\w+=,.@-]{2,64}$/.test(RoleSessionName ?? "")) throw refuse(400, "ValidationError");
    if (received.headers.authorization !== undefined) throw refuse(400, "MalformedInput");
    if (!this.#isFor(WebIdentityToken, "sts.amazonaws.com")) throw refuse(400, "InvalidIdentityToken");
    if (fields["RoleArn"] !== role) throw refuse(403, "AccessDenied");
    return `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>${keys.id}</AccessKeyId><SecretAccessKey>${keys.secret}</SecretAccessKey><SessionToken>${keys.session}</SessionToken><Expiration>${new Date(this.now.getTime() + 900_000).toISOString()}</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`;
  }

  #authorizationToken({ path, headers, body }: Received): object {
    const refuse = (code: string): Wrong =>
      new Wrong(400, JSON.stringify({ __type: `com.amazonaws.ecr#${code}`, message: "secret-of-aws" }));
    const header = (name: string): string => String(headers[name] ?? "");
    if (path !== "/" || body !== "{}") throw refuse("SerializationException");
    if (header("content-type") !== "application/x-amz-json-1.1") throw refuse("UnknownOperationException");
    if (header("x-amz-target") !== "AmazonEC2ContainerRegistry_V20150921.GetAuthorizationToken")
      throw refuse("UnknownOperationException");
    if (header("x-amz-security-token") !== keys.session) throw refuse("UnrecognizedClientException");
    const time = header("x-amz-date");
    const day = time.slice(0, 8);
    const names = "content-type;host;x-amz-date;x-amz-security-token;x-amz-target";
    const lines = names.split(";").map((name) => `${name}:${header(name)}\n`);
    const hash = (text: string): string => createHash("sha256").update(text).digest("hex");
    const canonical = `POST\n/\n\n${lines.join("")}\n${names}\n${hash(body)}`;
    const scope = `${day}/eu-west-1/ecr/aws4_request`;
    const sign = (key: Buffer | string, text: string): Buffer => createHmac("sha256", key).update(text).digest();
    const key = sign(sign(sign(sign(`AWS4${keys.secret}`, day), "eu-west-1"), "ecr"), "aws4_request");
    const signature = sign(key, `AWS4-HMAC-SHA256\n${time}\n${scope}\n${hash(canonical)}`).toString("hex");
    const expected = `AWS4-HMAC-SHA256 Credential=${keys.id}/${scope}, SignedHeaders=${names}, Signature=${signature}`;
    if (headers.authorization !== expected) throw refuse("InvalidSignatureException");
    const iso = time.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
    if (!(Math.abs(Date.parse(iso) - this.now.getTime()) <= 300_000)) throw refuse("InvalidSignatureException");
    return {
      authorizationData: [
        {
          authorizationToken: Buffer.from("AWS:password-of-ecr").toString("base64"),
          expiresAt: (this.now.getTime() + this.lastsMs) / 1000,
          proxyEndpoint: "https://111122223333.dkr.ecr.eu-west-1.amazonaws.com",
        },
      ],
    };
  }

  #googleExchange(received: Received): object {
    const refuse = (code: string): Wrong =>
      new Wrong(400, JSON.stringify({ error: code, error_description: "token-of-tenant" }));
    if (received.path !== "/v1/token") throw refuse("invalid_request");
    const { subject_token, audience = "", ...fields } = formOf(received, refuse("invalid_request"));
    const expected = {
      grant_type: "urn:ietf:params:oauth:grant-type:token-exchange",
      requested_token_type: "urn:ietf:params:oauth:token-type:access_token",
      subject_token_type: "urn:ietf:params:oauth:token-type:jwt",
      scope: "https://www.googleapis.com/auth/cloud-platform",
    };
    if (!same(fields, expected)) throw refuse("invalid_request");
    const known = new Map([
      [`//iam.googleapis.com/${googleProvider}`, `https://iam.googleapis.com/${googleProvider}`],
      [clusterProvider, "my-project.svc.id.goog"],
    ]);
    if (!known.has(audience)) throw refuse("invalid_target");
    if (!this.#isFor(subject_token, known.get(audience) ?? "")) throw refuse("invalid_grant");
    return {
      access_token: "token-of-google-federation",
      issued_token_type: "urn:ietf:params:oauth:token-type:access_token",
      token_type: "Bearer",
      expires_in: this.lastsMs / 1000,
    };
  }

  #generateAccessToken({ path, headers, body }: Received): object {
    const refuse = (status: number, code: string): Wrong =>
      new Wrong(status, JSON.stringify({ error: { code: status, message: "token-of-google", status: code } }));
    if (headers.authorization !== "Bearer token-of-google-federation") throw refuse(401, "UNAUTHENTICATED");
    if (headers["content-type"] !== "application/json") throw refuse(400, "INVALID_ARGUMENT");
    const wanted = { scope: ["https://www.googleapis.com/auth/cloud-platform.read-only"], lifetime: "3600s" };
    if (!same(JSON.parse(body) as object, wanted)) throw refuse(400, "INVALID_ARGUMENT");
    if (decodeURIComponent(path) !== `/v1/projects/-/serviceAccounts/${googleAccount}:generateAccessToken`)
      throw refuse(403, "PERMISSION_DENIED");
    return {
      accessToken: "token-of-google-account",
      expireTime: new Date(this.now.getTime() + this.lastsMs).toISOString(),
    };
  }

  #entra(received: Received): object {
    const refuse = (status: number, code: number): Wrong =>
      new Wrong(
        status,
        JSON.stringify({ error: "invalid_client", error_codes: [code], error_description: "token-of-tenant" }),
      );
    if (received.path !== `/${tenant}/oauth2/v2.0/token`) throw refuse(400, 90002);
    const { client_assertion, client_id, ...fields } = formOf(received, refuse(400, 900144));
    const expected = {
      grant_type: "client_credentials",
      scope: "https://containerregistry.azure.net/.default",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
    };
    if (!same(fields, expected)) throw refuse(400, 70011);
    if (client_id !== client) throw refuse(400, 700016);
    if (!this.#isFor(client_assertion, "api://AzureADTokenExchange")) throw refuse(401, 700212);
    return { token_type: "Bearer", expires_in: 3599, access_token: "token-of-entra" };
  }

  #acrExchange(received: Received): object {
    const refuse = (status: number): Wrong =>
      new Wrong(status, JSON.stringify({ errors: [{ code: "UNAUTHORIZED", message: "token-of-entra" }] }));
    if (received.path !== "/oauth2/exchange") throw refuse(404);
    const fields = formOf(received, refuse(400));
    const expected = { grant_type: "access_token", service: "myregistry.azurecr.io", tenant };
    if (!same(fields, { ...expected, access_token: "token-of-entra" })) throw refuse(401);
    return { refresh_token: jwt({ exp: (this.now.getTime() + this.lastsMs) / 1000, secret: "token-of-acr" }) };
  }

  #isFor(token: string | undefined, audience: string): boolean {
    const claims = JSON.parse(Buffer.from((token ?? "").split(".")[1] ?? "", "base64url").toString("utf8")) as {
      aud: string[];
      sub: string;
    };
    return claims.sub === this.subject && claims.aud.length === 1 && claims.aud[0] === audience;
  }
}

function formOf({ headers, body }: Received, wrong: Wrong): Readonly<Record<string, string>> {
  if (headers["content-type"] !== "application/x-www-form-urlencoded") throw wrong;
  const pairs = [...new URLSearchParams(body)];
  if (new Set(pairs.map(([name]) => name)).size !== pairs.length) throw wrong;
  return Object.fromEntries(pairs);
}

function same(actual: object, expected: object): boolean {
  const text = (value: object): string => JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
  return text(actual) === text(expected);
}
