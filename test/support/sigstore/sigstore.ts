import { execa } from "execa";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { CertificateLog } from "./certificate-log.ts";
import { programPath, type Daemon } from "./daemon.ts";
import { startFulcio, type Fulcio } from "./fulcio.ts";
import { issuers, type Identity } from "./identities.ts";
import { OidcIssuer, type TokenOptions } from "./oidc-issuer.ts";
import { startRekor, type Rekor } from "./rekor.ts";
import { startTimestampAuthority, type TimestampAuthority } from "./timestamp-authority.ts";

export interface SignOptions extends TokenOptions {
  /** Whether the signature goes to the transparency log; without, only the timestamp authority hears of it. */
  readonly logged?: boolean;
  /** The name that the registry's certificate is of, where it is not on 127.0.0.1. */
  readonly registryHost?: string;
  readonly registryCaFile?: string | undefined;
}

export interface SigstoreOptions {
  /** Whether certificates have the timestamp of a certificate transparency log, as those of the public Fulcio do. */
  readonly certificateLog?: boolean;
}

interface Services {
  readonly oidc: OidcIssuer;
  readonly certificateLog: CertificateLog | undefined;
  readonly fulcio: Fulcio;
  readonly timestampAuthority: TimestampAuthority;
  readonly rekor: Rekor;
}

/**
 * A whole Sigstore on loopback, of the real parts: Fulcio, timestamp authority, Rekor 2, and cosign to sign with. Only
 * the OpenID Connect issuer and the certificate transparency log are the test's. Nothing of it asks anybody else: see `strayRequests`.
 */
export class Sigstore {
  /** Also has what cosign signs with: `timestamped.json` and `logged.json`, and `none.json` that names no service. */
  readonly directory: string;
  readonly #services: Services;
  /** As a trusted_root.json; it names all of them. */
  readonly trustedRoot: string;
  readonly trustedRootFile: string;

  private constructor(directory: string, services: Services, trustedRootFile: string, trustedRoot: string) {
    this.directory = directory;
    this.#services = services;
    this.trustedRootFile = trustedRootFile;
    this.trustedRoot = trustedRoot;
  }

  /** Takes about two seconds. Throws if a part is not ready within half a minute, and leaves none behind. */
  static async start({ certificateLog: withLog = true }: SigstoreOptions = {}): Promise<Sigstore> {
    const directory = await mkdtemp(join(tmpdir(), "sigstore-"));
    const started: (() => Promise<void>)[] = [];
    const keep = <T extends { readonly daemon: Daemon }>(service: T): T => {
      started.push(() => service.daemon.stop());
      return service;
    };
    try {
      const oidc = await OidcIssuer.start(
        directory,
        Object.values(issuers).map((issuer) => new URL(issuer).host),
      );
      started.push(() => oidc.stop());
      const certificateLog = withLog ? await CertificateLog.start() : undefined;
      if (certificateLog !== undefined) started.push(() => certificateLog.stop());
      const services: Services = {
        oidc,
        certificateLog,
        fulcio: keep(await startFulcio({ directory, oidc, certificateLogUrl: certificateLog?.url ?? "" })),
        timestampAuthority: keep(await startTimestampAuthority(directory)),
        rekor: keep(await startRekor(directory)),
      };
      const trustedRootFile = join(directory, "trusted-root.json");
      await configure(directory, services, trustedRootFile);
      return new Sigstore(directory, services, trustedRootFile, await readFile(trustedRootFile, "utf8"));
    } catch (error) {
      await Promise.all(started.map((stop) => stop()));
      await rm(directory, { recursive: true, force: true });
      throw error;
    }
  }

  get fulcioUrl(): string {
    return this.#services.fulcio.url;
  }

  get timestampUrl(): string {
    return this.#services.timestampAuthority.url;
  }

  /** Leads nowhere but to the issuers, and remembers in `strayRequests` what else was asked of it. */
  get proxyUrl(): string {
    return this.#services.oidc.proxyUrl;
  }

  /** What any part of it, cosign included, asked of a host that is none of its own. */
  get strayRequests(): readonly string[] {
    return this.#services.oidc.stray;
  }

  token(identity: Identity, options: TokenOptions = {}): string {
    return this.#services.oidc.token(identity.issuer, identity.claims, options);
  }

  /** Signs an artifact of a registry as a pipeline would, and attaches the signature there. */
  async sign(reference: string, identity: Identity, options: SignOptions = {}): Promise<void> {
    await this.#cosign(["sign", reference], identity, options);
  }

  /** Signs an in-toto statement. Returns the bundle. */
  async signStatement(statement: object, identity: Identity, options: SignOptions = {}): Promise<Buffer> {
    const directory = await mkdtemp(join(this.directory, "statement-"));
    const [statementFile, bundleFile] = [join(directory, "statement.json"), join(directory, "bundle.json")];
    await writeFile(statementFile, JSON.stringify(statement));
    const args = ["attest-blob", "--statement", statementFile, "--bundle", bundleFile];
    await this.#cosign(args, identity, options);
    return readFile(bundleFile);
  }

  /** What is stopped answers nobody: so a test proves that verification needs none of them. */
  async stopServices(): Promise<void> {
    const { oidc, certificateLog, fulcio, timestampAuthority, rekor } = this.#services;
    await Promise.all([fulcio, timestampAuthority, rekor].map((service) => service.daemon.stop()));
    await certificateLog?.stop();
    await oidc.stop();
  }

  async remove(): Promise<void> {
    await this.stopServices();
    await rm(this.directory, { recursive: true, force: true });
  }

  async #cosign(args: readonly string[], identity: Identity, options: SignOptions): Promise<void> {
    const { proxyUrl } = this.#services.oidc;
    const tokenFile = join(await mkdtemp(join(this.directory, "token-")), "token");
    await writeFile(tokenFile, this.token(identity, options), { mode: 0o600 });
    const config = join(this.directory, options.logged === true ? "logged.json" : "timestamped.json");
    const how = [
      "--yes",
      "--signing-config",
      config,
      "--identity-token",
      tokenFile,
      "--trusted-root",
      this.trustedRootFile,
    ];
    await execa(programPath("cosign"), [...args, ...how], {
      cwd: this.directory,
      extendEnv: false,
      env: {
        HOME: this.directory,
        HTTP_PROXY: proxyUrl,
        HTTPS_PROXY: proxyUrl,
        NO_PROXY: ["127.0.0.1", options.registryHost ?? ""].join(","),
        ...(options.registryCaFile === undefined ? {} : { SSL_CERT_FILE: options.registryCaFile }),
      },
      timeout: 60_000,
    });
  }
}

/** Writes what cosign signs with, and what others verify with. */
async function configure(directory: string, services: Services, trustedRootFile: string): Promise<void> {
  const { fulcio, timestampAuthority, rekor, certificateLog } = services;
  const since = "start-time=2020-01-01T00:00:00Z";
  const service = (flag: string, url: string, version: number) =>
    `--${flag}=url=${url},api-version=${version},${since},operator=tests`;
  const cosign = (...args: string[]) =>
    execa(programPath("cosign"), args, { cwd: directory, extendEnv: false, env: { HOME: directory } });
  const common = [
    service("fulcio", fulcio.url, 1),
    service("tsa", timestampAuthority.url, 1),
    "--tsa-config=ANY",
    service("oidc-provider", issuers.people, 1),
  ];
  await cosign("signing-config", "create", ...common, "--out=timestamped.json");
  await cosign("signing-config", "create", "--out=none.json");
  const log = [service("rekor", rekor.url, 2), "--rekor-config=ANY"];
  await cosign("signing-config", "create", ...common, ...log, "--out=logged.json");
  await cosign(
    "trusted-root",
    "create",
    `--fulcio=url=${fulcio.url},certificate-chain=${fulcio.chainFile}`,
    `--tsa=url=${timestampAuthority.url},certificate-chain=${timestampAuthority.chainFile}`,
    // The host of this address is who must have signed a checkpoint.
    `--rekor=url=https://${rekor.origin},public-key=${rekor.publicKeyFile},${since},origin=${rekor.origin}`,
    ...(certificateLog === undefined ? [] : [await certificateLogSpec(directory, certificateLog, since)]),
    `--out=${trustedRootFile}`,
  );
}

async function certificateLogSpec(directory: string, log: CertificateLog, since: string): Promise<string> {
  const keyFile = join(directory, "certificate-log.pub");
  await writeFile(keyFile, log.publicKeyPem);
  return `--ctfe=url=${log.url},public-key=${keyFile},${since}`;
}
