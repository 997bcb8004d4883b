import { execa } from "execa";
import { createPrivateKey, randomUUID, sign, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** Gives out tokens as the distribution specification says: a JWT that the registry trusts by its certificate. */
export class TokenServer {
  readonly #server: Server;
  readonly requests: { readonly scope: string | null; readonly authorization: string | undefined }[] = [];
  /** user:password */
  login = "ci:pull-secret";
  refreshToken = "refresh-secret";
  readonly certificatePath: string;

  private constructor(server: Server, certificatePath: string) {
    this.#server = server;
    this.certificatePath = certificatePath;
  }

  static async start(directory: string): Promise<TokenServer> {
    const [keyPath, certificatePath] = [join(directory, "token.key"), join(directory, "token.crt")];
    await execa("openssl", [
      "req",
      "-x509",
      "-newkey",
      "rsa:2048",
      "-nodes",
      "-keyout",
      keyPath,
      "-out",
      certificatePath,
      "-days",
      "1",
      "-subj",
      "/CN=tokens",
    ]);
    const key = createPrivateKey(await readFile(keyPath));
    const x5c = [new X509Certificate(await readFile(certificatePath)).raw.toString("base64")];
    const server = createServer().listen(0, "127.0.0.1");
    await once(server, "listening");
    const tokens = new TokenServer(server, certificatePath);
    const give = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
      const form = request.method === "POST" ? new URLSearchParams(await textOf(request)) : undefined;
      const scope = (form ?? new URL(request.url ?? "/", "http://tokens").searchParams).get("scope");
      tokens.requests.push({ scope, authorization: request.headers.authorization });
      const isKnown =
        form === undefined
          ? request.headers.authorization === `Basic ${Buffer.from(tokens.login).toString("base64")}`
          : form.get("grant_type") === "refresh_token" && form.get("refresh_token") === tokens.refreshToken;
      if (!isKnown) {
        response.writeHead(form === undefined ? 401 : 400).end();
        return;
      }
      const [type, name, actions = ""] = (scope ?? "").split(":");
      const seconds = Math.floor(Date.now() / 1000);
      const claims = {
        iss: "test tokens",
        sub: "ci",
        aud: "test registry",
        exp: seconds + 300,
        nbf: seconds - 10,
        iat: seconds,
        jti: randomUUID(),
        access: [{ type, name, actions: actions.split(",") }],
      };
      const text = [{ typ: "JWT", alg: "RS256", x5c }, claims]
        .map((part) => Buffer.from(JSON.stringify(part)).toString("base64url"))
        .join(".");
      const token = `${text}.${sign("sha256", Buffer.from(text), key).toString("base64url")}`;
      response.writeHead(200, { "content-type": "application/json" }).end(
        // OAuth2 names it otherwise than the older way does.
        JSON.stringify(form === undefined ? { token } : { access_token: token, scope }),
      );
    };
    server.on("request", (request: IncomingMessage, response: ServerResponse) => void give(request, response));
    return tokens;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/token`;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }
}

async function textOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks).toString("utf8");
}
