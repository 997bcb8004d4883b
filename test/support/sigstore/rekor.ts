import { generateKeyPairSync } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { Daemon } from "./daemon.ts";

export interface Rekor {
  readonly url: string;
  /** Who the log says it is: the first line of its checkpoints. */
  readonly origin: string;
  readonly publicKeyFile: string;
  readonly daemon: Daemon;
}

/** Rekor 2 with its log in a folder, without witnesses. It knows no time of its own: a timestamp authority says when. */
export async function startRekor(directory: string): Promise<Rekor> {
  const origin = "rekor.bank.example";
  const { privateKey, publicKey } = generateKeyPairSync("ed25519");
  const [keyFile, publicKeyFile] = [join(directory, "rekor.key"), join(directory, "rekor.pub")];
  const storage = join(directory, "rekor");
  await mkdir(storage);
  await writeFile(keyFile, privateKey.export({ type: "pkcs8", format: "pem" }), { mode: 0o600 });
  await writeFile(publicKeyFile, publicKey.export({ type: "spki", format: "pem" }));
  const [port, grpcPort, metricsPort] = [await freePort(), await freePort(), await freePort()];
  const url = `http://127.0.0.1:${port}`;
  const daemon = await Daemon.start({
    program: "rekor-server",
    args: [
      "serve",
      `--hostname=${origin}`,
      `--storage-dir=${storage}`,
      `--signer-filepath=${keyFile}`,
      `--http-port=${port}`,
      `--grpc-port=${grpcPort}`,
      `--http-metrics-port=${metricsPort}`,
      // A signer waits for the next checkpoint: ten seconds by default.
      "--checkpoint-interval=1s",
    ],
    directory,
    readyUrl: `${url}/healthz`,
  });
  return { url, origin, publicKeyFile, daemon };
}
