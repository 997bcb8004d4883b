import { createHmac } from "node:crypto";

const minKeyBytes = 24;
const maxKeyBytes = 64;
/** Two while one replaces the other; more is a mistake. */
const maxKeys = 4;

export interface Letter {
  /** The event's id. */
  readonly id: string;
  readonly body: string;
}

/** The headers of Standard Webhooks (github.com/standard-webhooks/standard-webhooks): one signature for each key. Pure. */
export function signedHeaders(
  { id, body }: Letter,
  keys: readonly Buffer[],
  now: Date,
): Readonly<Record<"webhook-id" | "webhook-timestamp" | "webhook-signature", string>> {
  const timestamp = String(Math.floor(now.getTime() / 1000));
  const signed = `${id}.${timestamp}.${body}`;
  const signatures = keys.map((key) => `v1,${createHmac("sha256", key).update(signed, "utf8").digest("base64")}`);
  return { "webhook-id": id, "webhook-timestamp": timestamp, "webhook-signature": signatures.join(" ") };
}

/** Keys as people write them: `whsec_` and base64, the newest first, with space between. No message repeats any of it. Pure. */
export function parseSigningKeys(text: string): { readonly keys: readonly Buffer[] } | { readonly problem: string } {
  const words = text.split(/\s+/).filter((word) => word !== "");
  if (words.length === 0 || words.length > maxKeys) return { problem: `must hold 1 to ${maxKeys} keys` };
  const keys: Buffer[] = [];
  for (const word of words) {
    const base64 = word.replace(/^whsec_/, "");
    const key = Buffer.from(base64, "base64");
    // Node passes over what is no base64.
    if (key.toString("base64") !== base64) return { problem: "must be whsec_ and base64" };
    if (key.length < minKeyBytes || key.length > maxKeyBytes)
      return { problem: `must have ${minKeyBytes} to ${maxKeyBytes} bytes, as from openssl rand -base64 32` };
    keys.push(key);
  }
  return { keys };
}
