import { type ModelEvent, ModelEvent as ModelEventSchema } from "../../../src/api/index.ts";
import { EgressError, type EgressRequest } from "../../../src/egress/index.ts";
import type { SinkSender } from "../../../src/notify/index.ts";

type Answer = { readonly status: number; readonly retryAfter?: string } | EgressError | "Hangs";

/** Receivers that answer as a test says. */
export class Receivers {
  readonly got: { readonly host: string; readonly request: EgressRequest; readonly event: ModelEvent }[] = [];
  answer: (host: string) => Answer = () => ({ status: 204 });

  readonly sender = (): SinkSender => ({
    stream: (request) => {
      const { host } = new URL(request.url);
      const event = ModelEventSchema.parse(JSON.parse(typeof request.body === "string" ? request.body : ""));
      this.got.push({ host, request, event });
      const answer = this.answer(host);
      if (answer instanceof EgressError) return Promise.reject(answer);
      if (answer === "Hangs")
        return new Promise((_, reject) =>
          request.signal?.addEventListener("abort", () => reject(new EgressError("Aborted", "given up"))),
        );
      const headers = new Map(answer.retryAfter === undefined ? [] : [["retry-after", answer.retryAfter]]);
      const body = { discard: () => undefined } as Awaited<ReturnType<SinkSender["stream"]>>["body"];
      return Promise.resolve({ status: answer.status, headers, url: new URL(request.url), body });
    },
  });

  typesAt(host: string): readonly string[] {
    return this.got
      .filter((one) => one.host === host)
      .map(({ event }) => event.type.slice("io.mlsecops.model.".length));
  }
}
