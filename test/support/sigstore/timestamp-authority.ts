import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { request } from "undici";
import { freePort } from "../free-port.ts";
import { Daemon } from "./daemon.ts";

export interface TimestampAuthority {
  readonly url: string;
  /** Its certificate, then those above it. */
  readonly chainFile: string;
  readonly daemon: Daemon;
}

/**
 * Sigstore's timestamp authority with keys and certificates that it makes itself and keeps in memory. Its metrics are on
 * port 2112 of all addresses, which no option changes: there can be one at a time in a network.
 */
export async function startTimestampAuthority(directory: string): Promise<TimestampAuthority> {
  const port = await freePort();
  const origin = `http://127.0.0.1:${port}`;
  const daemon = await Daemon.start({
    program: "timestamp-server",
    // Otherwise it asks public time servers whether its clock is right.
    args: ["serve", "--host=127.0.0.1", `--port=${port}`, "--timestamp-signer=memory", "--disable-ntp-monitoring"],
    directory,
    readyUrl: `${origin}/ping`,
  });
  const { body } = await request(`${origin}/api/v1/timestamp/certchain`);
  const chainFile = join(directory, "timestamp-chain.pem");
  await writeFile(chainFile, await body.text());
  return { url: `${origin}/api/v1/timestamp`, chainFile, daemon };
}
