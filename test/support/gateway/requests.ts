import { request } from "node:http";

export interface Answer {
  readonly status: number;
  readonly body: string;
}

/** One request on a connection of its own, so that none is bound to what served before. */
export function send(port: number, path: string, host: string, body = ""): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: "127.0.0.1", port, path, method: body === "" ? "GET" : "POST", headers: { host }, agent: false },
      (response) => {
        let text = "";
        response.setEncoding("utf8");
        response.on("data", (chunk: string) => (text += chunk));
        response.on("end", () => resolve({ status: response.statusCode ?? 0, body: text }));
        response.on("error", reject);
      },
    );
    sent.setTimeout(10_000, () => sent.destroy(new Error("no answer within 10 s")));
    sent.on("error", reject);
    sent.end(body);
  });
}

/** How often each answer came, as "status body"; a failed connection counts as its error. */
export async function sendMany(
  count: number,
  parallel: number,
  one: () => Promise<Answer>,
): Promise<Map<string, number>> {
  const counts = new Map<string, number>();
  let left = count;
  const work = async (): Promise<void> => {
    for (; left > 0;) {
      left -= 1;
      const key = await one().then(
        ({ status, body }) => `${status} ${body}`,
        (error: unknown) => String(error),
      );
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  };
  await Promise.all(Array.from({ length: parallel }, work));
  return counts;
}
