import { createHash, createHmac } from "node:crypto";
import type { IncomingMessage, ServerResponse } from "node:http";

export const keys = { accessKeyId: "AKTEST", secretAccessKey: "a-secret-key", region: "eu-central-1" };

/** One bucket of an S3 store, strict: it checks each signature by the specification, and pages early. */
export class Bucket {
  readonly objects = new Map<string, Buffer>();
  /** Called after an object was listed, or looked at, and before it is read. */
  beforeRead: (key: string) => void = () => undefined;
  anonymous = false;
  pageSize = 2;
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
  }

  handle(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? "", `http://${request.headers.host ?? ""}`);
    const problem = this.anonymous ? undefined : signatureProblem(request, url);
    if (problem !== undefined) return void response.writeHead(403).end(`<Error><Code>${problem}</Code></Error>`);
    const [, bucket, ...rest] = url.pathname.split("/");
    if (bucket !== this.#name) return void response.writeHead(404).end();
    const key = decodeURIComponent(rest.join("/"));
    if (key === "") this.#list(url, response);
    else this.#object(key, request, response);
  }

  #list(url: URL, response: ServerResponse): void {
    const { searchParams } = url;
    if (searchParams.get("list-type") !== "2" || searchParams.get("encoding-type") !== "url")
      return void response.writeHead(400).end();
    const found = [...this.objects.keys()].filter((key) => key.startsWith(searchParams.get("prefix") ?? "")).sort();
    const start = Number(searchParams.get("continuation-token") ?? 0);
    const page = found.slice(start, start + this.pageSize);
    const isTruncated = start + this.pageSize < found.length;
    const contents = page.map((key) => {
      const bytes = this.objects.get(key) ?? Buffer.alloc(0);
      const name = encodeURIComponent(key).replaceAll("%20", "+");
      return `<Contents><Key>${name}</Key><ETag>&quot;${etagOf(bytes)}&quot;</ETag><Size>${bytes.length}</Size></Contents>`;
    });
    const next = isTruncated ? `<NextContinuationToken>${start + this.pageSize}</NextContinuationToken>` : "";
    response
      .writeHead(200, { "content-type": "application/xml" })
      .end(
        `<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${contents.join("")}<IsTruncated>${String(isTruncated)}</IsTruncated>${next}</ListBucketResult>`,
      );
  }

  #object(key: string, request: IncomingMessage, response: ServerResponse): void {
    if (request.method === "GET") this.beforeRead(key);
    const bytes = this.objects.get(key);
    if (bytes === undefined) return void response.writeHead(404).end();
    const etag = `"${etagOf(bytes)}"`;
    const wanted = request.headers["if-match"];
    if (wanted !== undefined && wanted !== etag) return void response.writeHead(412).end();
    response.writeHead(200, { etag, "content-length": bytes.length }).end(request.method === "HEAD" ? "" : bytes);
  }
}

function etagOf(bytes: Buffer): string {
  return createHash("md5").update(bytes).digest("hex");
}

/** AWS Signature Version 4, from the specification and not from the code under test. */
function signatureProblem(request: IncomingMessage, url: URL): string | undefined {
  const { authorization = "" } = request.headers;
  const found =
    /^AWS4-HMAC-SHA256 Credential=([^/]+)\/(\d{8})\/([^/]+)\/s3\/aws4_request, SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})$/.exec(
      authorization,
    );
  if (found === null) return "AccessDenied";
  const [, id, date = "", region = "", names = "", signature] = found;
  if (id !== keys.accessKeyId || region !== keys.region) return "InvalidAccessKeyId";
  const signed = names.split(";");
  if (!signed.includes("host") || !signed.includes("x-amz-date") || !signed.includes("x-amz-content-sha256"))
    return "Unsigned";
  const query = [...url.searchParams]
    .map(([name, value]) => `${strict(name)}=${strict(value)}`)
    .sort()
    .join("&");
  const headers = signed.map((name) => `${name}:${String(request.headers[name])}\n`).join("");
  const canonical = [
    request.method,
    url.pathname,
    query,
    headers,
    names,
    String(request.headers["x-amz-content-sha256"]),
  ].join("\n");
  const text = [
    "AWS4-HMAC-SHA256",
    String(request.headers["x-amz-date"]),
    `${date}/${region}/s3/aws4_request`,
    createHash("sha256").update(canonical).digest("hex"),
  ].join("\n");
  const hmac = (key: string | Buffer, data: string) => createHmac("sha256", key).update(data).digest();
  const key = [date, region, "s3", "aws4_request"].reduce<string | Buffer>(hmac, `AWS4${keys.secretAccessKey}`);
  return hmac(key, text).toString("hex") === signature ? undefined : "SignatureDoesNotMatch";
}

function strict(text: string): string {
  return encodeURIComponent(text).replaceAll(/[!'()*]/g, (one) => `%${one.charCodeAt(0).toString(16).toUpperCase()}`);
}
