import { createHash } from "node:crypto";
import { type AwsKeys, signAws } from "../../trust/index.ts";
import type { PlanSource } from "../plan.ts";
import { ImportError } from "./import-error.ts";
import { type Asking, askSource, contentOf, lengthOf, refusal } from "./requests.ts";
import { type S3Object, readPage } from "./s3-list.ts";
import { type Listing, type Source, type SourceFile, hostile, maxFiles } from "./source.ts";

export type S3Plan = Extract<PlanSource, { kind: "s3" }>;

const maxPageBytes = 4 * 1024 * 1024;
const emptyHash = createHash("sha256").update("").digest("hex");

/** Objects of an S3-compatible store, with bucket and key in the path. Without keys it asks as anybody. */
export class S3Source implements Source {
  readonly #plan: S3Plan;
  readonly #asking: Asking;
  readonly #keys: AwsKeys | undefined;
  readonly #now: () => Date;

  constructor(plan: S3Plan, asking: Asking, keys: AwsKeys | undefined, now: () => Date) {
    this.#plan = plan;
    this.#asking = asking;
    this.#keys = keys;
    this.#now = now;
  }

  async list(): Promise<Listing> {
    const { key } = this.#plan;
    const objects = key === undefined ? await this.#below() : [await this.#one(key)];
    const files = objects.map((object): SourceFile => {
      const { size } = object;
      return { path: this.#pathOf(object.key), size, read: () => this.#read(object) };
    });
    const isTold = objects.every(({ etag }) => /^"[^"]+"$/.test(etag));
    const listed = JSON.stringify(objects.map(({ key, size, etag }) => [key, size, etag]));
    return { files, ...(isTold ? { fingerprint: createHash("sha256").update(listed).digest("hex") } : {}) };
  }

  #pathOf(key: string): string {
    const { prefix } = this.#plan;
    if (prefix === undefined) return key.slice(key.lastIndexOf("/") + 1);
    // A prefix that ends within a name leaves the rest of that name.
    return key.slice(prefix.endsWith("/") ? prefix.length : prefix.lastIndexOf("/") + 1);
  }

  async #below(): Promise<readonly S3Object[]> {
    const { prefix = "" } = this.#plan;
    const found: S3Object[] = [];
    let next: string | undefined;
    do {
      const query = {
        "list-type": "2",
        "encoding-type": "url",
        prefix,
        ...(next === undefined ? {} : { "continuation-token": next }),
      };
      const response = await this.#get("", query, { maxBytes: maxPageBytes });
      if (response.status !== 200) {
        response.body.discard();
        throw refusal(response, "the list of objects");
      }
      const chunks: Buffer[] = [];
      for await (const chunk of contentOf(response.body, this.#asking.signal)) chunks.push(chunk);
      const page = readPage(Buffer.concat(chunks).toString("utf8"));
      if (page.next !== undefined && (page.next === next || page.objects.length === 0))
        throw new ImportError(
          "SourceRefused",
          "the list of objects leads in a circle: is the endpoint an S3-compatible store?",
        );
      for (const object of page.objects) {
        if (!object.key.startsWith(prefix)) throw hostile("an object outside of the prefix is listed");
        // What consoles make for a folder.
        if (!object.key.endsWith("/") || object.size > 0) found.push(object);
      }
      next = page.next;
      if (found.length > maxFiles)
        throw new ImportError("TooLarge", `there are more than ${maxFiles} objects below the prefix`);
    } while (next !== undefined);
    return found;
  }

  /** By HEAD: to read one object, nobody has to be allowed to list. */
  async #one(key: string): Promise<S3Object> {
    const response = await this.#get(key, this.#version(), { method: "HEAD" });
    response.body.discard();
    if (response.status !== 200) throw refusal(response, "the object");
    const [size, etag] = [lengthOf(response), response.headers.get("etag")];
    if (size === undefined || etag === undefined)
      throw new ImportError(
        "SourceRefused",
        "the endpoint says neither size nor ETag of the object: is it an S3-compatible store?",
      );
    return { key, size, etag };
  }

  async *#read({ key, size, etag }: S3Object): AsyncGenerator<Buffer, void, undefined> {
    const response = await this.#get(key, this.#version(), { headers: { "if-match": etag }, maxBytes: size });
    const shown = `the object ${JSON.stringify(key.slice(0, 128))}`;
    const isSame =
      response.status === 200 &&
      (response.headers.get("etag") ?? etag) === etag &&
      (lengthOf(response) ?? size) === size;
    if (!isSame) {
      response.body.discard();
      if (response.status !== 200) throw refusal(response, shown);
      throw new ImportError("SourceMoved", `${shown} changed while it was read`);
    }
    yield* contentOf(response.body, this.#asking.signal);
  }

  #version(): Readonly<Record<string, string>> {
    const { versionId } = this.#plan;
    return versionId === undefined ? {} : { versionId };
  }

  #get(
    key: string,
    query: Readonly<Record<string, string>>,
    more: { readonly method?: "HEAD"; readonly headers?: Readonly<Record<string, string>>; readonly maxBytes?: number },
  ) {
    const { endpoint, bucket, region } = this.#plan;
    const path = [bucket, ...(key === "" ? [] : key.split("/"))].map(encoded).join("/");
    const search = Object.entries(query)
      .map(([name, value]) => `${encoded(name)}=${encoded(value)}`)
      .sort()
      .join("&");
    // A URL would resolve the dots of a key like a/../b, and another object would be asked for.
    if (key.split("/").some((part) => part === "." || part === "..")) throw hostile("a key has a . or .. part");
    const url = new URL(`${endpoint}/${path}${search === "" ? "" : `?${search}`}`);
    const headers = { ...more.headers, "x-amz-content-sha256": emptyHash };
    const signed =
      this.#keys === undefined
        ? headers
        : signAws(
            { method: more.method ?? "GET", url, headers, body: "" },
            this.#keys,
            { region, service: "s3" },
            this.#now(),
          );
    return askSource(this.#asking, { ...more, url, headers: { "accept-encoding": "identity" }, ownHeaders: signed });
  }
}

/** As RFC 3986 has it, and as the signature is computed over. */
function encoded(text: string): string {
  return encodeURIComponent(text).replaceAll(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The entries of a Secret as keys. @throws ImportError */
export function keysOf(entries: ReadonlyMap<string, string>): AwsKeys {
  const entry = (...names: readonly string[]) =>
    names.flatMap((name) => entries.get(name)?.trim() ?? []).find((value) => value !== "");
  const accessKeyId = entry("accessKeyId", "AWS_ACCESS_KEY_ID");
  const secretAccessKey = entry("secretAccessKey", "AWS_SECRET_ACCESS_KEY");
  const sessionToken = entry("sessionToken", "AWS_SESSION_TOKEN");
  if (accessKeyId === undefined || secretAccessKey === undefined)
    throw new ImportError("Misconfigured", "credentialsSecret needs the entries accessKeyId and secretAccessKey");
  if ([accessKeyId, sessionToken ?? ""].some((text) => !/^[\x21-\x7e]*$/.test(text)))
    throw new ImportError(
      "Misconfigured",
      "an entry of credentialsSecret cannot be sent: it has characters that no key has",
    );
  return { accessKeyId, secretAccessKey, sessionToken };
}
