// Signs URLs with Node's signers. Each line of stdin is a question, each line of stdout its answer:
// {signer, hash, keyId, privateKey, expires, urls} -> {urls, seconds: CPU seconds that one URL took}
import { createPrivateKey } from "node:crypto";
import { createInterface } from "node:readline";
import { getSignedUrl as sdk } from "@aws-sdk/cloudfront-signer";
import { getSignedUrl as sign } from "aws-cloudfront-sign";

const withSdk = ({ hash, keyId, privateKey, expires }) => {
  const dateLessThan = new Date(expires * 1000);
  return (url) => sdk({ url, keyPairId: keyId, dateLessThan, privateKey, algorithm: hash });
};

const signers = {
  "@aws-sdk/cloudfront-signer": withSdk,
  // Outside of the SDK's types, which know only text; it spares the SDK reading the key for every URL.
  "@aws-sdk/cloudfront-signer, key parsed once": (question) =>
    withSdk({ ...question, privateKey: createPrivateKey(question.privateKey) }),
  "aws-cloudfront-sign": ({ keyId, privateKey, expires }) => {
    const parameters = { keypairId: keyId, expireTime: expires * 1000, privateKeyString: privateKey };
    return (url) => sign(url, parameters);
  },
};

for await (const line of createInterface({ input: process.stdin })) {
  const question = JSON.parse(line);
  const signed = signers[question.signer](question);
  const begun = process.cpuUsage();
  const urls = question.urls.map(signed);
  const { user, system } = process.cpuUsage(begun);
  console.log(JSON.stringify({ urls, seconds: (user + system) / 1e6 / urls.length }));
}
