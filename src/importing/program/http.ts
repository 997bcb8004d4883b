import { createHash } from "node:crypto";
import type { PlanSource } from "../plan.ts";
import { ImportError } from "./import-error.ts";
import { type Asking, askSource, contentOf, lengthOf, refusal } from "./requests.ts";
import type { Listing, Source } from "./source.ts";

export type HttpPlan = Extract<PlanSource, { kind: "http" }>;

/** One file of a web server. */
export class HttpSource implements Source {
  readonly #plan: HttpPlan;
  readonly #asking: Asking;
  readonly #headers: Readonly<Record<string, string>>;

  /** `headers` go to the server of the address alone. */
  constructor(plan: HttpPlan, asking: Asking, headers: Readonly<Record<string, string>>) {
    this.#plan = plan;
    this.#asking = asking;
    this.#headers = headers;
  }

  async list(): Promise<Listing> {
    const { url, sha256 } = this.#plan;
    const path = fileNameOf(url);
    const response = await this.#get();
    const size = lengthOf(response);
    const etag = response.headers.get("etag");
    // A weak one says that it means the same, not that it is the same.
    const fingerprint =
      etag === undefined || !/^"[^"]{1,256}"$/.test(etag) ? undefined : hashOf(`${etag} ${size ?? ""}`);
    const { body } = response;
    const { signal } = this.#asking;
    const read = async function* () {
      const hash = createHash("sha256");
      for await (const chunk of contentOf(body, signal)) {
        hash.update(chunk);
        yield chunk;
      }
      const found = `sha256:${hash.digest("hex")}`;
      if (sha256 !== undefined && found !== sha256)
        throw new ImportError(
          "DigestMismatch",
          `the file has the digest ${found}, and spec.source.http.sha256 is another: somebody changed one of them`,
        );
    };
    return { files: [{ path, size, read }], fingerprint };
  }

  async #get() {
    const { url } = this.#plan;
    const response = await askSource(this.#asking, {
      url,
      headers: { "accept-encoding": "identity" },
      ownHeaders: this.#headers,
    });
    const encoding = response.headers.get("content-encoding") ?? "identity";
    if (response.status !== 200 || encoding !== "identity") {
      response.body.discard();
      if (response.status !== 200) throw refusal(response, "the file");
      throw new ImportError(
        "SourceRefused",
        `${response.url.host} sends the file compressed although it was asked not to`,
      );
    }
    return response;
  }
}

function fileNameOf(url: string): string {
  const last = new URL(url).pathname.split("/").at(-1) ?? "";
  try {
    return decodeURIComponent(last);
  } catch (error) {
    throw new ImportError(
      "HostileContent",
      "the name at the end of the address is not percent-encoded UTF-8: correct spec.source.http.url",
      error,
    );
  }
}

export function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}

const token = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,128}$/;
const reserved = new Set([
  "host",
  "content-length",
  "transfer-encoding",
  "connection",
  "accept-encoding",
  "te",
  "upgrade",
]);

/** The entries of a Secret as headers. No value is in a message. @throws ImportError */
export function headersOf(entries: ReadonlyMap<string, string>): Readonly<Record<string, string>> {
  const headers: Record<string, string> = {};
  for (const [name, text] of entries) {
    const value = text.replace(/\r?\n$/, "");
    const key = name.toLowerCase();
    if (!token.test(name) || reserved.has(key) || !/^[\x20-\x7e\t]*$/.test(value))
      throw new ImportError(
        "Misconfigured",
        `the entry ${JSON.stringify(name.slice(0, 64))} of headersSecret cannot be a header of the request`,
      );
    headers[key] = value;
  }
  return headers;
}
