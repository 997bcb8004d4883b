/**
 * demo/load.ts URL BODY-FILE EXPECTED: asks a model the same again and again until SIGTERM, and then says in one line of JSON
 * what came of it. Half of the askers keep their connection, the others open a new one for each request. Nothing is tried
 * twice: failed is what was not answered with 200, wrong is an answer without the expected text in it.
 */
import { readFileSync } from "node:fs";
import { Agent, type IncomingMessage, request } from "node:http";
import { text } from "node:stream/consumers";
import { setTimeout as pause } from "node:timers/promises";

interface Count {
  answered: number;
  wrong: number;
  failed: number;
  readonly reasons: Record<string, number>;
}

const askersOfAKind = 3;
const pauseMs = 40;
const patienceMs = 10_000;

const [url = "", bodyFile = "", expected = ""] = process.argv.slice(2);
const body = readFileSync(bodyFile);
let isOver = false;
process.once("SIGTERM", () => (isOver = true));

const [kept, fresh] = await Promise.all([
  askers(() => new Agent({ keepAlive: true, maxSockets: 1 })),
  askers(() => new Agent({ keepAlive: false })),
]);
process.stdout.write(`${JSON.stringify({ kept, fresh })}\n`);

async function askers(agent: () => Agent): Promise<Count> {
  const count: Count = { answered: 0, wrong: 0, failed: 0, reasons: {} };
  await Promise.all(Array.from({ length: askersOfAKind }, () => asker(agent(), count)));
  return count;
}

async function asker(agent: Agent, count: Count): Promise<void> {
  while (!isOver) {
    await pause(pauseMs);
    try {
      const answer = await ask(agent);
      count.answered += 1;
      if (!answer.includes(expected)) count.wrong += 1;
    } catch (error) {
      const { code, message } = error as NodeJS.ErrnoException;
      const reason = code ?? message;
      count.failed += 1;
      count.reasons[reason] = (count.reasons[reason] ?? 0) + 1;
    }
  }
  agent.destroy();
}

async function ask(agent: Agent): Promise<string> {
  const headers = { "content-type": "application/json", "content-length": body.length };
  const sent = request(url, { agent, method: "POST", headers });
  const answer = await new Promise<IncomingMessage>((resolve, reject) => {
    sent.on("response", resolve).on("error", reject);
    sent.setTimeout(patienceMs, () => sent.destroy(new Error(`no answer in ${patienceMs / 1_000} s`)));
    sent.end(body);
  });
  const content = await text(answer);
  if (answer.statusCode !== 200) throw new Error(`status ${answer.statusCode ?? 0}`);
  return content;
}
