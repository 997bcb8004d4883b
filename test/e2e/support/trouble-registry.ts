import { execa } from "execa";
import { once } from "node:events";
import { appendFile, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { type Server, createServer, request as connect } from "node:https";
import { type AddressInfo, isIP } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const name = "trouble.test";
/** Not the node's own address: that is the API server's too, and the operator keeps away from it. */
export const address = "10.200.0.9";

export const login = { username: "ci", password: "a-pull-secret" };

type Answer = (request: IncomingMessage, response: ServerResponse) => boolean;

/** The first segment of the repository decides. Repositories without trouble are the cluster's own. */
const troubles: Readonly<Record<string, Answer>> = {
  "answers-401": (_, response) => refuse(response),
  "answers-500": (_, response) => end(response, 500, "out of order"),
  "answers-garbage": (_, response) => end(response, 200, "<html>please log in</html>", "text/html"),
  "answers-elsewhere": (_, response) => {
    response.setHeader("location", "https://169.254.169.254/latest/meta-data/");
    return end(response, 307, "");
  },
  "needs-login": ({ headers }, response) => {
    const basic = Buffer.from(`${login.username}:${login.password}`).toString("base64");
    return headers.authorization === `Basic ${basic}` ? false : refuse(response);
  },
};

function refuse(response: ServerResponse): boolean {
  response.setHeader("www-authenticate", 'Basic realm="trouble"');
  return end(response, 401, '{"errors":[{"code":"UNAUTHORIZED"}]}', "application/json");
}

function end(response: ServerResponse, status: number, body: string, type = "text/plain"): boolean {
  response.writeHead(status, { "content-type": type }).end(body);
  return true;
}

/**
 * A registry with TLS by a private CA of its own, reachable from the node and from pods, in front of the cluster's registry:
 * it demands a login, fails or answers nonsense, and counts what it is asked.
 */
export class TroubleRegistry {
  readonly #server: Server;
  readonly ca: string;
  readonly #asked = new Map<string, number>();
  /** Answers what is not asked of a registry; true when it did. */
  page: Answer = () => false;

  private constructor(server: Server, ca: string) {
    this.#server = server;
    this.ca = ca;
  }

  static async start(upstream: string, upstreamCa: string): Promise<TroubleRegistry> {
    const directory = await mkdtemp(join(tmpdir(), "trouble-"));
    const [keyPath, certificatePath] = [join(directory, "key"), join(directory, "crt")];
    const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`];
    await execa("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
      ...["-keyout", keyPath, "-out", certificatePath],
      ...subject,
    ]);
    const ca = await readFile(certificatePath, "utf8");
    await claimAddress();
    const server = createServer({ key: await readFile(keyPath), cert: ca }).listen(0, address);
    await once(server, "listening");
    // The process may end while it listens.
    server.unref();
    const registry = new TroubleRegistry(server, ca);
    const [hostname, port] = upstream.split(":");
    server.on("request", (request: IncomingMessage, response: ServerResponse) => {
      if (registry.page(request, response)) return;
      const [segment = "", repository = ""] = (request.url ?? "").split("/").slice(2);
      registry.#count(`${segment}/${repository}`);
      if (troubles[segment]?.(request, response) === true) return;
      // By the host of the headers the certificate would be compared.
      const { authorization: _, host: __, ...headers } = request.headers;
      const { url: path, method } = request;
      const onward = connect({ hostname, port, path, method, ca: upstreamCa, headers }, (answer) => {
        response.writeHead(answer.statusCode ?? 502, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", () => response.destroy());
      request.pipe(onward);
    });
    await registry.#trustedByContainerd(certificatePath);
    return registry;
  }

  get host(): string {
    return `${name}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** How many requests there were about a repository, by its first two segments. */
  asked(repository: string): number {
    return this.#asked.get(repository) ?? 0;
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #count(repository: string): void {
    this.#asked.set(repository, this.asked(repository) + 1);
  }

  async #trustedByContainerd(ca: string): Promise<void> {
    const directory = join(required("MLSECOPS_CLUSTER_STATE"), "run/certs.d", this.host);
    await mkdir(directory, { recursive: true });
    const hosts = `server = "https://${this.host}"\n[host."https://${this.host}"]\nca = "${ca}"\n`;
    await writeFile(join(directory, "hosts.toml"), hosts);
  }
}

/** Gives the node one more address, and the name to it, for pods too. */
async function claimAddress(): Promise<void> {
  const { stdout } = await execa("ip", ["-json", "address"]);
  const links = JSON.parse(stdout) as { ifname: string; addr_info: { local: string }[] }[];
  if (!links.some((link) => link.addr_info.some(({ local }) => local === address))) {
    const registryLink = links.find((link) =>
      link.addr_info.some(({ local }) => isIP(local) === 4 && local !== "127.0.0.1"),
    );
    await execa("ip", ["address", "add", `${address}/32`, "dev", registryLink?.ifname ?? "lo"]);
  }
  const hosts = required("MLSECOPS_HOSTS");
  if (!(await readFile(hosts, "utf8")).includes(name)) await appendFile(hosts, `${address} ${name}\n`);
}

export function required(variable: string): string {
  const value = process.env[variable];
  if (value === undefined) throw new Error(`these tests need a cluster with a node: ${variable} is not set`);
  return value;
}
