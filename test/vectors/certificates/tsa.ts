/** A timestamp authority (RFC 3161) on loopback for `make`: openssl answers, this passes on. Usage: node tsa.ts CONFIG */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";

const config = process.argv[2] ?? "";
const maxQueryBytes = 4096;

function answer(query: Buffer): Buffer {
  const directory = mkdtempSync(join(tmpdir(), "tsa-"));
  try {
    const [queryFile, replyFile] = [join(directory, "query"), join(directory, "reply")];
    writeFileSync(queryFile, query);
    execFileSync("openssl", ["ts", "-reply", "-config", config, "-queryfile", queryFile, "-out", replyFile], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    return readFileSync(replyFile);
  } finally {
    rmSync(directory, { recursive: true });
  }
}

const server = createServer((request, response) => {
  const chunks: Buffer[] = [];
  let size = 0;
  request.on("data", (chunk: Buffer) => {
    size += chunk.length;
    if (size > maxQueryBytes) request.destroy();
    else chunks.push(chunk);
  });
  request.on("end", () => {
    response.setHeader("content-type", "application/timestamp-reply");
    response.end(answer(Buffer.concat(chunks)));
  });
});
server.listen(0, "127.0.0.1", () => {
  const address = server.address();
  // The caller reads the port from here.
  if (typeof address === "object" && address !== null) console.log(address.port);
});
