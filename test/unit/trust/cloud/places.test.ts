import assert from "node:assert/strict";
import fc from "fast-check";
import {
  CLOUD_SERVICES,
  cloudEndpoint,
  parseCloudEndpoints,
  type CloudService,
} from "../../../../src/trust/cloud/endpoints.ts";
import { cloudPlaceOf } from "../../../../src/trust/cloud/places.ts";

describe("registries of clouds", () => {
  const places: readonly (readonly [host: string, cloud: string | undefined, ...endpoints: string[]])[] = [
    [
      "111122223333.dkr.ecr.eu-west-1.amazonaws.com",
      "AWS",
      "aws-sts https://sts.eu-west-1.amazonaws.com",
      "aws-ecr https://api.ecr.eu-west-1.amazonaws.com",
    ],
    [
      "111122223333.dkr.ecr.cn-north-1.amazonaws.com.cn",
      "AWS",
      "aws-sts https://sts.cn-north-1.amazonaws.com.cn",
      "aws-ecr https://api.ecr.cn-north-1.amazonaws.com.cn",
    ],
    [
      "111122223333.dkr.ecr-fips.us-gov-west-1.amazonaws.com",
      "AWS",
      "aws-sts https://sts.us-gov-west-1.amazonaws.com",
      "aws-ecr https://ecr-fips.us-gov-west-1.amazonaws.com",
    ],
    [
      "111122223333.dkr.ecr-fips.us-east-1.amazonaws.com",
      "AWS",
      "aws-sts https://sts-fips.us-east-1.amazonaws.com",
      "aws-ecr https://ecr-fips.us-east-1.amazonaws.com",
    ],
    [
      "europe-west1-docker.pkg.dev",
      "Google",
      "google-sts https://sts.googleapis.com",
      "google-iam-credentials https://iamcredentials.googleapis.com",
    ],
    ["gcr.io", "Google"],
    ["us.gcr.io", "Google"],
    [
      "myregistry.azurecr.io",
      "Azure",
      "azure-entra https://login.microsoftonline.com",
      "azure-registry https://myregistry.azurecr.io",
    ],
    ["myregistry.azurecr.us", "Azure", "azure-entra https://login.microsoftonline.us"],
    ["myregistry.azurecr.cn", "Azure", "azure-entra https://login.partner.microsoftonline.cn"],
    ["111122223333.dkr.ecr.eu-west-1.amazonaws.com:5000", undefined],
    ["111122223333.dkr.ecr.eu-west-1.amazonaws.com.evil.example", undefined],
    ["111122223333.dkr.ecr.evil.example/x.amazonaws.com", undefined],
    ["111122223333.dkr.ecr.a.b-1.amazonaws.com", undefined],
    ["1.dkr.ecr.eu-west-1.amazonaws.com", undefined],
    ["public.ecr.aws", undefined],
    ["docker.pkg.dev", undefined],
    ["a.b-docker.pkg.dev", undefined],
    ["notgcr.io", undefined],
    ["azurecr.io", undefined],
    ["a.b.azurecr.io", undefined],
    ["myregistry.azurecr.io.example.com", undefined],
    ["docker.io", undefined],
  ];
  for (const [host, cloud, ...endpoints] of places) {
    it(`${host} is of ${cloud ?? "no cloud"}`, () => {
      const place = cloudPlaceOf(host);
      assert.equal(place?.cloud, cloud);
      for (const expected of endpoints) {
        assert.ok(place !== undefined);
        const [service] = expected.split(" ");
        assert.equal(`${service ?? ""} ${cloudEndpoint(service as CloudService, place, {})}`, expected);
      }
    });
  }

  it("lead to no other host than the table's, whatever their name", () => {
    const host = fc
      .tuple(fc.string({ maxLength: 40 }), fc.constantFrom(...places.map(([one]) => one)), fc.string({ maxLength: 40 }))
      .map(([before, middle, after]) => `${before}${middle}${after}`);
    const allowed =
      /^https:\/\/([a-z0-9.-]+\.amazonaws\.com(\.cn)?|(sts|iamcredentials)\.googleapis\.com|login\.(microsoftonline\.(com|us)|partner\.microsoftonline\.cn)|[a-z0-9-]+\.azurecr\.(io|cn|us))$/;
    fc.assert(
      fc.property(host, (text) => {
        const place = cloudPlaceOf(text);
        if (place === undefined) return;
        const own = { AWS: "aws-", Google: "google-", Azure: "azure-" }[place.cloud];
        for (const service of CLOUD_SERVICES.filter((name) => name.startsWith(own)))
          assert.match(cloudEndpoint(service, place, {}), allowed);
      }),
    );
  });
});

describe("addresses of cloud services", () => {
  it("are the administrator's where they are given", () => {
    const parsed = parseCloudEndpoints([
      "aws-ecr=https://vpce-1.api.ecr.{region}.vpce.amazonaws.com/",
      "azure-registry=https://{registry}",
    ]);
    assert.ok(parsed.ok);
    const place = cloudPlaceOf("111122223333.dkr.ecr.eu-west-1.amazonaws.com");
    assert.ok(place !== undefined);
    assert.equal(
      cloudEndpoint("aws-ecr", place, parsed.endpoints),
      "https://vpce-1.api.ecr.eu-west-1.vpce.amazonaws.com",
    );
    assert.equal(cloudEndpoint("aws-sts", place, parsed.endpoints), "https://sts.eu-west-1.amazonaws.com");
  });

  for (const entry of [
    "aws-sts",
    "aws-sts=",
    "aws-s3=https://a.example.com",
    "aws-sts=a.example.com",
    "aws-sts=https://a.example.com/path",
    "aws-sts=https://u:p@a.example.com",
    "aws-sts=https://a.example.com?x",
    "",
  ]) {
    it(`are not ${JSON.stringify(entry)}`, () => {
      const parsed = parseCloudEndpoints([entry]);
      assert.ok(!parsed.ok);
      assert.match(parsed.message, /write one of aws-sts, aws-ecr/);
    });
  }
});
