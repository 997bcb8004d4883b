import http from "node:http";
import https from "node:https";
import type { Readable } from "node:stream";
import { KubeError } from "./kube-error.ts";

export interface ExchangeRequest {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  readonly agent: http.Agent;
  /** Destroys the request, and the response with it, at any time. */
  readonly signal: AbortSignal;
  /** Called right before the first byte is written, when the connection is up. Nothing is sent if it throws. */
  readonly beforeSend: () => void;
}

/** Sends one HTTP request and resolves with the head of its response. Rejects with the error of Node or of `beforeSend`. */
export function exchange(options: ExchangeRequest): Promise<http.IncomingMessage> {
  const { url, method, headers, body, agent, signal } = options;
  return new Promise((resolve, reject) => {
    const { request: open } = url.protocol === "http:" ? http : https;
    const bytes = body === undefined ? undefined : Buffer.from(body);
    const length = bytes === undefined ? {} : { "content-length": String(bytes.length) };
    const request = open(url, { method, headers: { ...headers, ...length }, agent, signal });
    request.once("response", resolve);
    // Stays attached: an error after the response has begun also reaches the response, but must not be unhandled here.
    request.on("error", reject);
    request.once("socket", (socket) => {
      const send = (): void => {
        if (request.destroyed) return;
        try {
          options.beforeSend();
        } catch (error) {
          request.destroy(error as Error);
          return;
        }
        request.end(bytes);
      };
      if (!socket.connecting) send();
      else socket.once(url.protocol === "http:" ? "connect" : "secureConnect", send);
    });
  });
}

/**
 * Reads a body as UTF-8.
 * @throws KubeError `Unavailable` when it is longer than `maxBytes`: a bound on what a broken server can make us hold.
 */
export async function readBody(body: Readable, maxBytes: number): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body) {
    const bytes = chunk as Buffer;
    size += bytes.length;
    if (size > maxBytes) {
      throw new KubeError("Unavailable", `the answer is longer than ${maxBytes} bytes`, { reason: "ResponseTooLarge" });
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks, size).toString();
}
