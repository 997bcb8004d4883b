import { type ResultPromise, execa } from "execa";
import { once } from "node:events";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { type Server, createServer } from "node:http";
import { request } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { K8s, kind } from "kubernetes-fluent-client";
import { stringify } from "yaml";
import { address } from "./trouble-registry.ts";
import { eventually } from "./wait.ts";

const port = 19_090;
const scrape = "1s";

/** For the operator. */
export const login = { username: "guardian", password: "scraped-and-asked" };
/** Of that password, by bcrypt. */
const hash = "$2b$05$ITPx3uw4wmODME5N2Ii6o.SAYbDTRZzkz6tIoD5rP9CV6vplVAG2y";

/**
 * A real Prometheus with TLS by a CA of its own and a login, at an address that the operator reaches. It scrapes the pods of
 * models of one namespace. Debian builds it without the discovery of Kubernetes: the pods are told to it by this process.
 */
export class Prometheus {
  readonly ca: string;
  readonly #process: ResultPromise;
  readonly #discovery: Server;

  private constructor(made: { ca: string; process: ResultPromise; discovery: Server }) {
    this.ca = made.ca;
    this.#process = made.process;
    this.#discovery = made.discovery;
  }

  static async start(namespace: string): Promise<Prometheus> {
    const directory = await mkdtemp(join(tmpdir(), "prometheus-"));
    const at = (name: string) => join(directory, name);
    await execa("openssl", [
      ...["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "1"],
      ...[
        "-keyout",
        at("key"),
        "-out",
        at("crt"),
        "-subj",
        "/CN=prometheus",
        "-addext",
        `subjectAltName=IP:${address}`,
      ],
    ]);
    const discovery = await discoveryOf(namespace);
    const { port: discoveryPort } = discovery.address() as AddressInfo;
    const models = {
      job_name: "models",
      http_sd_configs: [{ url: `http://127.0.0.1:${discoveryPort}/`, refresh_interval: scrape }],
    };
    await writeFile(
      at("config.yaml"),
      stringify({ global: { scrape_interval: scrape, scrape_timeout: scrape }, scrape_configs: [models] }),
    );
    const tls = { cert_file: at("crt"), key_file: at("key") };
    await writeFile(
      at("web.yaml"),
      stringify({ tls_server_config: tls, basic_auth_users: { [login.username]: hash } }),
    );
    const process = execa(
      "prometheus",
      [
        ...[`--config.file=${at("config.yaml")}`, `--web.config.file=${at("web.yaml")}`],
        ...[`--web.listen-address=${address}:${port}`, `--storage.tsdb.path=${at("data")}`, "--log.level=warn"],
      ],
      { stdout: "ignore", stderr: "inherit", cleanup: true },
    );
    // What it died of is said by what waits for it.
    process.catch(() => undefined);
    const prometheus = new Prometheus({ ca: await readFile(at("crt"), "utf8"), process, discovery });
    try {
      await eventually(
        "Prometheus answers",
        () => prometheus.#status("/-/ready"),
        (status) => status === 200,
      );
    } catch (error) {
      await prometheus.stop();
      throw error;
    }
    return prometheus;
  }

  get url(): string {
    return `https://${address}:${port}`;
  }

  async stop(): Promise<void> {
    this.#process.kill("SIGTERM");
    await this.#process.catch(() => undefined);
    this.#discovery.closeAllConnections();
    await new Promise((resolve) => this.#discovery.close(resolve));
  }

  #status(path: string): Promise<number | undefined> {
    const { username, password } = login;
    return new Promise((resolve) => {
      request(`${this.url}${path}`, { ca: this.ca, auth: `${username}:${password}` }, (answer) => {
        answer.resume();
        resolve(answer.statusCode);
      })
        .on("error", () => resolve(undefined))
        .end();
    });
  }
}

/** Tells whoever asks which pods there are, in the form of Prometheus' http_sd. */
async function discoveryOf(namespace: string): Promise<Server> {
  const server = createServer((_request, response) => {
    void targetsIn(namespace).then(
      (targets) => response.setHeader("content-type", "application/json").end(JSON.stringify(targets)),
      // Prometheus keeps the targets that it knows.
      () => response.writeHead(503).end(),
    );
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  return server;
}

async function targetsIn(namespace: string): Promise<readonly object[]> {
  const { items } = await K8s(kind.Pod).InNamespace(namespace).WithLabel("mlsecops.io/model").Get();
  return items.flatMap(({ metadata, status }) =>
    status?.podIP === undefined
      ? []
      : [{ targets: [`${status.podIP}:8080`], labels: { namespace, pod: metadata?.name ?? "" } }],
  );
}
