import { generateKeyPairSync, randomUUID, sign, type KeyObject } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer as createProxy, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { createServer as createTlsServer, type Server as TlsServer } from "node:https";
import { connect, type AddressInfo, type Socket } from "node:net";
import { authority, issue } from "./certificates.ts";

export interface Claims {
  readonly sub: string;
  readonly [claim: string]: unknown;
}

export interface TokenOptions {
  readonly algorithm?: "ES256" | "RS256";
  readonly audience?: string;
  readonly lifetimeSeconds?: number;
}

/**
 * An OpenID Connect issuer for tests, under names that exist nowhere: discovery, keys, and tokens with whatever claims
 * are asked. It is reached through its own proxy, which leads the issuers' names to loopback and nothing else anywhere,
 * and which remembers who was asked for.
 */
export class OidcIssuer {
  /** For SSL_CERT_FILE. */
  readonly caFile: string;
  readonly #hosts: readonly string[];
  readonly #server: TlsServer;
  readonly #proxy: Server;
  readonly #sockets = new Set<Socket>();
  readonly #stray: string[] = [];
  readonly #keys = {
    ES256: generateKeyPairSync("ec", { namedCurve: "P-256" }),
    RS256: generateKeyPairSync("rsa", { modulusLength: 2048 }),
  };

  private constructor(caFile: string, hosts: readonly string[], tls: { readonly key: Buffer; readonly cert: Buffer }) {
    this.caFile = caFile;
    this.#hosts = hosts;
    this.#server = createTlsServer(tls, (incoming, response) => this.#answer(incoming, response));
    this.#proxy = createProxy((incoming, response) => {
      this.#stray.push(incoming.url ?? "");
      response.writeHead(403).end();
    });
    this.#proxy.on("connect", (incoming: IncomingMessage, client: Socket) => this.#tunnel(incoming.url ?? "", client));
  }

  static async start(directory: string, hosts: readonly string[]): Promise<OidcIssuer> {
    const ca = await issue({ directory, name: "oidc-ca", extensions: authority });
    const names = hosts.map((host) => `DNS:${host}`).join(",");
    const extensions = [`subjectAltName = ${names}`, "extendedKeyUsage = serverAuth"];
    const own = await issue({ directory, name: "oidc", issuer: ca, extensions });
    const tls = { key: await readFile(own.key), cert: await readFile(own.certificate) };
    const issuer = new OidcIssuer(ca.certificate, hosts, tls);
    for (const server of [issuer.#server, issuer.#proxy]) {
      server.on("connection", (socket: Socket) => issuer.#remember(socket));
      server.listen(0, "127.0.0.1");
      await once(server, "listening");
    }
    return issuer;
  }

  get proxyUrl(): string {
    return `http://127.0.0.1:${portOf(this.#proxy)}`;
  }

  /** What was asked of the proxy and is no issuer: none, if nothing wants to leave the machine. */
  get stray(): readonly string[] {
    return this.#stray;
  }

  /** A signed token, https://datatracker.ietf.org/doc/html/rfc7519. `issuer` is a URL of one of the hosts. */
  token(issuer: string, claims: Claims, options: TokenOptions = {}): string {
    const { algorithm = "ES256", audience = "sigstore", lifetimeSeconds = 300 } = options;
    const seconds = Math.floor(Date.now() / 1000);
    const times = { iat: seconds, nbf: seconds, exp: seconds + lifetimeSeconds };
    const signed = [
      { alg: algorithm, typ: "JWT", kid: algorithm },
      { iss: issuer, aud: audience, jti: randomUUID(), ...times, ...claims },
    ]
      .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
      .join(".");
    const key = this.#keys[algorithm].privateKey;
    const signature = sign("sha256", Buffer.from(signed), { key, dsaEncoding: "ieee-p1363" });
    return `${signed}.${signature.toString("base64url")}`;
  }

  async stop(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = [this.#server, this.#proxy].map(async (server) => {
      server.close();
      await once(server, "close");
    });
    for (const socket of this.#sockets) socket.destroy();
    await Promise.all(closed);
  }

  #answer(incoming: IncomingMessage, response: ServerResponse): void {
    const issuer = `https://${incoming.headers.host ?? ""}`;
    const documents: Record<string, object> = {
      "/.well-known/openid-configuration": {
        issuer,
        jwks_uri: `${issuer}/keys`,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        response_types_supported: ["id_token"],
        subject_types_supported: ["public"],
        id_token_signing_alg_values_supported: ["ES256", "RS256"],
      },
      "/keys": { keys: Object.entries(this.#keys).map(([name, { publicKey }]) => jwk(name, publicKey)) },
    };
    const document = documents[incoming.url ?? ""];
    response.setHeader("content-type", "application/json");
    response.writeHead(document === undefined ? 404 : 200).end(JSON.stringify(document ?? {}));
  }

  #tunnel(target: string, client: Socket): void {
    client.on("error", () => client.destroy());
    if (!this.#hosts.some((host) => target === `${host}:443`)) {
      this.#stray.push(target);
      client.end("HTTP/1.1 403 Forbidden\r\n\r\n");
      return;
    }
    const server = connect(portOf(this.#server), "127.0.0.1", () => {
      client.write("HTTP/1.1 200 Connection established\r\n\r\n");
      server.pipe(client).pipe(server);
    });
    server.on("error", () => client.destroy());
    this.#remember(server);
  }

  #remember(socket: Socket): void {
    this.#sockets.add(socket);
    socket.on("close", () => this.#sockets.delete(socket));
  }
}

function jwk(name: string, key: KeyObject): object {
  return { ...key.export({ format: "jwk" }), kid: name, alg: name, use: "sig" };
}

function portOf(server: Server | TlsServer): number {
  return (server.address() as AddressInfo).port;
}
