import { KubeError } from "./kube-error.ts";

const newline = 0x0a;

/**
 * Splits a stream of bytes at newlines. What follows the last newline is not a complete line and is dropped.
 * @throws KubeError `Unavailable` with reason `LineTooLong` before more than `maxBytes` of one line are held.
 */
export async function* splitLines(chunks: AsyncIterable<Uint8Array>, maxBytes: number): AsyncGenerator<string> {
  let pending: Uint8Array[] = [];
  let pendingBytes = 0;
  for await (const chunk of chunks) {
    let start = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
      checkLength(pendingBytes + end - start, maxBytes);
      // Joined before decoding: a character may be split between two chunks.
      const line = Buffer.concat([...pending, chunk.subarray(start, end)]).toString();
      pending = [];
      pendingBytes = 0;
      start = end + 1;
      if (line.trim() !== "") yield line;
    }
    if (start < chunk.length) {
      pending.push(chunk.subarray(start));
      pendingBytes += chunk.length - start;
      checkLength(pendingBytes, maxBytes);
    }
  }
}

function checkLength(bytes: number, maxBytes: number): void {
  if (bytes > maxBytes) {
    throw new KubeError("Unavailable", `a line is longer than ${maxBytes} bytes`, { reason: "LineTooLong" });
  }
}
