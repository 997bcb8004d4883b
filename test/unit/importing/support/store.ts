import { createHash } from "node:crypto";
import type { Handler } from "./server.ts";

/** A registry that takes uploads; with a token it wants it for all of them. */
export function registry(wants?: string) {
  const blobs = new Map<string, Buffer>();
  const manifests = new Map<string, Buffer>();
  const handler: Handler = (request, response, body) => {
    const url = new URL(request.url ?? "", "http://registry");
    if (wants !== undefined && request.headers.authorization !== wants)
      return void response.writeHead(401, { "www-authenticate": 'Basic realm="r"' }).end();
    const blob = /\/blobs\/(sha256:[a-f0-9]{64})$/.exec(url.pathname)?.[1];
    const manifest = /\/manifests\/(.+)$/.exec(url.pathname)?.[1];
    if (blob !== undefined) return void response.writeHead(blobs.has(blob) ? 200 : 404).end();
    if (request.method === "POST") return void response.writeHead(202, { location: "/v2/upload/1?state=x" }).end();
    if (url.pathname === "/v2/upload/1") {
      const digest = url.searchParams.get("digest") ?? "";
      const actual = `sha256:${createHash("sha256").update(body).digest("hex")}`;
      if (digest !== actual || url.searchParams.get("state") !== "x") return void response.writeHead(400).end();
      blobs.set(digest, body);
      return void response.writeHead(201).end();
    }
    if (manifest === undefined) return void response.writeHead(404).end();
    if (request.method === "PUT") {
      manifests.set(manifest, body);
      manifests.set(`sha256:${createHash("sha256").update(body).digest("hex")}`, body);
      return void response.writeHead(201).end();
    }
    response.writeHead(manifests.has(manifest) ? 200 : 404).end(manifests.get(manifest));
  };
  return { blobs, manifests, handler };
}
