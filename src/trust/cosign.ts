import { execa } from "execa";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { isAbsolute, join } from "node:path";
import { canary } from "./canary.ts";
import { Semaphore } from "./semaphore.ts";

/** By what a bundle is to be verified. */
export type Verification =
  | { readonly kind: "Key"; readonly publicKeyPem: string }
  | {
      readonly kind: "Certificate";
      /** `trusted_root.json`. */
      readonly trustedRoot: string;
      /** Whom the certificate names, as it was read here: cosign must read the same. */
      readonly subject: string;
      /** Absent: the certificate names no issuer. */
      readonly issuer?: string | undefined;
      /** A log entry, or a promise of a certificate log, is demanded. */
      readonly log: boolean;
      readonly certificateLog: boolean;
      /** The time is proven by a timestamp authority, not by a log. */
      readonly timestamped: boolean;
    };

export interface BundleCheck {
  readonly bundle: Buffer;
  readonly by: Verification;
  /** Of the artifact: "sha256:…". */
  readonly digest: string;
  readonly predicateType: string;
  readonly signal?: AbortSignal | undefined;
}

/** Invalid is a judgement on the bundle; indeterminate says that no judgement could be had. */
export type BundleOutcome =
  | { readonly outcome: "valid" }
  | { readonly outcome: "invalid"; readonly detail: string }
  | { readonly outcome: "indeterminate"; readonly detail: string };

/** What the verifier needs; cosign is one. */
export interface BundleVerifier {
  verifyBundle(check: BundleCheck): Promise<BundleOutcome>;
}

export interface CosignOptions {
  /** Absolute path of the binary. */
  readonly path: string;
  /** How many processes may run at once: each takes some 60 MB. */
  readonly concurrency?: number | undefined;
  readonly timeoutMs?: number | undefined;
  /** Where the private directories are made. */
  readonly tempDir?: string | undefined;
}

export type PublicKeyRead =
  { readonly ok: true; readonly pem: string } | { readonly ok: false; readonly problem: string };

export type ToolCheck =
  { readonly ok: true; readonly version: string } | { readonly ok: false; readonly problem: string };

const maxOutputBytes = 64 * 1024;
/** The exit codes by which cosign says no; a Go program that crashes exits with 2, a shell with 126 and more. */
const refusals: readonly (number | undefined)[] = [1, 10, 11, 12, 13];
const success = "Verified OK";

type Run =
  | { readonly state: "Exited"; readonly exitCode: number; readonly stdout: string; readonly stderr: string }
  | { readonly state: "Failed"; readonly problem: string };

/**
 * Runs the cosign binary on bundles already in hand. It has no network: its files are given to it, and what it would
 * fetch beside them leads to a closed port. Nothing secret is among its arguments, and its environment is only what
 * stands here.
 */
export class Cosign implements BundleVerifier {
  readonly #path: string;
  readonly #timeoutMs: number;
  readonly #tempDir: string;
  readonly #slots: Semaphore;

  constructor(options: CosignOptions) {
    // Nothing of the environment is handed on, PATH included, and each run has a directory of its own.
    if (!isAbsolute(options.path)) throw new TypeError(`the path of cosign must be absolute, not ${options.path}`);
    this.#path = options.path;
    this.#timeoutMs = options.timeoutMs ?? 20_000;
    this.#tempDir = options.tempDir ?? tmpdir();
    this.#slots = new Semaphore(options.concurrency ?? 4);
  }

  async verifyBundle(check: BundleCheck): Promise<BundleOutcome> {
    const outcome = await this.#judge(check);
    if (outcome.outcome !== "invalid") return outcome;
    // A full disk or a broken installation also exits with 1. Only a tool that still knows a good signature may reject.
    const known = await this.#judge({ ...canary.good, signal: check.signal });
    if (known.outcome === "valid") return outcome;
    return {
      outcome: "indeterminate",
      detail: `cosign refuses even a signature known to be good (${known.detail}); it said: ${outcome.detail}`,
    };
  }

  /** Whether the tool is there, is of a version whose output is known here, and can tell good from bad. */
  async selfTest(signal?: AbortSignal): Promise<ToolCheck> {
    const version = await this.version(signal);
    if (!version.ok) return version;
    const good = await this.#judge({ ...canary.good, signal });
    if (good.outcome !== "valid") {
      return { ok: false, problem: `${this.#path} does not accept a signature known to be good: ${good.detail}` };
    }
    for (const bad of canary.bad) {
      const { outcome } = await this.#judge({ ...bad, signal });
      if (outcome !== "invalid")
        return { ok: false, problem: `${this.#path} does not refuse a signature known to be bad; do not use it` };
    }
    return version;
  }

  async version(signal?: AbortSignal): Promise<ToolCheck> {
    const run = await this.#withDirectory((directory) => this.#run(["version", "--json"], directory, signal));
    if (run.state === "Failed") return { ok: false, problem: run.problem };
    const version = /"gitVersion":\s*"(v\d+\.\d+\.\d+[^"]{0,64})"/.exec(run.stdout)?.[1];
    if (run.exitCode !== 0 || version === undefined) {
      return {
        ok: false,
        problem: `${this.#path} does not say its version (exit code ${run.exitCode}); is it cosign?`,
      };
    }
    if (!version.startsWith("v3."))
      return { ok: false, problem: `${this.#path} is cosign ${version}; this operator needs cosign 3` };
    return { ok: true, version };
  }

  /**
   * Reads the public half of a key in a key management service, with the login that `variables` hold. This goes out to the
   * network: where to is for the administrator to say, and only schemes that are known here may be given.
   */
  async publicKey(
    uri: string,
    variables: Readonly<Record<string, string>>,
    signal?: AbortSignal,
  ): Promise<PublicKeyRead> {
    const run = await this.#withDirectory(
      (directory) =>
        this.#run(["public-key", `--key=${uri}`], directory, signal, { ...privateFolders(directory), ...variables }),
      signal,
    );
    if (run.state === "Failed") return { ok: false, problem: run.problem };
    if (run.exitCode === 0 && run.stdout.includes("BEGIN PUBLIC KEY")) return { ok: true, pem: run.stdout };
    return { ok: false, problem: wholeErrorOf(run) ?? `cosign ended with exit code ${run.exitCode} and without a key` };
  }

  async #judge(check: BundleCheck): Promise<BundleOutcome> {
    const run = await this.#withDirectory(async (directory): Promise<Run> => {
      const bundle = join(directory, "bundle.json");
      await writeFile(bundle, check.bundle, { mode: 0o600 });
      const options = {
        bundle,
        type: check.predicateType,
        digest: check.digest.replace(/^sha256:/, ""),
        digestAlg: "sha256",
        ...(await optionsFor(check.by, directory)),
      };
      const flags = Object.entries(options).map(([name, value]) => `--${name}=${value}`);
      return this.#run(["verify-blob-attestation", ...flags], directory, check.signal);
    }, check.signal);
    return run.state === "Failed" ? { outcome: "indeterminate", detail: run.problem } : judgement(run);
  }

  /** A directory that only this process can read and that is always removed. */
  async #withDirectory(task: (directory: string) => Promise<Run>, signal?: AbortSignal): Promise<Run> {
    try {
      return await this.#slots.run(async () => {
        const directory = await mkdtemp(join(this.#tempDir, "cosign-"));
        try {
          return await task(directory);
        } finally {
          await rm(directory, { recursive: true, force: true });
        }
      }, signal);
    } catch (error) {
      return {
        state: "Failed",
        problem: `cosign could not be run: ${String(error)}`,
      };
    }
  }

  async #run(
    args: readonly string[],
    directory: string,
    signal: AbortSignal | undefined,
    env: Record<string, string> = environment(directory),
  ): Promise<Run> {
    const result = await execa(this.#path, args, {
      cwd: directory,
      extendEnv: false,
      env,
      preferLocal: false,
      shell: false,
      stdin: "ignore",
      reject: false,
      timeout: this.#timeoutMs,
      killSignal: "SIGKILL",
      maxBuffer: maxOutputBytes,
      ...(signal === undefined ? {} : { cancelSignal: signal }),
    });
    const failed = (problem: string): Run => ({ state: "Failed", problem: `${this.#path} ${problem}` });
    if (result.timedOut) return failed(`took longer than ${this.#timeoutMs} ms`);
    if (result.isCanceled) return failed("was stopped because its result is no longer wanted");
    if (result.isMaxBuffer) return failed(`printed more than ${maxOutputBytes} bytes`);
    if (result.signal !== undefined) return failed(`was killed by ${result.signal}; is there enough memory?`);
    if (result.exitCode === undefined)
      return failed(`could not be started (${String(result.code)}); check the path of cosign`);
    return { state: "Exited", exitCode: result.exitCode, stdout: result.stdout, stderr: result.stderr };
  }
}

async function optionsFor(by: Verification, directory: string): Promise<Record<string, string>> {
  if (by.kind === "Key") {
    const key = join(directory, "key.pub");
    await writeFile(key, by.publicKeyPem, { mode: 0o600 });
    // The trust here is in keys; whether a transparency log knows the signature is no part of it.
    return { key, "insecure-ignore-tlog": "true" };
  }
  const root = join(directory, "trusted_root.json");
  await writeFile(root, by.trustedRoot, { mode: 0o600 });
  return {
    "trusted-root": root,
    "certificate-identity": by.subject,
    ...(by.issuer === undefined
      ? { "certificate-oidc-issuer-regexp": "^$" }
      : { "certificate-oidc-issuer": by.issuer }),
    // What the root lists is demanded; without it there is nothing to compare with.
    "insecure-ignore-tlog": String(!by.log),
    "insecure-ignore-sct": String(!by.certificateLog),
    "use-signed-timestamps": String(by.timestamped),
    "allow-certificate-chain": "true",
  };
}

type Exited = Extract<Run, { readonly state: "Exited" }>;

function judgement(run: Exited): BundleOutcome {
  if (run.exitCode === 0) {
    // Success is both: the exit code, and the sentence. Anything else is a tool that is not understood here.
    if (linesOf(run).includes(success)) return { outcome: "valid" };
    return { outcome: "indeterminate", detail: `cosign ended well but did not say "${success}"` };
  }
  const detail = errorOf(run);
  if (refusals.includes(run.exitCode) && detail !== undefined) return { outcome: "invalid", detail };
  return {
    outcome: "indeterminate",
    detail: `cosign ended with exit code ${run.exitCode} and without a reason that is known here`,
  };
}

function linesOf({ stderr }: Exited): readonly string[] {
  return stderr.split("\n").map((line) => line.trim());
}

/** What cosign says is wrong, in one line that can be shown: parts of it may come from a certificate. */
function errorOf(run: Exited): string | undefined {
  const line = linesOf(run).find((text) => text.startsWith("Error: "));
  return line?.slice("Error: ".length, 512).replace(/[^\x20-\x7e]/g, "?");
}

/** The same over several lines: what a service answered stands in those that follow. */
function wholeErrorOf(run: Exited): string | undefined {
  const text = linesOf(run).join(" ");
  const error = /Error: (.*?)(?: error during command execution: .*)?$/.exec(text)?.[1];
  return error
    ?.replace(/[^\x20-\x7e]/g, "?")
    .replace(/ +/g, " ")
    .slice(0, 512);
}

// Nobody listens on port 9 of loopback in a container: a tool that wants to go out fails at once.
const nowhere = "http://127.0.0.1:9";

function environment(directory: string): Record<string, string> {
  return { ...privateFolders(directory), HTTP_PROXY: nowhere, HTTPS_PROXY: nowhere };
}

function privateFolders(directory: string): Record<string, string> {
  return {
    HOME: directory,
    TMPDIR: directory,
    TUF_ROOT: join(directory, "tuf"),
    TUF_MIRROR: nowhere,
    NO_COLOR: "1",
    GOMAXPROCS: "2",
  };
}
