/** A signature known to be good, made by test/vectors/make-vectors.sh with a key that was thrown away. */
export const canaryVector = {
  digest: "sha256:9ae9a6b1f7edc1770189fb46432b258c4bbe6d2613919762a629578eba675fcc",
  publicKeyPem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEXShF+gh6Wb4qAMzsdZpMidn1ePxL
WAIHVnpM9PDmQl/SEu7PwNnqo5+WKe598j06Qvyj737qHeeJzhHT9w5OhQ==
-----END PUBLIC KEY-----
`,
  otherKeyPem: `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAELmBD46/EbACY4/loh9mVM1nwofRR
tK6CxFnH0T+arS77sfwl3wmEcQiJzufrKNZd+EeXRykT2qbPrBI+zeU3cw==
-----END PUBLIC KEY-----
`,
  bundle: `{"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json", "verificationMaterial":{"publicKey":{"hint":"1ik8nsWNhvYtMk3bpXq4nNYXzql6v/V8WLu7wDbbcOk="}}, "dsseEnvelope":{"payload":"eyJfdHlwZSI6Imh0dHBzOi8vaW4tdG90by5pby9TdGF0ZW1lbnQvdjEiLCAic3ViamVjdCI6W3siZGlnZXN0Ijp7InNoYTI1NiI6IjlhZTlhNmIxZjdlZGMxNzcwMTg5ZmI0NjQzMmIyNThjNGJiZTZkMjYxMzkxOTc2MmE2Mjk1NzhlYmE2NzVmY2MifSwgImFubm90YXRpb25zIjp7fX1dLCAicHJlZGljYXRlVHlwZSI6Imh0dHBzOi8vc2lnc3RvcmUuZGV2L2Nvc2lnbi9zaWduL3YxIiwgInByZWRpY2F0ZSI6e319", "payloadType":"application/vnd.in-toto+json", "signatures":[{"sig":"MEYCIQD0MPPo51vCI2CM/VRtOtMcPJzvQg5NeZyjPHvjmD43fwIhALz46M3Skj8anP/6TFq9lI8vgZSwY4qSngCBXO/zphM3"}]}}`,
} as const;
