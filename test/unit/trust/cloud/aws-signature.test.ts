import assert from "node:assert/strict";
import { signAws } from "../../../../src/trust/cloud/aws-signature.ts";

/** From the test suite that AWS publishes for Signature Version 4, as far as it speaks of requests without a query. */
describe("AWS Signature Version 4", () => {
  const keys = { accessKeyId: "AKIDEXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY" };
  const scope = { region: "us-east-1", service: "service" };
  const now = new Date("2015-08-30T12:36:00Z");
  const url = new URL("https://example.amazonaws.com/");
  const sessionToken =
    "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";

  const vectors: readonly (readonly [string, Parameters<typeof signAws>[0], string | undefined, string, string])[] = [
    [
      "get-vanilla",
      { method: "GET", url, headers: {}, body: "" },
      undefined,
      "host;x-amz-date",
      "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
    ],
    [
      "post-vanilla",
      { method: "POST", url, headers: {}, body: "" },
      undefined,
      "host;x-amz-date",
      "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
    ],
    [
      "post-header-key-case",
      { method: "POST", url, headers: { "My-Header1": "value1" }, body: "" },
      undefined,
      "host;my-header1;x-amz-date",
      "c5410059b04c1ee005303aed430f6e6645f61f4dc9e1461ec8f8916fdf18852c",
    ],
    [
      "get-header-value-trim",
      { method: "GET", url, headers: { "My-Header1": " value1", "My-Header2": ' "a   b   c"' }, body: "" },
      undefined,
      "host;my-header1;my-header2;x-amz-date",
      "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
    ],
    [
      "post-x-www-form-urlencoded",
      {
        method: "POST",
        url,
        headers: { "content-type": "application/x-www-form-urlencoded" },
        body: "Param1=value1",
      },
      undefined,
      "content-type;host;x-amz-date",
      "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
    ],
    [
      "post-sts-header-before",
      { method: "POST", url, headers: {}, body: "" },
      sessionToken,
      "host;x-amz-date;x-amz-security-token",
      "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead",
    ],
  ];
  for (const [name, request, token, names, signature] of vectors) {
    it(name, () => {
      const headers = signAws(request, { ...keys, sessionToken: token }, scope, now);
      assert.equal(
        headers["authorization"],
        `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
      );
      assert.equal(headers["x-amz-date"], "20150830T123600Z");
      assert.equal(headers["x-amz-security-token"], token);
    });
  }
});

/** From the examples of AWS' documentation of S3 ("Authenticating Requests: Using the Authorization Header"): with queries. */
describe("AWS Signature Version 4, for S3", () => {
  const keys = { accessKeyId: "AKIAIOSFODNN7EXAMPLE", secretAccessKey: "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY" };
  const scope = { region: "us-east-1", service: "s3" };
  const now = new Date("2013-05-24T00:00:00Z");
  const emptyHash = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
  const vectors: readonly (readonly [string, string, Readonly<Record<string, string>>, string, string])[] = [
    [
      "GET Object",
      "/test.txt",
      { range: "bytes=0-9" },
      "host;range;x-amz-content-sha256;x-amz-date",
      "f0e8bdb87c964420e857bd35b5d6ed310bd44f0170aba48dd91039c6036bdb41",
    ],
    [
      "GET Bucket Lifecycle",
      // Signed as it is written, so with the sign that AWS adds.
      "/?lifecycle=",
      {},
      "host;x-amz-content-sha256;x-amz-date",
      "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543",
    ],
    [
      "GET Bucket (List Objects)",
      "/?max-keys=2&prefix=J",
      {},
      "host;x-amz-content-sha256;x-amz-date",
      "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7",
    ],
  ];
  for (const [name, path, more, names, signature] of vectors) {
    it(name, () => {
      const url = new URL(path, "https://examplebucket.s3.amazonaws.com");
      const request = {
        method: "GET" as const,
        url,
        headers: { ...more, "x-amz-content-sha256": emptyHash },
        body: "",
      };
      assert.equal(
        signAws(request, keys, scope, now)["authorization"],
        `AWS4-HMAC-SHA256 Credential=AKIAIOSFODNN7EXAMPLE/20130524/us-east-1/s3/aws4_request, SignedHeaders=${names}, Signature=${signature}`,
      );
    });
  }
});
